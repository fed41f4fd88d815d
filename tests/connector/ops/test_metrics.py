"""What is counted reads as Prometheus expects, and adds up."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from inventory_assets.connector.ops.metrics import ConnectorMetrics
from inventory_assets.connector.ops.vitals import CircuitState, State
from tests.connector.ops.vitals import NOW, ago, circuit, vitals


@pytest.fixture
def metrics():
    return ConnectorMetrics(connector_id="connector-wh-east-1", warehouse_id="WH-EAST-1", version="1.2.3")


def read(metrics, **fields):
    """Samples by name and labels, without the connector's own id."""
    text = metrics.render(vitals(**fields), NOW).decode()
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sorted(value for name, value in sample.labels.items() if name != "connector_id"))
            assert "connector-wh-east-1" == sample.labels["connector_id"]
            samples[(sample.name.removeprefix("inventory_connector_"), *labels)] = sample.value
    return samples


def test_counts_of_batches_add_up_by_label_and_in_total(metrics):
    metrics.count("read", {"inventory": 3, "transactions": 4})
    metrics.count("read_bytes", {"inventory": 300, "transactions": 100})
    metrics.count("read", {"inventory": 2})
    metrics.count("read_bytes", {"inventory": 200})
    metrics.count("published", {"inventory-updates-topic": 5})
    metrics.count("published_bytes", {"inventory-updates-topic": 2_000})
    metrics.count("failed", {"inventory-updates-topic": 1})
    metrics.count("dead_lettered", {"undecodable_document": 1, "schema": 2})
    metrics.count("dropped", {"inventory": 1})
    metrics.count("copied", {"thresholds": 7})
    metrics.count("deduplicated", 6)
    metrics.count("reconnects")
    metrics.count("tokens_lost")
    metrics.count("heartbeats_failed")

    samples = read(metrics)
    expected = {
        ("changes_read_total", "inventory"): 5,
        ("changes_read_total", "transactions"): 4,
        ("read_bytes_total", "inventory"): 500,
        ("messages_published_total", "inventory-updates-topic"): 5,
        ("published_bytes_total", "inventory-updates-topic"): 2_000,
        ("messages_failed_total", "inventory-updates-topic"): 1,
        ("changes_dead_lettered_total", "schema"): 2,
        ("changes_dropped_total", "inventory"): 1,
        ("documents_copied_total", "thresholds"): 7,
        ("changes_deduplicated_total",): 6,
        ("reconnects_total",): 1,
        ("tokens_lost_total",): 1,
        ("heartbeats_failed_total",): 1,
    }
    assert expected == {key: samples[key] for key in expected}
    assert {
        "read": 9, "published": 5, "failed": 1, "dead_lettered": 3, "dropped": 1, "copied": 7, "deduplicated": 6,
        "reconnects": 1, "tokens_lost": 1, "heartbeats_failed": 1,
    } == metrics.totals()  # fmt: skip


def test_batches_are_histograms(metrics):
    metrics.batch(800, seconds=0.02)
    metrics.batch(3, seconds=4)

    samples = read(metrics)
    assert [2, 803, 1, 2] == [
        samples[key] for key in (
            ("batch_messages_count",), ("batch_messages_sum",),
            ("batch_messages_bucket", "5.0"), ("batch_messages_bucket", "1000.0"),
        )
    ]  # fmt: skip
    assert pytest.approx(4.02) == samples[("publish_seconds_sum",)]


def test_gauges_are_as_of_the_vitals(metrics):
    samples = read(
        metrics, lag_seconds=7.5, token_age_seconds=9.0, last_heartbeat_at=ago(11), last_turn_at=ago(2),
        in_flight_messages=12, in_flight_bytes=3_400, copying=("inventory", "thresholds"), state=State.COPYING,
        circuits=(circuit(CircuitState.OPEN),),
    )  # fmt: skip

    expected = {
        ("lag_seconds",): 7.5,
        ("token_age_seconds",): 9,
        ("heartbeat_age_seconds",): 11,
        ("turn_age_seconds",): 2,
        ("in_flight_messages",): 12,
        ("in_flight_bytes",): 3_400,
        ("copies_in_progress",): 2,
        ("circuit_state", "pubsub"): 2,
        ("state", "copying"): 1,
        ("state", "streaming"): 0,
        ("source_epoch",): 1_772_600_000,
        ("build_info", "1.2.3", "WH-EAST-1"): 1,
    }
    assert expected == {key: samples[key] for key in expected}


@pytest.mark.parametrize(
    ("state", "value"), [(CircuitState.CLOSED, 0), (CircuitState.HALF_OPEN, 1), (CircuitState.OPEN, 2)]
)
def test_a_circuit_is_0_closed_1_half_open_2_open(metrics, state, value):
    assert value == read(metrics, circuits=(circuit(state),))[("circuit_state", "pubsub")]


def test_what_is_not_known_is_absent_and_not_0(metrics):
    """A lag of 0 would say that all is well."""
    samples = read(metrics, lag_seconds=None, token_age_seconds=None, source_epoch=None)

    assert not {("lag_seconds",), ("token_age_seconds",), ("source_epoch",)} & samples.keys()


def test_what_never_happened_is_0_and_not_absent(metrics):
    """`increase()` of a counter that appears with its first event is nothing: the alert would not fire."""
    assert 0 == read(metrics)[("tokens_lost_total",)]


def test_two_connectors_of_one_process_do_not_meet():
    one, two = (ConnectorMetrics(connector_id="connector-wh-east-1", warehouse_id="W", version="1") for _ in range(2))
    one.count("deduplicated", 5)

    assert [5, 0] == [read(each)[("changes_deduplicated_total",)] for each in (one, two)]
