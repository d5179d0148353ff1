"""CP-SAT on hierarchies: it proves bounds on a relaxed model, and what it finds is costed exactly."""
