"""What the command line says of itself: help pages, examples, misspelt words, completion in the shell."""
