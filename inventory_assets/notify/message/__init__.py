"""What a notification says and how it looks, for every channel. Pure."""
