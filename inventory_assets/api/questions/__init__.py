"""What can be asked of the stock service: one module a subject, each with its routes."""
