"""`inventory plan`."""
