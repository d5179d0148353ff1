"""Verbs that compare many searches: pruning, dataflows, machines."""
