"""Dagster resources: they only build plain objects from `inventory_assets`."""

from resources.inventory import InventoryResource

__all__ = ["InventoryResource"]
