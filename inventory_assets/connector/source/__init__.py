"""Read MongoDB: change streams, copies of collections, look-ups."""
