"""Re-checks a result independently of the search that made it."""
