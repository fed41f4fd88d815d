"""Inventory monitoring: streams become a versioned lake, and alerts explain themselves."""
