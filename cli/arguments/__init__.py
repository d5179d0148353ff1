"""What the command line is given: options and groups of them, how they are read, and what they replace in a spec."""
