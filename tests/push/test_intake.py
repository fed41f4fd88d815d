"""What becomes of a pushed message, and that nothing is taken that is not durable."""

import json

import pytest

from inventory_assets.messaging.client import PublishError
from inventory_assets.push.intake import PUSHED_FROM, Adjustments, Alerts, RubbishError
from inventory_assets.push.wrapper import Pushed
from tests.messaging.memory import InMemoryBroker

TOPIC = "inventory-topic"
SUBSCRIPTION = "projects/p/subscriptions/shop"
ALERT = {"alert_id": "alt-1", "alert_type": "LOW_STOCK"}


def pushed(data: bytes = b"{}", **fields) -> Pushed:
    return Pushed(message_id="7", data=data, subscription=SUBSCRIPTION, **fields)


def alert(**fields) -> Pushed:
    return pushed(json.dumps(ALERT | fields).encode())


# -- adjustments -----------------------------------------------------------


def test_an_adjustment_is_published_as_it_came():
    """Bytes, key and attributes; only what Pub/Sub says itself is left out."""
    broker = InMemoryBroker()
    came = pushed(
        b'{ "item_id" : 1 }', attributes={"row_id": "r", "googclient_schemaencoding": "JSON"}, ordering_key="k"
    )

    Adjustments(broker.publish, TOPIC).take(came)

    [message] = broker.published
    assert (message.topic, message.data, message.ordering_key) == (TOPIC, b'{ "item_id" : 1 }', "k")
    assert message.attributes == {"row_id": "r", PUSHED_FROM: SUBSCRIPTION}


def test_what_is_not_confirmed_is_not_taken():
    broker = InMemoryBroker()
    broker.failing_topics.add(TOPIC)

    with pytest.raises(PublishError):
        Adjustments(broker.publish, TOPIC).take(pushed())


def test_what_the_topic_refuses_for_good_is_rubbish():
    """A schema's refusal will be the same each time."""

    def publish(messages):
        raise PublishError(target="t", failures={0: "INVALID_ARGUMENT: no InventoryEvent"}, message_ids=[None])

    with pytest.raises(RubbishError, match="no InventoryEvent"):
        Adjustments(publish, TOPIC).take(pushed())


def test_what_comes_round_is_published_once():
    """A push subscription on the topic we publish to must not fill it."""
    broker = InMemoryBroker()
    adjustments = Adjustments(broker.publish, TOPIC)
    adjustments.take(pushed())
    again = Pushed(message_id="8", subscription=SUBSCRIPTION, attributes=broker.published[0].attributes)

    assert adjustments.take(again)["outcome"] == "came_round"
    assert len(broker.published) == 1


def test_an_empty_message_is_rubbish():
    with pytest.raises(RubbishError, match="empty"):
        Adjustments(InMemoryBroker().publish, TOPIC).take(pushed(b""))


# -- alerts ----------------------------------------------------------------


def test_an_alert_is_recorded_once_however_often_it_comes(tmp_path):
    alerts = Alerts(str(tmp_path))
    first, second = alerts.take(alert()), alerts.take(alert())

    [path] = tmp_path.rglob("*.json")
    assert (first["outcome"], second["outcome"]) == ("recorded", "known")
    assert first["file"] == second["file"] == str(path)
    assert json.loads(path.read_text())["alert"] == ALERT


def test_what_is_told_of_an_alert_again_is_recorded_beside_it(tmp_path):
    alerts = Alerts(str(tmp_path))
    paths = {alerts.take(alert(current_stock=stock))["file"].rpartition("/")[0] for stock in (3, 2)}

    assert len(paths) == 1
    assert len(list(tmp_path.rglob("*.json"))) == 2


@pytest.mark.parametrize("alert_id", ["../../../../etc/passwd", "a/b", "a\x00b", ".", "é" * 500])
def test_an_id_is_never_a_path(tmp_path, alert_id):
    Alerts(str(tmp_path / "pushed")).take(alert(alert_id=alert_id))

    [path] = tmp_path.rglob("*.json")
    assert path.is_relative_to(tmp_path / "pushed" / "alerts")
    assert json.loads(path.read_text())["alert_id"] == alert_id


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\x00", b'{"alert_id": 7}', b'{"alert_id": ""}', b'{"sku": "S"}'])
def test_what_is_no_alert_is_rubbish(tmp_path, data):
    with pytest.raises(RubbishError, match="no alert"):
        Alerts(str(tmp_path)).take(pushed(data))

    assert list(tmp_path.iterdir()) == []


def test_an_alert_that_cannot_be_written_is_not_taken(tmp_path):
    (tmp_path / "alerts").write_text("in the way")

    with pytest.raises(OSError):
        Alerts(str(tmp_path)).take(alert())
