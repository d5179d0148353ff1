"""Lower bounds: what is still to come of every tile vector, and of every label."""
