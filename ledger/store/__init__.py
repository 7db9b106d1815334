"""The only room that knows bytes and the event tables."""
