"""What can go wrong with the lake. Each message says what to do next."""

from inventory_assets.errors import InventoryError


class LakeError(InventoryError):
    """Base of this package's errors."""


class LakeBusyError(LakeError):
    """The writer lock was not free in time."""


class LakeInterruptedError(LakeError):
    """The session with the catalog's server ended in the middle: a new one may do."""


class StaleStateError(LakeError):
    """Another writer moved the watermark: the warm state is behind and must be reloaded."""


class LakeMissingError(LakeError):
    """There is no lake yet, or not the version asked for."""


class JournalError(LakeError):
    """The journal is missing, damaged, of another lake, or has a gap: nobody writes before that is settled."""
