"""The readable reports and tables of comparisons: pruning, dataflows, machines."""
