"""Plans: read what a lake version knows, plan, keep the lines, take them apart again."""
