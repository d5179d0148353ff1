"""Reads Timeloop's machines, constraints and mappings as hierarchies (``docs/interop.md``)."""
