"""Results and studies as text for people."""
