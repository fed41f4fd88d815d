"""The pages: handlers, templates, formats."""
