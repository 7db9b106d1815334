"""The way in: HTTP, commands on the bus, the command line, and the processes behind them."""
