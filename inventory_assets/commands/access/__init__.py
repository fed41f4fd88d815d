"""`inventory tokens`: who may, and who did."""
