"""The checkpoint while the connector runs: who may write it, and what a conflict means.

Here: taking over, saving, and the flags that `inventory connector snapshot` sets meanwhile.
Not here: what is saved when (`service`), or where (`stores`).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Any

from inventory_assets.connector.errors import CheckpointConflictError, StoreUnavailableError, TakenOverError
from inventory_assets.connector.ports import TokenStore
from inventory_assets.connector.source.change import ClusterTime, Token
from inventory_assets.connector.state.checkpoint import Checkpoint, Gap, Phase

# A conflict is a command's flag or a save whose answer was lost: once is usual, a few are a busy operator.
_TRIES = 5
# What every source begins with, and what bare documents have: positions of two databases compare by their
# clocks, or a transfer between them would count beside a level that knows of it (docs/adr/0016).
FIRST_EPOCH = 0


class Progress:
    """One connector's checkpoint, written by this process. Thread-safe."""

    def __init__(self, store: TokenStore, *, connector_id: str, owner_id: str, now: Callable[[], datetime]) -> None:
        """Nothing is read before `take_over`.

        Args:
            store: Where it is kept.
            connector_id: Whose.
            owner_id: Unique to this process: what a newer process sees and replaces.
            now: Reads the clock, UTC.
        """
        self._store = store
        self._connector_id = connector_id
        self._owner_id = owner_id
        self._now = now
        self._lock = Lock()
        self._current: Checkpoint | None = None

    @property
    def current(self) -> Checkpoint:
        """The checkpoint as last saved."""
        assert self._current is not None, "take_over comes first"
        return self._current

    @property
    def has_taken_over(self) -> bool:
        """Whether this process may write."""
        return self._current is not None

    def take_over(self) -> Checkpoint:
        """Become the one process that writes, and read where the last one stopped.

        The last one to start wins, so that a new revision of the service never waits for the old
        one: the old one's next save finds out.

        Raises:
            StoreUnavailableError: The store did not answer.
        """
        with self._lock:
            for _ in range(_TRIES):
                found = self._store.load(self._connector_id)
                if found is None:
                    found = Checkpoint(
                        connector_id=self._connector_id, source_epoch=FIRST_EPOCH, phase=Phase.COPYING, token=None
                    )
                try:
                    self._current = self._store.save(replace(found, owner_id=self._owner_id, heartbeat_at=self._now()))
                except CheckpointConflictError:
                    continue
                return self._current
        raise StoreUnavailableError(
            f"the checkpoint of {self._connector_id!r} changed each of the {_TRIES} times it was to be taken over. "
            "Several processes run under this CONNECTOR_ID: leave one."
        )

    def moved(self, token: Token, cluster_time: ClusterTime | None) -> None:
        """Everything up to `token` is confirmed."""
        self._save(token=token, cluster_time=cluster_time or self.current.cluster_time, moved_at=self._now())

    def beat(self) -> None:
        """The process lives."""
        self._save(heartbeat_at=self._now())

    def began_copy(self, token: Token) -> None:
        """A copy begins; streaming will go on after `token`."""
        self._save(phase=Phase.COPYING, token=token, moved_at=self._now())

    def finished_copy(self) -> None:
        """Every document of the copy is confirmed."""
        self._save(phase=Phase.STREAMING, moved_at=self._now())

    def start_requested_copy(self) -> bool:
        """Turn a request for a copy into its beginning; whether there was one.

        Under the same epoch the stream goes on where it is after the copy, so nothing is missed. A new
        epoch, asked for or because a gap is open, begins with a new token.
        """
        found = self.current
        if not found.is_snapshot_requested:
            return False
        answered: dict[str, Any] = {"is_snapshot_requested": False, "is_new_epoch_requested": False}
        has_open_gap = bool(found.gaps) and found.gaps[-1].healed_by is None
        if found.is_new_epoch_requested or has_open_gap:
            epoch = self._new_epoch(found.source_epoch)
            gaps = found.gaps
            if has_open_gap:
                gaps = (*gaps[:-1], replace(gaps[-1], healed_by=epoch))
            self._save(phase=Phase.COPYING, token=None, source_epoch=epoch, gaps=gaps, **answered)
        else:
            self._save(phase=Phase.COPYING, **answered)
        return True

    def lost_token(self, *, code: int | None, reason: str, is_healed: bool) -> Gap:
        """Record a gap; `is_healed` begins a copy under a new epoch."""
        found = self.current
        epoch = self._new_epoch(found.source_epoch)
        gap = Gap(
            found_at=self._now(), after=found.cluster_time, code=code, reason=reason,
            healed_by=epoch if is_healed else None,
        )  # fmt: skip
        # A connector told to stop meets the same gap at every start.
        earlier = [known for known in found.gaps if known.healed_by is not None or known.after != gap.after]
        changes: dict[str, Any] = {"gaps": (*earlier, gap)}
        if is_healed:
            changes |= {"phase": Phase.COPYING, "token": None, "source_epoch": epoch}
        self._save(**changes)
        return gap

    def _new_epoch(self, earlier: int) -> int:
        # By the clock, so that one asked for after the store was lost outranks what was said before.
        return max(earlier + 1, int(self._now().timestamp()))

    def _save(self, **changes: Any) -> None:
        with self._lock:
            wanted = replace(self.current, **changes)
            for _ in range(_TRIES):
                try:
                    self._current = self._store.save(wanted)
                    return
                except CheckpointConflictError as conflict:
                    wanted = self._merged(wanted, conflict.current, changes)
        raise StoreUnavailableError(
            f"the checkpoint of {self._connector_id!r} changed each of the {_TRIES} times it was to be saved."
        )

    def _merged(self, wanted: Checkpoint, stored: Checkpoint | None, changes: dict[str, Any]) -> Checkpoint:
        if stored is None or stored.owner_id != self._owner_id:
            owner = "nobody: it was deleted" if stored is None else repr(stored.owner_id)
            raise TakenOverError(
                f"the checkpoint of {self._connector_id!r} belongs to {owner}, expected {self._owner_id!r}: another "
                "process runs under this CONNECTOR_ID. This one stops; nothing is lost, the other goes on after the "
                "last saved token."
            )
        # Ours, so only a command has written: it sets these two and nothing else.
        flags = {
            name: changes.get(name, getattr(stored, name))
            for name in ("is_snapshot_requested", "is_new_epoch_requested")
        }
        return replace(wanted, revision=stored.revision, **flags)


def request_snapshot(store: TokenStore, connector_id: str, *, is_new_epoch: bool) -> Checkpoint | None:
    """Ask a connector for a copy of everything, running or not; None where it has never run.

    Raises:
        StoreUnavailableError: The store did not answer.
    """
    for _ in range(_TRIES):
        found = store.load(connector_id)
        if found is None:
            return None
        asked = replace(
            found, is_snapshot_requested=True, is_new_epoch_requested=is_new_epoch or found.is_new_epoch_requested
        )
        try:
            return store.save(asked)
        except CheckpointConflictError:
            continue
    raise StoreUnavailableError(f"the checkpoint of {connector_id!r} changed {_TRIES} times while it was to be marked.")
