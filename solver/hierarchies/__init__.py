"""Searches of the mappings onto hierarchies: every one of them, and why there may be none."""
