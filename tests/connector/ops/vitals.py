"""Vitals of a connector that is well, with the fields that matter to a test replaced."""

from datetime import UTC, datetime, timedelta
from typing import Any

from inventory_assets.connector.ops.vitals import Circuit, CircuitState, State, Vitals
from inventory_assets.connector.state.checkpoint import Phase

NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    """So long before NOW."""
    return NOW - timedelta(seconds=seconds)


def circuit(state: CircuitState = CircuitState.OPEN, *, seconds: float = 40, error: str | None = "refused") -> Circuit:
    """A circuit that entered its state so long ago."""
    return Circuit(dependency="pubsub", state=state, since=ago(seconds), last_error=error)


def vitals(**fields: Any) -> Vitals:
    """A connector that is well."""
    well: dict[str, Any] = {
        "connector_id": "connector-wh-east-1",
        "warehouse_id": "WH-EAST-1",
        "state": State.STREAMING,
        "phase": Phase.STREAMING,
        "started_at": ago(86_400),
        "last_turn_at": ago(0.5),
        "last_heartbeat_at": ago(12),
        "source_epoch": 1_772_600_000,
        "lag_seconds": 0.0,
        "token_age_seconds": 3.0,
        "circuits": (circuit(CircuitState.CLOSED, seconds=86_400, error=None),),
    }
    return Vitals(**{**well, **fields})
