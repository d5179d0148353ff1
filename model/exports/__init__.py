"""Other tools' files: exports of layers with their mappings, imports of layers and mappings (``docs/interop.md``)."""
