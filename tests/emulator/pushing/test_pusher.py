"""Push delivery as Google documents it, over real sockets on loopback.

Each rule cites `cloud.google.com/pubsub/docs/push` or `…/payload-unwrapping`;
Google's own emulator needs its JVM and is not asked here.
"""

import base64
import threading
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth import jwt

from inventory_assets.emulator.pushing.pusher import ACKNOWLEDGES, _Pace
from tests.emulator.pushing.endpoint import Endpoint, Request
from tests.messaging.brokers import CALL_SECONDS, Broker, EmulatorProcess, bodies, eventually, retry_policy

EMAIL = "pusher@p.iam.gserviceaccount.com"


def modify(broker: Broker, **config: Any) -> None:
    request = {"subscription": broker.subscription_path("sub"), "push_config": config}
    broker.subscriber.modify_push_config(request=request, timeout=CALL_SECONDS)


def data_of(requests: list[Request]) -> list[bytes]:
    return [base64.b64decode(each.json["message"].get("data", "")) for each in requests]


def test_a_message_comes_in_pubsubs_wrapper(ours, endpoint):
    ours.create(push_config={"push_endpoint": endpoint.url})
    [message_id] = ours.publish(b"\x00body", key="k", colour="red")
    eventually(lambda: endpoint.requests)
    [request] = endpoint.requests

    message = request.json["message"]
    assert request.json.keys() == {"message", "subscription"}
    assert request.json["subscription"] == ours.subscription_path("sub")
    assert (message["messageId"], message["message_id"]) == (message_id, message_id)
    assert message["publishTime"] == message["publish_time"]
    assert message["publishTime"].endswith("Z")
    assert base64.b64decode(message["data"]) == b"\x00body"
    assert message["attributes"] == {"colour": "red"}
    assert message["orderingKey"] == "k"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "CloudPubSub-Google"
    assert "authorization" not in request.headers


def test_what_a_message_lacks_its_wrapper_lacks(ours, endpoint):
    ours.create(push_config={"push_endpoint": endpoint.url})
    ours.publish(b"x")
    eventually(lambda: endpoint.requests)

    assert endpoint.requests[0].json["message"].keys() == {
        "messageId", "message_id", "publishTime", "publish_time", "data"
    }  # fmt: skip


@pytest.mark.parametrize("status", sorted(ACKNOWLEDGES))
def test_five_statuses_acknowledge(ours, endpoint, status):
    """The next of a key comes when the one before is acknowledged."""
    endpoint.decide = lambda request: status
    ours.create(enable_message_ordering=True, push_config={"push_endpoint": endpoint.url})
    ours.publish(b"a", b"b", b"c", key="k")
    eventually(lambda: len(endpoint.requests) == 3)

    assert data_of(endpoint.requests) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("status", [203, 206, 301, 302, 400, 403, 404, 429, 500, 503])
def test_any_other_status_has_it_sent_again(ours, endpoint, status):
    endpoint.decide = lambda request: status if len(endpoint.requests) < 3 else 204
    ours.create(push_config={"push_endpoint": endpoint.url})
    ours.publish(b"x")
    eventually(lambda: len(endpoint.requests) == 3)

    assert data_of(endpoint.requests) == [b"x"] * 3
    assert len({each.json["message"]["messageId"] for each in endpoint.requests}) == 1


def test_an_endpoint_that_comes_later_gets_what_waited(ours, endpoint):
    """Nothing is lost while nobody listens."""
    ours.create(push_config={"push_endpoint": "http://127.0.0.1:1/"})
    ours.publish(b"a", b"b")
    modify(ours, push_endpoint=endpoint.url)
    eventually(lambda: len(endpoint.requests) == 2)

    assert sorted(data_of(endpoint.requests)) == [b"a", b"b"]


