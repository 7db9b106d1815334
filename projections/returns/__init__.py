"""Every return: what may come, what came, where it went; and what each order comes to."""
