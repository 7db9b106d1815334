"""A retail day, made up from a seed and told as it happens."""
