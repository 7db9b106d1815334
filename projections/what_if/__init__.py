"""What a past interval would have been for a channel that had seen other numbers.

Like all that channels are told, nothing of it is stored: what happened to stocks comes from
history, in the order of business time and as known at one position; what a channel would have
seen of it is worked out by the same function that tells it.
"""
