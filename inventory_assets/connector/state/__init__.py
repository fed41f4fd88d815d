"""How far the connector has come, and where that is kept."""
