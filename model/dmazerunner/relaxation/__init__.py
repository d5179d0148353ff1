"""The published model relaxed case by case: sums of monomials that never exceed the exact cost."""
