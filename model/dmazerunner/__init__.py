"""The published model: its machine, its mappings, what fits and what it costs (``docs/model.md``)."""
