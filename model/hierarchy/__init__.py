"""The hierarchy model: any list of storage levels and fanouts (``docs/hierarchies.md``, ``docs/model.md``)."""
