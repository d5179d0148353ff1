"""The published model over arrays of tilings, equal to the one-at-a-time model, and its lower bounds."""