def test_messages_of_a_key_come_one_at_a_time_and_in_order(ours, endpoint):
    """The service has one message of a key outstanding; others overtake it."""
    under_way, alone, refused = threading.Semaphore(1), [], set()

    def decide(request: Request) -> int:
        [body] = data_of([request])
        if not body.startswith(b"k"):
            return 204
        alone.append(under_way.acquire(blocking=False))
        under_way.release()
        if body == b"k3" and body not in refused:
            refused.add(body)
            return 500
        return 204

    endpoint.decide = decide
    ours.create(enable_message_ordering=True, push_config={"push_endpoint": endpoint.url})
    ours.publish(*[b"k%d" % number for number in range(8)], key="k")
    ours.publish(*[b"other%d" % number for number in range(8)])
    eventually(lambda: len(endpoint.requests) == 17)

    assert all(alone)
    assert [each for each in data_of(endpoint.requests) if each.startswith(b"k")] == [
        b"k0", b"k1", b"k2", b"k3", b"k3", b"k4", b"k5", b"k6", b"k7"
    ]  # fmt: skip


def test_attempts_are_counted_and_end_in_the_dead_letter_topic(ours, endpoint):
    endpoint.decide = lambda request: 400
    ours.create(topic="dead", subscription="dead-sub")
    policy = {"dead_letter_topic": ours.topic_path("dead"), "max_delivery_attempts": 5}
    ours.create(dead_letter_policy=policy, retry_policy=retry_policy(0, 0), push_config={"push_endpoint": endpoint.url})
    ours.publish(b"x")
    [letter] = ours.pull("dead-sub")

    assert [each.json["deliveryAttempt"] for each in endpoint.requests] == [1, 2, 3, 4, 5]
    assert letter.message.data == b"x"
    assert letter.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"


def test_a_subscription_turns_to_pull_and_back(ours, endpoint):
    ours.create(push_config={"push_endpoint": endpoint.url})
    with pytest.raises(exceptions.FailedPrecondition, match="not supported for this subscription type"):
        ours.pull_now()
    modify(ours)
    ours.publish(b"pulled")
    pulled = ours.pull()
    ours.acknowledge(pulled)
    modify(ours, push_endpoint=endpoint.url)
    ours.publish(b"pushed")
    eventually(lambda: endpoint.requests)

    assert bodies(pulled) == [b"pulled"]
    assert data_of(endpoint.requests) == [b"pushed"]


def test_a_deleted_subscription_pushes_no_more(ours, endpoint):
    endpoint.decide = lambda request: 500
    ours.create(push_config={"push_endpoint": endpoint.url})
    ours.publish(b"x")
    eventually(lambda: endpoint.requests)
    ours.subscriber.delete_subscription(subscription=ours.subscription_path("sub"), timeout=CALL_SECONDS)
    eventually(lambda: not endpoint.under_way)
    sent = len(endpoint.requests)
    ours.create(subscription="next", push_config={"push_endpoint": endpoint.url})
    ours.publish(b"y")
    eventually(lambda: len(endpoint.requests) >= sent + 3)

    assert set(data_of(endpoint.requests[sent:])) == {b"y"}


def test_an_unwrapped_message_is_its_data(ours, endpoint):
    ours.create(push_config={"push_endpoint": endpoint.url, "no_wrapper": {"write_metadata": False}})
    ours.publish(b"\x00body", colour="red")
    eventually(lambda: endpoint.requests)
    [request] = endpoint.requests

    assert request.body == b"\x00body"
    assert "colour" not in request.headers


def test_with_metadata_the_rest_of_an_unwrapped_message_is_headers(ours, endpoint):
    ours.create(push_config={"push_endpoint": endpoint.url, "no_wrapper": {"write_metadata": True}})
    [message_id] = ours.publish(b"body", key="k", colour="red")
    eventually(lambda: endpoint.requests)
    headers = endpoint.requests[0].headers

    assert headers["x-goog-pubsub-message-id"] == message_id
    assert headers["x-goog-pubsub-subscription-name"] == ours.subscription_path("sub")
    assert headers["x-goog-pubsub-ordering-key"] == "k"
    assert headers["colour"] == "red"


def test_an_attribute_that_no_header_can_hold_goes_to_the_dead_letters(ours, endpoint):
    """The service does not deliver such a message, and counts its attempts."""
    ours.create(topic="dead", subscription="dead-sub")
    policy = {"dead_letter_topic": ours.topic_path("dead"), "max_delivery_attempts": 5}
    config = {"push_endpoint": endpoint.url, "no_wrapper": {"write_metadata": True}}
    ours.create(dead_letter_policy=policy, retry_policy=retry_policy(0, 0), push_config=config)
    ours.publish(b"x", colour="red\r\nX-Injected: 1")
    [letter] = ours.pull("dead-sub")

    assert letter.message.data == b"x"
    assert endpoint.requests == []


