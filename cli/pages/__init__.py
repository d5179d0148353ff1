"""HTML pages with all of a result, and what is checked before and written after a run."""
