"""Publish and know what was confirmed."""
