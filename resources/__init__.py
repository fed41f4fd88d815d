"""Dagster resources: they only build plain objects from `inventory_assets`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resources.inventory import InventoryResource
    from resources.storage import StorageResource

__all__ = ["InventoryResource", "StorageResource"]


# On demand: whoever opens a bucket imports `resources.gcs`, and needs neither the engine nor these.
def __getattr__(name: str) -> Any:
    if name == "InventoryResource":
        from resources.inventory import InventoryResource

        return InventoryResource
    if name == "StorageResource":
        from resources.storage import StorageResource

        return StorageResource
    raise AttributeError(f"module 'resources' has no attribute {name!r}")
