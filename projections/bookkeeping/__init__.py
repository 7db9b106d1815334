"""Where units came from and went to, summed so that any statement is a few sums away."""
