"""The past: every change of every stock with the balances after it."""
