"""What a message can mean, and how it is read."""
