"""A pushed message out of its request."""

import json

import pytest

from inventory_assets.push.wrapper import NotPushedError, Pushed, read_push

SUBSCRIPTION = "projects/p/subscriptions/s"


def test_googles_example_is_read():
    """As `cloud.google.com/pubsub/docs/push` shows it, fields that nobody uses included."""
    body = {
        "message": {
            "attributes": {"key": "value"}, "data": "SGVsbG8gQ2xvdWQgUHViL1N1YiEgSGVyZSBpcyBteSBtZXNzYWdlIQ==",
            "messageId": "2070443601311540", "message_id": "2070443601311540", "orderingKey": "key",
            "publishTime": "2021-02-26T19:13:55.749Z", "publish_time": "2021-02-26T19:13:55.749Z",
        },
        "subscription": SUBSCRIPTION, "deliveryAttempt": 5,
    }  # fmt: skip

    assert read_push(json.dumps(body).encode()) == Pushed(
        message_id="2070443601311540", data=b"Hello Cloud Pub/Sub! Here is my message!", attributes={"key": "value"},
        ordering_key="key", publish_time="2021-02-26T19:13:55.749Z", subscription=SUBSCRIPTION,
    )  # fmt: skip


def test_the_subscription_is_the_wrappers():
    message = {"messageId": "1", "subscription": "forged"}

    assert read_push(json.dumps({"message": message, "subscription": SUBSCRIPTION}).encode()).subscription == (
        SUBSCRIPTION
    )


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"null", b"\xff\xfe", b"{" * 5_000, b"[" * 100_000,
        b'{"message": {}, "subscription": "s"}',
        b'{"message": {"messageId": ""}, "subscription": "s"}',
        b'{"message": {"messageId": "1"}, "subscription": ""}',
        b'{"message": {"messageId": "1"}}',
        b'{"message": {"messageId": 1}, "subscription": "s"}',
        b'{"message": {"messageId": "1", "data": "*"}, "subscription": "s"}',
        b'{"message": {"messageId": "1", "data": 1}, "subscription": "s"}',
        b'{"message": {"messageId": "1", "attributes": {"a": 1}}, "subscription": "s"}',
        b'{"message": {"messageId": "1", "attributes": []}, "subscription": "s"}',
        b'{"sku": "S1", "quantity": 1}',
    ],
    ids=lambda body: body[:40],
)  # fmt: skip
def test_what_is_no_push_is_refused(body):
    with pytest.raises(NotPushedError):
        read_push(body)
