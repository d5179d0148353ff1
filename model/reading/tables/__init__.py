"""Reads layers in tables and in other small formats of other tools (``docs/interop.md``)."""
