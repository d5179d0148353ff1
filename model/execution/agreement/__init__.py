"""Executions held against the models: quantity by quantity, on whole layers or on shrunk ones."""
