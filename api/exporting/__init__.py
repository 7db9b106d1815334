"""The ledger as files for auditors: every event row, byte for byte, in ledger order."""
