"""The published model relaxed case by case: sums of monomials, and bounds on them, that never exceed the exact cost."""
