"""Plans: what to order and what to move, from stock, demand and rules; pure (RULES 42-43)."""
