"""What goes out, and to whom: the relay to JetStream, public messages and the subscriber SDK."""
