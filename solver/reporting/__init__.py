"""What a run in Python says of itself while it works, without the command."""
