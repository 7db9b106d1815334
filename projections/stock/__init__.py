"""The present: one row a stock, and the soft holds that may run out unswept."""
