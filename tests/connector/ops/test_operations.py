"""Up to when everything is published, which is what a planner's numbers are as of; and what is said how often."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from inventory_assets.connector.config import load_config
from inventory_assets.connector.ops.logs import build_logger
from inventory_assets.connector.ops.metrics import ConnectorMetrics
from inventory_assets.connector.ops.observer import Tally
from inventory_assets.connector.ops.operations import Operations, Quiet
from inventory_assets.connector.ops.redaction import Redactor
from inventory_assets.connector.source.change import KeyChange
from inventory_assets.connector.state.checkpoint import Checkpoint, Phase
from tests.connector.ops.vitals import NOW

LEAST = {"CONNECTOR_ID": "c1", "MONGODB_URI": "mongodb://db:27017/shop", "PUBSUB_PROJECT": "p"}
SAVED = Checkpoint(
    connector_id="c1", source_epoch=1, phase=Phase.STREAMING, token=None,
    cluster_time=(int(NOW.timestamp()) - 600, 1), moved_at=NOW,
)  # fmt: skip


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[tuple[str, dict]]:
    """What goes to the status topic."""
    return []


@pytest.fixture
def operations(clock: Clock, told, tmp_path) -> Operations:
    logger = build_logger(
        (tmp_path / "log").open("w"), connector_id="c1", warehouse_id="W1", redact=Redactor([]), sample_every=1,
        level="INFO", now=clock,
    )  # fmt: skip
    return Operations(
        connector_id="c1", warehouse_id="W1", owner_id="p1",
        metrics=ConnectorMetrics(connector_id="c1", warehouse_id="W1", version="1"), logger=logger,
        tell=lambda kind, **detail: told.append((str(kind), detail)), now=clock,
    )  # fmt: skip


def test_an_idle_database_is_published_until_it_was_last_found_to_have_no_more(operations, clock):
    """Its last change may be of yesterday, and the numbers are of now all the same."""
    operations.stream_opened(SAVED)
    assert NOW - timedelta(seconds=600) == operations.vitals().published_until

    operations.caught_up()
    clock.now = NOW + timedelta(seconds=45)

    assert NOW == operations.vitals().published_until


def test_a_database_that_is_away_is_published_until_then(operations, clock):
    operations.stream_opened(SAVED)
    operations.caught_up()

    clock.now = NOW + timedelta(minutes=20)
    operations.recovering(ConnectionError("no primary"))

    assert NOW == operations.vitals().published_until


def test_what_is_read_and_not_confirmed_is_not_published(operations, clock):
    operations.stream_opened(SAVED)
    operations.caught_up()
    clock.now = NOW + timedelta(seconds=30)

    later = (int(NOW.timestamp()) + 20, 1)
    operations.handled(Tally(), cluster_time=later)
    assert NOW == operations.vitals().published_until

    operations.saved(replace(SAVED, cluster_time=later))
    assert datetime.fromtimestamp(later[0], UTC) == operations.vitals().published_until


@pytest.mark.parametrize(
    ("given", "inputs", "is_status"),
    [
        ({}, ("inventory-updates-topic",), True),
        ({"INVENTORY_TOPIC": "levels"}, ("levels",), True),
        ({"COLLECTIONS_TO_WATCH": "transactions"}, ("inventory-transactions-topic",), True),
        ({"HEARTBEAT_TOPICS": "status-topic"}, (), True),
        ({"HEARTBEAT_TOPICS": "levels, orders"}, ("levels", "orders"), False),
    ],
)
def test_heartbeats_go_to_the_status_topic_and_with_the_data(given, inputs, is_status):
    config = load_config(None, LEAST | given)

    assert (inputs, is_status) == (config.input_heartbeat_topics, config.is_heartbeat_status)


def test_the_first_is_said_at_once_and_the_next_after_a_while_with_those_between():
    quiet = Quiet()

    said = [quiet.count("topic", NOW + timedelta(seconds=seconds)) for seconds in (0, 1, 29, 30, 31, 60)]

    assert said == [1, None, None, 3, None, 2]


def test_what_is_not_alike_is_said_by_itself():
    quiet = Quiet()

    assert [quiet.count(kind, NOW) for kind in ("one", "other", "one")] == [1, 1, None]


def test_a_clock_set_back_does_not_silence_it():
    quiet = Quiet()

    assert [quiet.count("topic", NOW + timedelta(seconds=seconds)) for seconds in (0, -3600, -3599)] == [1, 1, None]


def test_a_key_that_no_image_names_is_an_alarm_that_says_what_was_found(operations, told):
    operations.keys_changed([KeyChange(collection="inventory", cluster_time=(7, 1), fields={"sku": "U-NEW"})])

    [(kind, detail)] = told
    assert "connector_keys_changed" == kind
    assert detail["found"] == [{"collection": "inventory", "cluster_time": (7, 1), "sku": "U-NEW"}]
    assert {"keys_changed": 1} == operations.vitals().counters
