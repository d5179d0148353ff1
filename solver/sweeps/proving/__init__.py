"""The best design of a sweep, proved without solving every layer on every design."""
