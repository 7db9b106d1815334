"""Evidence for strangers: the Merkle tree over the ledger's rows, and signed notes of it."""
