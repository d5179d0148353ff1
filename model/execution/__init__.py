"""The executor: mappings onto hierarchies walked with real integer tensors, words counted as they move."""
