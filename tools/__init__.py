"""Tools: what agents may use beside models; the room is laid out, and empty so far."""
