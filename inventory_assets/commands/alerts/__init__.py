"""`inventory alerts`, `explain`, `incidents` and what is done about them."""
