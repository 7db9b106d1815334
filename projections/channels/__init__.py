"""What channels sell from and by which rules, how stale they are, and their credentials."""
