"""What the past amounts to: tables derived from the ledger that can be dropped and rebuilt."""
