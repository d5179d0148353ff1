"""How documents show themselves in Python: in a line, as a small table of a notebook, as a table of pandas."""
