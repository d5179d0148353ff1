"""The document that explains a layer of a result."""
