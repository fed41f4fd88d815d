"""What each HTTP channel puts on the wire."""

import hashlib
import hmac
import io
import json

import msgspec
import pytest

from inventory_assets.domain.notify.notifications import DeliveryError
from inventory_assets.domain.notify.policy import ChannelKind, ChannelPolicy
from inventory_assets.messaging.client import PublishError
from inventory_assets.notify.channels.build import (
    address_problems,
    build_channel,
    environment_problems,
    missing_secrets,
)
from inventory_assets.notify.channels.channel import ChannelSetupError
from inventory_assets.notify.channels.console import ConsoleChannel
from inventory_assets.notify.channels.pagerduty import dedup_key, to_event
from inventory_assets.notify.channels.slack import to_message
from inventory_assets.notify.channels.sms import MAX_TEXT, to_text
from inventory_assets.notify.message.html import render_html
from inventory_assets.notify.message.payload import to_payload
from inventory_assets.notify.message.wording import plain_text, subject_line
from tests.messaging.memory import InMemoryBroker
from tests.notify.notices import HOSTILE, group, incident, single
from tests.notify.servers import http_server

SECRETS = {"SECRET": "s3cret", "KEY": "rk", "TOKEN": "tok"}


@pytest.fixture
def server():
    with http_server() as found:
        yield found


@pytest.fixture
def build(server):
    def build_(kind: ChannelKind, **settings):
        settings = {"url": server.url, "allow_hosts": ["127.0.0.1"], **settings}
        return build_channel(ChannelPolicy("c", kind, settings), SECRETS, InMemoryBroker)

    return build_


