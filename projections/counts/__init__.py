"""Every count document: what was to be counted, what was entered, what it came to."""
