"""How the copies of the ledger in the message server are, as their relay says."""
