"""A silent connector is told once, shown in the UI, and told again when it is over: restart or not."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from inventory_assets.assets.pipeline import CHECK_NAMES, evaluate
from inventory_assets.domain.events.connectors import Heard
from inventory_assets.domain.quality.pipeline import FindingKind, PipelineFinding, Severity
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.session import SESSIONS
from resources import InventoryResource
from sensors.pipeline import REPEAT_SECONDS, CheckCursor, is_report_due, operations_sensor
from tests.builders import envelope, heartbeat, level, message, transaction
from tests.facts import differences, engine_of, rows
from tests.messaging.memory import InMemoryBroker

SILENT = PipelineFinding(
    kind=FindingKind.SILENT, subject="connector-w1", severity=Severity.WARNING, text="W1 was not heard of",
    what_to_do="look", warehouse_id="W1",
)  # fmt: skip


@pytest.fixture
def broker() -> InMemoryBroker:
    return InMemoryBroker()


@pytest.fixture
def inventory(tmp_path, broker):
    resource = InventoryResource(home=str(tmp_path))
    resource.session().use(Ingest(engine_of(resource), broker, broker))
    yield resource
    SESSIONS.close()


def tick(inventory: InventoryResource, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    with dg.DagsterInstance.ephemeral() as instance:
        return operations_sensor(
            dg.build_sensor_context(instance=instance, resources={"inventory": inventory}, cursor=cursor)
        )


def hear(inventory: InventoryResource, *, minutes: float = 0.0, **more: object) -> None:
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    # A topic of its own, so that it is not late beside the data.
    engine_of(inventory).commit_burst([message(heartbeat(**more), topic="thresholds-topic", published_at=at)])


def told(broker: InMemoryBroker) -> list[tuple[str, str]]:
    bodies = [json.loads(each.data) for each in broker.published if each.topic == "status-topic"]
    return [(body["finding"], body["state"]) for body in bodies if body["type"] == "pipeline_finding"]


def test_a_lake_without_connectors_tells_nothing_and_its_checks_say_why(inventory, broker):
    """A check that is never evaluated looks like one that does not run."""
    engine_of(inventory).commit_burst([message(level()), message(b"broken")])

    found = tick(inventory)

    again = tick(inventory, found.cursor)

    assert {(name, True) for name in CHECK_NAMES} == {(each.check_name, each.passed) for each in found.asset_events}
    assert {"No connector has been heard of: there is nothing to judge."} == {
        each.description for each in found.asset_events
    }
    assert isinstance(again, dg.SkipReason) and "no connector" in (again.skip_message or "")
    assert [] == told(broker)
    assert [] == rows(engine_of(inventory).lake, "SELECT kind FROM meta.pipeline_findings_changes")


def test_moved_transactions_are_told_once_without_a_connector(inventory, broker):
    """RULES 13: a publisher that numbers the lines of an order alike loses all but the first."""
    lines = [message(envelope(transaction("1001", sku=f"S{n}"), 30_000 + n)) for n in range(3)]
    engine_of(inventory).commit_burst(lines)

    first = tick(inventory)
    again = tick(inventory, first.cursor)

    assert [("transactions_moved", "open")] == told(broker)
    failed = [each.check_name for each in first.asset_events if not each.passed]
    assert ["few_messages_are_refused"] == failed
    assert isinstance(again, dg.SkipReason) and "2 of 3 transactions of W1" in (again.skip_message or "")


def test_a_silent_connector_is_told_once_and_once_when_it_is_heard_again(inventory, broker):
    hear(inventory, minutes=25)
    hear(inventory, connector_id="c2", warehouse_id="W2")

    first = tick(inventory)
    again = tick(inventory, first.cursor)

    assert ("connector_silent", "open") in told(broker) and 1 == told(broker).count(("connector_silent", "open"))
    assert isinstance(again, dg.SkipReason) and "W1 was not heard of since" in (again.skip_message or "")
    silent = {each.check_name: each for each in first.asset_events}
    assert set(CHECK_NAMES) == set(silent)
    assert not silent["connectors_are_heard"].passed
    assert "W1 was not heard of since" in (silent["connectors_are_heard"].description or "").replace("\\", "")
    assert silent["few_messages_are_refused"].passed

    engine_of(inventory).drop_state()
    hear(inventory)
    over = tick(inventory, first.cursor)

    assert 1 == told(broker).count(("connector_silent", "over"))
    assert {each.check_name: each.passed for each in over.asset_events}["connectors_are_heard"]
    assert [] == differences(engine_of(inventory))


def test_what_could_not_be_told_is_told_by_the_next_look(inventory, broker):
    hear(inventory, minutes=25)
    broker.failing_topics.add("status-topic")

    failed = tick(inventory)
    broker.failing_topics.clear()
    assert isinstance(failed, dg.SkipReason) and [] == told(broker)
    tick(inventory)

    assert ("connector_silent", "open") in told(broker)


def test_alerts_of_a_silent_warehouse_are_held_where_that_is_set(inventory, broker, monkeypatch):
    monkeypatch.setenv("INVENTORY_INHIBIT_SILENT_AFTER", "20")
    engine = engine_of(inventory)
    engine.commit_burst([message(level(3, min_threshold=10, reorder_threshold=20))])
    hear(inventory, minutes=25)

    tick(inventory)
    held = rows(engine.lake, "SELECT inhibited_by FROM out.alerts")
    hear(inventory)
    tick(inventory)

    assert [("warehouse:connector:connector-w1",)] == held
    assert [(None,)] == rows(engine.lake, "SELECT inhibited_by FROM out.alerts")


def test_a_result_is_said_again_where_it_changed_and_now_and_then():
    """Dagster keeps every evaluation: a row a minute and check would be 4,000 a day."""
    first = is_report_due(CheckCursor(), [], now=1_000.0)
    assert first is not None
    kept = CheckCursor.parse(first.dump())

    assert is_report_due(kept, [], now=1_060.0) is None
    assert is_report_due(kept, [SILENT], now=1_060.0) is not None
    assert is_report_due(kept, [], now=1_000.0 + REPEAT_SECONDS) is not None
    assert CheckCursor() == CheckCursor.parse("rubbish")


def test_a_copy_in_progress_is_shown_and_does_not_fail_a_check():
    copying = PipelineFinding(
        kind=FindingKind.COPYING, subject="c1", severity=Severity.INFO, text="W1 is being copied", what_to_do="Nothing."
    )
    heard = Heard(connector_id="c1", warehouse_id="W1", heard_at=1_772_607_900_000_000, state="copying")

    found = evaluate("connectors_are_heard", [copying], [heard])

    assert (True, "W1 is being copied") == (found.passed, found.description)
