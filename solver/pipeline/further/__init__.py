"""What is done with a layer beyond one search of it."""
