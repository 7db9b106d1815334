"""Who disagrees with the ledger, by how much and why; and what was done about it."""
