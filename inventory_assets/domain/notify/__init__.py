"""Who is told what, when and why, as values."""
