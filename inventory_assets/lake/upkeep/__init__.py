"""Keep the lake quick: merge, compact, expire, remove. Never changes what a query finds."""
