"""Words that a batch of mappings moves, edge by edge."""
