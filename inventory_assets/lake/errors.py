"""What can go wrong with the lake. Each message says what to do next."""

from inventory_assets.errors import InventoryError


class LakeError(InventoryError):
    """Base of this package's errors."""


class LakeBusyError(LakeError):
    """The writer lock was not free in time."""


class StaleStateError(LakeError):
    """Another writer moved the watermark: the warm state is behind and must be reloaded."""


class LakeMissingError(LakeError):
    """There is no lake yet, or not the version asked for."""
