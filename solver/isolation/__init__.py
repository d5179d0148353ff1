"""Keeping third-party searches from doing harm: what they return is copied as plain data, and they run elsewhere."""
