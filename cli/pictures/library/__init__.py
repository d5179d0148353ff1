"""Pictures as functions of a library: documents in, figures out."""
