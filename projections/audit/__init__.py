"""The auditor: reads the whole log with eyes of his own and trusts no other reader of it."""
