"""A run over the layers of a spec: what each comes to, one after the other or several at once."""
