"""Labels, what steps do to them, and sweeps from the MAC to DRAM."""
