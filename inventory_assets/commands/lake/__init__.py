"""Commands about the lake and what is made of it."""
