"""What happened to one stock, for people: a line a change, and a plot of the level."""
