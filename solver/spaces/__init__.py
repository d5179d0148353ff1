"""Parts of a map space: tilings with factors still open, what bounds them, and how they are split."""
