"""Every transfer: its lines, what became of each unit, and where it stands."""
