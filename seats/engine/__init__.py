"""The single-writer loop around the pure core."""
