"""What may happen to stock, and what did: the domain, the event store and the one writer."""
