"""Mappings as programs: a mapping onto a hierarchy printed as one C file that checks itself."""
