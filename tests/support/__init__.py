"""Builders, servers and other furniture of the tests."""
