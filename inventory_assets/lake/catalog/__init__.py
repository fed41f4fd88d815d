"""The database behind the lake: attach it, make its tables, speak PostgreSQL."""
