"""What a connector says of itself, and that it goes on saying so."""

import json
import threading

import pytest

from inventory_assets.connector.ops.heartbeat import HeartbeatThread, StatusKind, status_message
from inventory_assets.connector.ops.redaction import Redactor
from inventory_assets.connector.ops.vitals import State
from inventory_assets.connector.state.checkpoint import Phase
from inventory_assets.domain.events.connectors import Heartbeat
from inventory_assets.domain.events.parse import KIND_MARKERS, KINDS_BY_TOPIC, ParseSettings, parse_message
from tests.connector.ops.vitals import NOW, ago, circuit, vitals

PATIENCE_SECONDS = 60
SETTINGS = ParseSettings()
FULL = vitals(
    owner_id="process-1", cluster_time=(1_772_600_001, 3), circuits=(circuit(),), copying=("inventory",),
    counters={"read": 5}, published_until=ago(1), last_error="refused", last_error_at=ago(40), last_heartbeat_at=None,
)  # fmt: skip


def test_a_heartbeat_says_how_the_connector_is():
    message = status_message(StatusKind.HEARTBEAT, FULL, NOW)

    body = json.loads(message.data)
    assert {
        "type": "heartbeat", "severity": "info", "at": "2026-03-04T12:00:00.000Z", "connector_id": "connector-wh-east-1",
        "warehouse_id": "WH-EAST-1", "owner_id": "process-1", "source_epoch": 1_772_600_000, "state": "streaming",
        "phase": "streaming", "started_at": "2026-03-03T12:00:00.000Z", "cluster_time": {"t": 1_772_600_001, "i": 3},
        "lag_seconds": 0.0, "published_until": "2026-03-04T11:59:59.000Z", "token_age_seconds": 3.0, "in_flight_messages": 0, "in_flight_bytes": 0,
        "copying": ["inventory"], "counters": {"read": 5}, "last_error": "refused",
        "circuits": [{"dependency": "pubsub", "state": "open", "since": "2026-03-04T11:59:20.000Z", "last_error": "refused"}],
        "last_error_at": "2026-03-04T11:59:20.000Z",
    } == body  # fmt: skip
    assert "status-topic" == message.topic and "" == message.ordering_key
    assert {
        "type": "heartbeat", "severity": "info", "connector_id": "connector-wh-east-1", "warehouse_id": "WH-EAST-1",
    } == message.attributes  # fmt: skip


@pytest.mark.parametrize("topic", sorted(KINDS_BY_TOPIC))
def test_a_heartbeat_on_an_input_topic_is_filtered(topic):
    """RULES 9: it states no stock fact, and is no dead letter."""
    message = status_message(StatusKind.HEARTBEAT, FULL, NOW, topic=topic)

    found = parse_message(topic, message.data, message.attributes, int(NOW.timestamp() * 1e6), ParseSettings())

    assert isinstance(found, Heartbeat) and "no_stock_fact" == found.reason
    assert ("connector-wh-east-1", "WH-EAST-1", "streaming", 5, "refused") == (
        found.heard.connector_id, found.heard.warehouse_id, found.heard.state, found.heard.read, found.heard.last_error,
    )  # fmt: skip


@pytest.mark.parametrize("kind", StatusKind)
def test_no_status_is_taken_for_a_stock_fact(kind):
    body = json.loads(status_message(kind, FULL, NOW, connector_reason="x").data)

    assert not {marker for marker, _ in KIND_MARKERS} & body.keys() and "document" not in body
    assert kind == body["type"] and (kind == "heartbeat" or kind.startswith("connector_"))


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        (StatusKind.TOKEN_LOST, "alarm"), (StatusKind.KEYS_CHANGED, "alarm"), (StatusKind.TAKEN_OVER, "alarm"), (StatusKind.CIRCUIT_OPENED, "warning"),
        (StatusKind.CIRCUIT_CLOSED, "info"), (StatusKind.STOPPED, "info"), (StatusKind.FAILED, "alarm"),
    ],
)  # fmt: skip
def test_a_subscriber_filters_alarms_by_attribute(kind, severity):
    message = status_message(kind, FULL, NOW)

    assert severity == message.attributes["severity"] == json.loads(message.data)["severity"]


def test_details_are_told_and_do_not_replace_who_tells():
    message = status_message(StatusKind.TOKEN_LOST, FULL, NOW, code=286, connector_id="somebody else")

    body = json.loads(message.data)
    assert (286, "connector-wh-east-1") == (body["code"], body["connector_id"])


def test_secrets_go_also_where_a_long_text_is_cut():
    """Half a URI would not be known for one."""
    text = "x" * 980 + " mongodb://user:pw@host/"
    message = status_message(
        StatusKind.STOPPED, vitals(last_error=text, state=State.FAILED, phase=Phase.COPYING), NOW,
        clean=Redactor(["s3cret"]), reason=text, detail={"nested": "s3cret"},
    )  # fmt: skip

    assert b"user" not in message.data and b"s3cret" not in message.data
    assert 1000 == len(json.loads(message.data)["reason"])


class Heart:
    """Beats that fail on cue, and the threads that wait for one."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.told = []
        self.is_done = threading.Event()

    def beat(self):
        if self.failures:
            raise self.failures.pop(0)
        self.is_done.set()

    def tell(self, error):
        self.told.append(error)
        if len(self.told) == 2:
            raise RuntimeError("and nobody could be told")


def test_the_heart_goes_on_after_a_beat_that_failed():
    failures = [ConnectionError("1"), ValueError("2"), ConnectionError("3")]
    heart = Heart(*failures)
    thread = HeartbeatThread(interval_seconds=0.001, beat=heart.beat, on_failure=heart.tell, now=lambda: NOW)

    thread.start()
    assert heart.is_done.wait(PATIENCE_SECONDS)
    thread.close(timeout_seconds=PATIENCE_SECONDS)

    assert failures == heart.told
    assert NOW == thread.last_beat_at
    assert "connector-heartbeat" not in {each.name for each in threading.enumerate()}


def test_a_beat_that_hangs_does_not_keep_the_process():
    release, began = threading.Event(), threading.Event()

    def beat():
        began.set()
        release.wait(PATIENCE_SECONDS)

    thread = HeartbeatThread(interval_seconds=1, beat=beat, on_failure=print)
    thread.start()
    assert began.wait(PATIENCE_SECONDS)

    thread.close(timeout_seconds=0)

    assert thread.last_beat_at is None
    release.set()
    thread.close(timeout_seconds=PATIENCE_SECONDS)


def test_closing_before_the_start_is_fine():
    thread = HeartbeatThread(interval_seconds=1, beat=print, on_failure=print)

    thread.close()

    assert thread.last_beat_at is None


@pytest.mark.parametrize("warehouse_id", [None, ""])
def test_a_connector_of_several_warehouses_is_heard(warehouse_id):
    """Its heartbeat names none: with an empty name it would be no heartbeat, and nobody would miss it."""
    message = status_message(StatusKind.HEARTBEAT, vitals(warehouse_id=warehouse_id), NOW, topic="thresholds-topic")

    found = parse_message("thresholds-topic", message.data, message.attributes, int(NOW.timestamp() * 1e6), SETTINGS)

    assert isinstance(found, Heartbeat)
    assert (found.heard.connector_id, found.heard.warehouse_id) == ("connector-wh-east-1", None)
