"""What there is to choose from: tile vectors, what words cost along the edges, and where tiles are brought."""
