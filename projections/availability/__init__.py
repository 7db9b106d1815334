"""What channels may be told, now and then, and what they were told; computed, never stored twice.

Unlike a projection it has no copy of stock: a number is worked out from the tables of others, all
read in one snapshot at one position, and is a function of position, rule version and instant.
"""
