"""What may be asked of a mapping onto a hierarchy besides fitting it."""
