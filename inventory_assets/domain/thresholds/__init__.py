"""Which limits hold for a key, and the life of the rules that say so (RULES 21-23)."""
