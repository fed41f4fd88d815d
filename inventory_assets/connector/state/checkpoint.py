"""How far a connector has come, as its token store keeps it.

Here: the value, and its form as JSON. Not here: where it is kept (`stores`), or when (`service`).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inventory_assets.connector.source.change import ClusterTime, Token


class Phase(StrEnum):
    """What a restart has to do first."""

    COPYING = "copying"
    STREAMING = "streaming"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of the change stream that could not be read: recorded, never forgotten.

    Attributes:
        found_at: When, UTC.
        after: Cluster time of the last change known to be published; None for never.
        code: MongoDB's error code.
        reason: Its text.
        healed_by: Source epoch of the copy that restates everything; None while stopped.
    """

    found_at: datetime
    after: ClusterTime | None
    code: int | None
    reason: str
    healed_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Everything a restart needs. Times are UTC, aware.

    Attributes:
        revision: Of the stored record, for compare-and-set; 0 was never stored.
        owner_id: The process that may write it; another one takes over by writing its own.
        source_epoch: First part of every position (RULES 12); greater after each gap.
        phase: COPYING: a copy was begun and not finished, and a restart begins it anew.
        token: Stream after it. While copying: where streaming begins when the copy is done.
        cluster_time: Everything up to it is confirmed by Pub/Sub.
        moved_at: When `token` was last confirmed to be current: its age is the lag's upper bound.
        heartbeat_at: When the process last said that it lives.
        is_snapshot_requested: Somebody asked for a copy; `is_new_epoch_requested` under a new epoch.
        gaps: Oldest first.
    """

    connector_id: str
    revision: int = 0
    owner_id: str = ""
    source_epoch: int
    phase: Phase
    token: Token | None
    cluster_time: ClusterTime | None = None
    moved_at: datetime | None = None
    heartbeat_at: datetime | None = None
    is_snapshot_requested: bool = False
    is_new_epoch_requested: bool = False
    gaps: tuple[Gap, ...] = ()
