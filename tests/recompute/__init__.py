"""The second engine, against the first."""
