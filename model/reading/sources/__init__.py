"""Specs as callers in Python give them: documents, text, paths, names of built-in data, and options beside these."""
