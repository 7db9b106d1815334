"""What SKUs and locations are, and which facts wait for a definition."""
