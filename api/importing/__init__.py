"""Other people's files turned into movements: pure readers, and the client that sends them."""