def test_a_token_names_the_account_and_the_endpoint(ours, endpoint):
    """Without an audience it is the endpoint's URL."""
    ours.create(push_config={"push_endpoint": endpoint.url, "oidc_token": {"service_account_email": EMAIL}})
    ours.publish(b"x")
    eventually(lambda: endpoint.requests)
    scheme, _, token = endpoint.requests[0].headers["authorization"].partition(" ")
    claims = jwt.decode(token, verify=False)

    assert scheme == "Bearer"
    assert jwt.decode_header(token).keys() == {"alg", "kid", "typ"}
    assert (claims["email"], claims["email_verified"], claims["aud"]) == (EMAIL, True, endpoint.url)
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["iss"] == "https://accounts.google.com"


@pytest.mark.parametrize(
    "config",
    [
        {"push_endpoint": "ftp://127.0.0.1/"},
        {"push_endpoint": "127.0.0.1:80"},
        {"push_endpoint": "http:///path"},
        {"push_endpoint": "http://user:hush@127.0.0.1/"},
        {"push_endpoint": "http://127.0.0.1:99999/"},
        {"push_endpoint": "http://127.0.0.1/a b\r\nX: 1"},
        {"push_endpoint": "http://127.0.0.1/", "oidc_token": {"audience": "a"}},
    ],
    ids=str,
)
def test_what_cannot_be_pushed_to_is_refused(ours, config):
    with pytest.raises(exceptions.InvalidArgument, match="Expected"):
        ours.create(push_config=config)


def test_exactly_once_is_for_pull(ours, endpoint):
    with pytest.raises(exceptions.InvalidArgument, match="push"):
        ours.create(enable_exactly_once_delivery=True, push_config={"push_endpoint": endpoint.url})


def test_a_killed_emulator_pushes_on_with_its_key(tmp_path, endpoint):
    """What was not acknowledged is sent after the restart, signed by the key that endpoints know."""
    endpoint.decide = lambda request: 500
    first = EmulatorProcess(tmp_path)
    broker = Broker(first.host)
    broker.create(push_config={"push_endpoint": endpoint.url, "oidc_token": {"service_account_email": EMAIL}})
    broker.publish(b"x")
    eventually(lambda: endpoint.requests)
    first.kill()
    broker.close()
    before = len(endpoint.requests)
    endpoint.decide = lambda request: 204
    second = EmulatorProcess(tmp_path)
    eventually(lambda: len(endpoint.requests) > before)
    assert second.stop() == 0

    assert data_of(endpoint.requests[-1:]) == [b"x"]
    assert len({_key_id(each) for each in endpoint.requests}) == 1
    assert (tmp_path / "push-key.pem").stat().st_mode & 0o077 == 0


def _key_id(request: Request) -> str:
    return jwt.decode_header(request.headers["authorization"].removeprefix("Bearer "))["kid"]


def test_an_emulator_ends_though_an_endpoint_hangs(tmp_path, endpoint: Endpoint):
    release = threading.Event()
    endpoint.decide = lambda request: 204 if release.wait(600) else 500
    emulator = EmulatorProcess(tmp_path)
    broker = Broker(emulator.host)
    broker.create(push_config={"push_endpoint": endpoint.url}, ack_deadline_seconds=600)
    broker.publish(b"x")
    eventually(lambda: endpoint.requests)
    broker.close()

    assert emulator.stop() == 0
    release.set()


# -- how fast, and how fast not --------------------------------------------


def test_failures_in_a_row_wait_longer_up_to_a_minute():
    pace, waits = _Pace(), []
    for _ in range(15):
        pace.failed(pace.round, now=0.0)
        waits.append(pace.not_before)

    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert waits[-1] == 60.0
    assert pace.window == 1


def test_requests_that_fail_together_count_once():
    pace = _Pace()
    begun = pace.round
    for _ in range(10):
        pace.failed(begun, now=0.0)

    assert (pace.failures, pace.not_before) == (1, 0.1)


def test_a_success_ends_the_waiting_and_widens_the_window():
    pace = _Pace()
    pace.failed(pace.round, now=0.0)
    for _ in range(10):
        pace.succeeded()

    assert (pace.failures, pace.window) == (0, 64)