def test_a_webhook_is_signed_and_carries_its_idempotency_key(server, build):
    hook = build(ChannelKind.WEBHOOK, secret_env="SECRET")

    receipt = hook.send(single())

    request = server.received[0]
    stamp, signature = (part.partition("=")[2] for part in request.headers["x-inventory-signature"].split(","))
    expected = hmac.new(b"s3cret", stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert expected == signature
    assert "ntf-1" == request.headers["idempotency-key"]
    body = json.loads(request.body)
    assert ("ntf-1", ["alt-1"], 1) == (body["notification_id"], body["alert_ids"], body["total"])
    assert 60 == body["alerts"][0]["recommendation"]["transfers"][0]["quantity"]
    assert receipt.response.startswith("HTTP 200")


def test_a_second_try_has_the_same_key_and_body(server, build):
    server.cues.append(500)
    hook = build(ChannelKind.WEBHOOK, secret_env="SECRET")

    with pytest.raises(DeliveryError):
        hook.send(group(3))
    hook.send(group(3))

    first, second = server.received
    assert first.body == second.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


def test_pagerduty_ties_trigger_and_resolve_by_the_alert(server, build):
    pager = build(ChannelKind.PAGERDUTY, routing_key_env="KEY")
    told = single()
    ended = msgspec.structs.replace(told, kind="resolved", notification_id="ntf-2", resolves="ntf-1")

    pager.send(told)
    receipt = pager.send(ended)

    trigger, resolve = (json.loads(request.body) for request in server.received)
    assert ("trigger", "alt-1", "rk") == (trigger["event_action"], trigger["dedup_key"], trigger["routing_key"])
    assert ("resolve", "alt-1") == (resolve["event_action"], resolve["dedup_key"])
    assert "error" == trigger["payload"]["severity"]
    assert "alt-1" == receipt.provider_id


def test_a_group_is_one_incident_and_its_end_names_it():
    told = group(7)
    ended = msgspec.structs.replace(told, kind="resolved", notification_id="ntf-2", resolves="ntf-1")

    assert "ntf-1" == to_event(told)["dedup_key"] == to_event(ended)["dedup_key"]


def test_a_long_id_still_fits_pagerduty():
    long = msgspec.structs.replace(single(), alert_ids=("alt-" + "x" * 600,))

    assert 64 == len(dedup_key(long))


def test_sms_is_one_post_with_a_bearer_token(server, build):
    sms = build(ChannelKind.SMS, to=["+4912345"], token_env="TOKEN")

    receipt = sms.send(single())

    request = server.received[0]
    assert "Bearer tok" == request.headers["authorization"]
    assert {"to", "from", "text", "reference"} == set(json.loads(request.body))
    assert "m-1" == receipt.provider_id


def test_slack_says_what_and_what_to_do(server, build):
    build(ChannelKind.SLACK).send(single())

    message = json.loads(server.received[0].body)
    text = "\n".join(block["text"]["text"] for block in message["blocks"] if block["type"] == "section")
    assert message["text"].startswith("[HIGH] Low stock")
    assert "Move 60 here from TEST-WEST" in text


def test_a_topic_carries_the_notification_with_its_id():
    broker = InMemoryBroker()
    policy = ChannelPolicy("c", ChannelKind.PUBSUB, {"topic": "low-stock-alerts"})

    build_channel(policy, {}, lambda: broker).send(group(3))

    message = broker.published[-1]
    assert ("low-stock-alerts", "ntf-1") == (message.topic, message.attributes["notification_id"])
    assert 3 == json.loads(message.data)["total"]


def test_a_broker_that_refuses_is_a_failed_try():
    broker = InMemoryBroker()
    broker.failing_topics.add("low-stock-alerts")
    policy = ChannelPolicy("c", ChannelKind.PUBSUB, {"topic": "low-stock-alerts"})

    with pytest.raises(DeliveryError) as raised:
        build_channel(policy, {}, lambda: broker).send(single())

    assert isinstance(raised.value.__cause__, PublishError)


def test_hostile_names_stay_text_everywhere():
    notification = single(product_name=HOSTILE, warehouse_id=HOSTILE)

    slack = json.dumps(to_message(notification))
    printed = io.StringIO()
    ConsoleChannel(printed).send(notification)

    assert "<!channel>" not in slack
    assert "<script>" not in slack
    assert "\u202e" not in printed.getvalue()
    assert "\x1b" not in printed.getvalue()
    assert not any(line.startswith("Bcc:") for line in printed.getvalue().splitlines())
    assert len(to_text(notification)) <= MAX_TEXT


def test_many_alerts_stay_within_what_slack_takes():
    message = to_message(group(500))

    assert len(message["blocks"]) <= 50
    assert "480 more" in json.dumps(message)


def test_a_missing_secret_is_named_not_guessed():
    policy = ChannelPolicy("hook", ChannelKind.WEBHOOK, {"url": "https://example.com/", "secret_env": "NOT_SET"})

    assert 1 == len(missing_secrets(policy, {}))
    with pytest.raises(ChannelSetupError, match="NOT_SET"):
        build_channel(policy, {}, InMemoryBroker)


def test_an_incident_says_the_same_on_every_channel():
    """Business alerts reached nobody who did not read the status topic."""
    told = incident()
    stream = io.StringIO()
    ConsoleChannel(stream).send(told)
    written = {
        "console": stream.getvalue(), "mail": render_html(told, limit=5), "slack": json.dumps(to_message(told)),
        "webhook": json.dumps(to_payload(told)),
    }  # fmt: skip

    for channel, text in written.items():
        assert "3 SKUs of category MUGS are out of stock" in text, channel
        assert "MUG-2" in text, channel
        assert "out of stock &gt;= 3" in text or "out of stock >= 3" in text, channel
    assert "[CRITICAL] 3 SKUs of category MUGS are out of stock" == to_text(told)
    assert "inventory explain inc-1" in written["console"]


def test_an_incident_is_one_at_the_pager_from_beginning_to_end():
    begun, over = to_event(incident()), to_event(incident("resolved"))

    assert ("trigger", "resolve") == (begun["event_action"], over["event_action"])
    assert "inc-1" == begun["dedup_key"] == over["dedup_key"]
    assert ("MUGS", "CATEGORY_STOCKOUTS", "critical") == (
        begun["payload"]["source"], begun["payload"]["class"], begun["payload"]["severity"],
    )  # fmt: skip


def test_an_incidents_names_are_escaped_and_its_end_says_so():
    hostile = incident(title=HOSTILE, arithmetic={"skus": [HOSTILE], "comparison": HOSTILE})

    assert "<script>" not in render_html(hostile, limit=5)
    assert "<!channel>" not in json.dumps(to_message(hostile))
    assert subject_line(incident("resolved")).startswith("[RESOLVED] 3 SKUs of category MUGS")


def test_a_digest_lists_incidents_and_alerts():
    mixed = msgspec.structs.replace(
        group(2, "digest", "maintenance"), incidents=incident().incidents, alert_ids=("alt-0", "alt-1", "inc-1")
    )

    for text in (plain_text(mixed, limit=9), render_html(mixed, limit=9)):
        assert "3 SKUs of category MUGS" in text
        assert "more: " not in text


def test_a_variable_that_holds_no_url_is_found_before_anything_is_sent():
    policy = ChannelPolicy("chat", ChannelKind.SLACK, {"url_env": "URL"})

    assert ["channels.chat.url_env: the environment variable 'URL' is not set"] == environment_problems(policy, {})
    assert 1 == len(environment_problems(policy, {"URL": "chat.example/hook"}))
    assert [] == environment_problems(policy, {"URL": "https://chat.example/hook"})


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"url": "http://127.0.0.1:9/x"}, 1),
        ({"url": "http://127.0.0.1:9/x", "allow_hosts": ["127.0.0.1"]}, 0),
        ({"url_env": "URL"}, 1),
        ({"routing_key_env": "KEY"}, 0),
    ],
)
def test_a_literal_address_is_checked_against_the_guard(settings, count):
    policy = ChannelPolicy("c", ChannelKind.WEBHOOK, settings)

    assert count == len(address_problems(policy, {"URL": "https://[::1]/", "KEY": "k"}))
