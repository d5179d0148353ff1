"""The hierarchy model over arrays of mappings, equal to the one-at-a-time model to the last bit."""
