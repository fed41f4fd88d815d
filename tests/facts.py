"""What a lake and a warm state hold, as plain values that compare.

Belongs here: reading. Does not belong: expectations, which are the tests'.
"""

from typing import TYPE_CHECKING, Any

from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.replay import Replay
from inventory_assets.ingest.verify import Difference, compare, replay_all
from inventory_assets.lake.query.reader import Reader
from inventory_assets.simulator import Simulation

if TYPE_CHECKING:
    # Not otherwise: it brings Dagster along, which most suites do without.
    from resources import InventoryResource

Rows = list[tuple[Any, ...]]

STOCK = "SELECT warehouse_id, sku, on_hand, reserved, available, inbound FROM core.sku_state ORDER BY ALL"
# All that is a function of the set of events: not the version that wrote a row, nor how often.
STATE = "SELECT * EXCLUDE (version) FROM core.sku_state ORDER BY ALL"
ROLLUPS = "SELECT * EXCLUDE (version) FROM core.rollups ORDER BY ALL"
OUTCOMES = "SELECT outcome, count(*) FROM raw.messages GROUP BY ALL ORDER BY ALL"
ALERTS = "SELECT alert_id, state, notification_count, body FROM out.alerts ORDER BY ALL"
DEAD_LETTERS = "SELECT reason, data FROM core.dead_letters ORDER BY version, seq"


def engine_of(inventory: "InventoryResource") -> Engine:
    """The engine of the resource's session, for a test that is alone with it."""
    with inventory.session().engine() as engine:
        return engine


def rows(reader: Reader, sql: str) -> Rows:
    """A query's rows."""
    return reader.query(sql).rows()


def value(reader: Reader, sql: str) -> Any:
    """A query's only value."""
    return reader.query(sql).item()


def differences(engine: Engine) -> list[Difference]:
    """What `inventory verify` finds."""
    replay = Replay(meaning=engine.meaning)
    expected, found = replay_all(engine.lake, replay)
    return found + compare(engine.lake, expected)


def ledger(simulation: Simulation) -> Rows:
    """The simulator's own books, in the shape of STOCK."""
    return [
        (row.warehouse_id, row.sku, row.on_hand, row.reserved, row.on_hand - row.reserved, row.inbound)
        for row in sorted(simulation.ledger.rows(), key=lambda row: (row.warehouse_id, row.sku))
    ]


def doubled_events(reader: Reader) -> Rows:
    """Event ids taken in more than once; there must be none."""
    return rows(reader, "SELECT event_id FROM core.events GROUP BY ALL HAVING count(*) > 1")


def warm(state: InventoryState) -> dict[str, Any]:
    """Everything an engine keeps warm but its memory of events, as plain values."""
    return {
        "version": state.version,
        "keys": {key: repr(value) for key, value in state.keys.items()},
        "parents": {
            sku: (place.parents, place.levels, sorted(place.warehouse_ids)) for sku, place in state.skus.items()
        },
        "rules": dict(state.rules),
        "thresholds": dict(state.thresholds),
        "velocities": {key: units for key, units in state.velocities.items() if units},
        "alerts": {key: dict(alerts) for key, alerts in state.alerts.items() if alerts},
        "due_alerts": set(state.due_alerts),
        "products": dict(state.products),
        "plan_lines": {key: line for key, line in state.plan_lines.items() if line is not None},
        "connectors": dict(state.connectors),
        "dynamics": {key: limits for key, limits in state.dynamics.items() if limits is not None},
        "pauses": dict(state.pauses),
        "silences": dict(state.silences),
        "inhibitions": dict(state.inhibitions),
        "unstated": set(state.unstated),
        "newest": {warehouse_id: newest.event_at for warehouse_id, newest in state.newest.items()},
        "audit_head": state.audit_head,
        "trends": {key: list(points) for key, points in state.trends.items()},
        "rollups": state.rollups.items(),
        "rollup_parents": state.rollups.parents(),
    }


def remembered(state: InventoryState) -> dict[str, Any]:
    """The memory of events, as plain values."""
    return {
        "entities": {name: list(events) for name, events in state.events.by_entity.items()},
        "keys": {key: sorted(names) for key, names in state.events.by_key.items()},
    }
