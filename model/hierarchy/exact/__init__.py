"""The exact hierarchy model, one mapping at a time, to be read beside its definition (``docs/model.md``)."""
