"""Reads other tools' layers and mappings (``docs/interop.md``)."""
