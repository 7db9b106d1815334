"""What facts broke, until it ended by itself or somebody dealt with it."""
