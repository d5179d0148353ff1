"""What is said of a network as a whole, as public documents: its best choice, and what became of checking it."""
