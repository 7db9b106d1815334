"""The rules of stock keeping, pure: no clock, no randomness, no input or output."""
