"""In-memory twins of the connector's edges.

Belongs here: objects that really work, and fail on cue. Does not belong: assertions.
"""

import threading
from collections.abc import Sequence

from inventory_assets.connector.errors import StoreUnavailableError
from inventory_assets.connector.state.checkpoint import Checkpoint
from inventory_assets.connector.state.stores import codec


class MemoryTokenStore:
    """`TokenStore` in a dictionary, which outlives the "process" that used it.

    Attributes:
        is_down: Calls raise StoreUnavailableError; nothing is written.
        lose_next_answer: The next save is written, and fails all the same.
        saves: Every checkpoint saved, in order.
    """

    def __init__(self) -> None:
        self.is_down = False
        self.lose_next_answer = False
        self.saves: list[Checkpoint] = []
        self._kept: dict[str, Checkpoint] = {}
        self._lock = threading.Lock()

    def load(self, connector_id: str) -> Checkpoint | None:
        """Read one."""
        with self._lock:
            self._check()
            return self._kept.get(connector_id)

    def save(self, checkpoint: Checkpoint) -> Checkpoint:
        """Write one if nobody else has."""
        with self._lock:
            self._check()
            current = self._kept.get(checkpoint.connector_id)
            if (current.revision if current else 0) != checkpoint.revision:
                return codec.settle_conflict(checkpoint, current, where="memory")
            saved = codec.written(checkpoint)
            self._kept[checkpoint.connector_id] = saved
            self.saves.append(saved)
            if self.lose_next_answer:
                self.lose_next_answer = False
                raise StoreUnavailableError("the store's answer was lost")
            return saved

    def list(self) -> Sequence[Checkpoint]:
        """All, by id."""
        with self._lock:
            self._check()
            return [self._kept[connector_id] for connector_id in sorted(self._kept)]

    def close(self) -> None:
        """Nothing to close."""

    def _check(self) -> None:
        if self.is_down:
            raise StoreUnavailableError("the store is down")
