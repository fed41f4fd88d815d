"""One burst on the warm state: everything that follows from its messages."""
