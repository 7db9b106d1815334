"""Who may come in, and in which words: HTTP, commands on the bus, the command line."""
