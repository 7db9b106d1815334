"""Who may do what on the message server: keys, signed claims, and how they stay true."""
