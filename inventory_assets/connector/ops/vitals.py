"""How a connector is, as one value at one moment: what health, metrics and heartbeats are made of.

Here: the value. Not here: who is to worry (`health`), or how the service knows (`service`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from inventory_assets.connector.source.change import ClusterTime
from inventory_assets.connector.state.checkpoint import Phase


class State(StrEnum):
    """What the process is doing."""

    STARTING = "starting"
    COPYING = "copying"
    STREAMING = "streaming"
    # Settling what is in flight, before the stream is opened anew.
    RECOVERING = "recovering"
    STOPPING = "stopping"
    # The stream ended for good, and the process is still there.
    FAILED = "failed"


class CircuitState(StrEnum):
    """Of a circuit breaker; pybreaker's names with an underscore."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """The circuit breaker before one dependency.

    Attributes:
        dependency: `mongodb` or `pubsub`.
        since: When it entered `state`, UTC.
        last_error: What opened it last, without secrets.
    """

    dependency: str
    state: CircuitState
    since: datetime
    last_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """One connector at one moment. Times are UTC, aware; what is not known yet is None.

    Attributes:
        warehouse_id: None where one connector serves several.
        phase: Of the checkpoint.
        started_at: When the process began.
        last_turn_at: When the stream's thread last came round, whatever it found: it is stuck if that is long ago.
        lag_seconds: As `lag_of`.
        published_until: Every change up to then is confirmed by Pub/Sub, UTC.
        token_age_seconds: Since the saved token was last confirmed to be current.
        last_heartbeat_at: When the last heartbeat was confirmed.
        last_error, last_error_at: The last thing that went wrong, mended or not; without secrets.
        in_flight_messages, in_flight_bytes: Handed to Pub/Sub and not confirmed.
        copying: Collections being copied.
        counters: Totals since the start, by name: `read`, `published`, …
    """

    connector_id: str
    warehouse_id: str | None
    state: State
    started_at: datetime
    last_turn_at: datetime
    owner_id: str = ""
    source_epoch: int | None = None
    phase: Phase | None = None
    cluster_time: ClusterTime | None = None
    circuits: tuple[Circuit, ...] = ()
    lag_seconds: float | None = None
    published_until: datetime | None = None
    token_age_seconds: float | None = None
    last_heartbeat_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    in_flight_messages: int = 0
    in_flight_bytes: int = 0
    copying: tuple[str, ...] = ()
    counters: Mapping[str, int] = field(default_factory=dict)


def lag_of(confirmed: ClusterTime | None, *, is_current: bool, now: datetime) -> float | None:
    """Tell how far behind the database the messages are.

    Args:
        confirmed: Cluster time of the last change that Pub/Sub confirmed.
        is_current: Nothing is unconfirmed, and the last read found nothing more.

    Returns:
        Seconds; 0 when idle and current; None before the first change. Cluster times are whole
        seconds of the server's clock, so up to a second and that clock's error are noise.
    """
    if is_current:
        return 0.0
    return None if confirmed is None else max(0.0, now.timestamp() - confirmed[0])
