"""Energy-latency fronts, proved complete."""
