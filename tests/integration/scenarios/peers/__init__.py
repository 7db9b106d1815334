"""Scenarios that other systems keep as tests, told to this ledger in its own words."""
