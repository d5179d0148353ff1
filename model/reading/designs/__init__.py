"""Reads whole jobs in files of other tools: a machine, layers, and what is asked of their mappings."""
