"""What of an architecture a sweep may vary: its fields by dotted paths, for every kind of architecture."""
