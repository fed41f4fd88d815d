"""What a client may rely on, of our emulator and of Google's.

Belongs here: rules of google.pubsub.v1 that a client can see. Does not belong:
durability, clean-up, start-up (`test_emulator_*`), our clients (`test_source`).
"""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core import exceptions

from tests.messaging.brokers import Broker, bodies, eventually, retry_policy

# -- publish and pull ------------------------------------------------------


def test_a_message_arrives_as_it_was_published(broker):
    """Data, attributes, key, id and time are what the consumer builds on."""
    broker.create()
    before = datetime.now(UTC) - timedelta(seconds=1)
    ids = broker.publish(b"\x00\xff body", warehouse="WH-1")
    [received] = broker.pull()

    assert received.message.data == b"\x00\xff body"
    assert dict(received.message.attributes) == {"warehouse": "WH-1"}
    assert [received.message.message_id] == ids
    assert before <= received.message.publish_time <= datetime.now(UTC) + timedelta(seconds=1)


def test_each_subscription_gets_every_message(broker):
    broker.create(subscription="one")
    broker.create(subscription="two")
    broker.publish(b"a", b"b")

    assert sorted(bodies(broker.pull("one", count=2))) == [b"a", b"b"]
    assert sorted(bodies(broker.pull("two", count=2))) == [b"a", b"b"]


def test_nothing_from_before_the_subscription_arrives(broker):
    broker.create_topic("topic")
    broker.publish(b"early")
    broker.create()
    broker.publish(b"late")

    assert bodies(broker.pull()) == [b"late"]
    assert broker.pull_now() == []


def test_a_pull_never_returns_more_than_asked(broker):
    broker.create()
    broker.publish(*[b"x"] * 20)

    assert 1 <= len(broker.pull_now(count=7)) <= 7


def test_a_waiting_pull_returns_when_a_message_comes(broker):
    """The long poll is what makes latency low without busy waiting."""
    broker.create()
    threading.Timer(0.3, broker.publish, [b"x"]).start()
    start = time.monotonic()
    answer = broker.subscriber.pull(
        subscription=broker.subscription_path("sub"), max_messages=1, retry=None, timeout=60
    )

    assert bodies(answer.received_messages) == [b"x"]
    assert time.monotonic() - start < 30


def test_a_pull_without_messages_ends_empty_before_its_deadline(broker):
    broker.create()
    answer = broker.subscriber.pull(subscription=broker.subscription_path("sub"), max_messages=1, retry=None, timeout=4)

    assert list(answer.received_messages) == []


def test_a_message_of_ten_megabytes_passes(broker):
    broker.create()
    broker.publish(b"x" * 9_900_000)

    assert len(broker.pull()[0].message.data) == 9_900_000


# -- acknowledge, give back, deadlines --------------------------------------


def test_an_acknowledged_message_does_not_come_back(broker):
    broker.create(ack_deadline_seconds=10)
    broker.publish(b"x")
    broker.acknowledge(broker.pull())

    assert broker.pull_now() == []


def test_a_leased_message_is_not_delivered_to_another(broker):
    broker.create(ack_deadline_seconds=600)
    broker.publish(b"x")
    broker.pull()

    assert broker.pull_now() == []


def test_a_message_given_back_comes_again_at_once(broker):
    """Long before the deadline: only the giving back can bring it."""
    broker.create(ack_deadline_seconds=600)
    broker.publish(b"x")
    first = broker.pull()
    broker.modify(first, 0)
    second = broker.pull()

    assert bodies(second) == [b"x"]
    assert second[0].message.message_id == first[0].message.message_id


def test_a_message_not_acknowledged_comes_again_after_its_deadline(broker):
    broker.create(ack_deadline_seconds=600)
    broker.publish(b"short", b"long")
    received = broker.pull(count=2)
    [short] = [each for each in received if each.message.data == b"short"]
    broker.modify([short], 2)
    again = broker.pull()

    assert bodies(again) == [b"short"]
    assert broker.pull_now() == []


def test_a_late_acknowledgement_is_no_error(broker):
    """At-least-once: acks that come too late are not the consumer's fault."""
    broker.create()
    broker.publish(b"x")
    received = broker.pull()
    broker.acknowledge(received)

    broker.acknowledge(received)


# -- ordering ---------------------------------------------------------------


def test_messages_of_a_key_come_in_order(broker):
    broker.create(enable_message_ordering=True)
    expected = [str(number).encode() for number in range(10)]
    for body in expected:
        broker.publish(body, key="WH-1:SKU")
    found: list[bytes] = []
    while len(found) < 10:
        received = broker.pull_now() or eventually(broker.pull_now)
        found += bodies(received)
        broker.acknowledge(received)

    assert found == expected


def test_the_next_of_a_key_waits_for_the_acknowledgement(broker):
    broker.create(enable_message_ordering=True, ack_deadline_seconds=600)
    broker.publish(b"1", b"2", b"3", key="k")
    first = broker.pull(count=1)

    assert bodies(first) == [b"1"]
    assert broker.pull_now() == []
    broker.acknowledge(first)
    assert bodies(broker.pull(count=1)) == [b"2"]


def test_keys_do_not_wait_for_each_other(broker):
    broker.create(enable_message_ordering=True)
    broker.publish(b"a1", b"a2", key="a")
    broker.pull(count=1)
    broker.publish(b"b1", key="b")

    assert bodies(broker.pull(count=1)) == [b"b1"]


def test_a_message_given_back_keeps_its_place_in_the_key(broker):
    broker.create(enable_message_ordering=True)
    broker.publish(b"1", b"2", b"3", key="k")
    received = broker.pull(count=2)
    broker.modify(received, 0)

    assert bodies(broker.pull(count=3)) == [b"1", b"2", b"3"]


def test_a_request_has_one_ordering_key(broker):
    messages = [{"data": b"1", "ordering_key": "a"}, {"data": b"2", "ordering_key": "b"}]
    broker.create()

    with pytest.raises(exceptions.FailedPrecondition, match="same ordering key"):
        broker.publisher.publish(request={"topic": broker.topic_path("topic"), "messages": messages}, timeout=30)


# -- filters ----------------------------------------------------------------


def test_a_filter_lets_only_matching_messages_through(broker):
    broker.create(filter='attributes.kind = "level" AND NOT attributes:test')
    broker.publish(b"no", kind="transaction")
    broker.publish(b"test", kind="level", test="1")
    broker.publish(b"yes", kind="level")

    assert bodies(broker.pull()) == [b"yes"]
    assert broker.pull_now() == []


def test_a_filter_that_does_not_parse_is_refused(broker):
    with pytest.raises(exceptions.InvalidArgument, match="filter"):
        broker.create(filter="attributes.kind == 3")


# -- retry and dead letters -------------------------------------------------


def test_a_retry_policy_delays_the_redelivery(broker):
    broker.create(retry_policy=retry_policy(2, 5))
    broker.publish(b"x")
    received = broker.pull()
    start = time.monotonic()
    broker.modify(received, 0)
    broker.pull()

    # The broker's clock starts after ours, so a slow machine can only make it longer.
    assert time.monotonic() - start >= 1.9


def _with_dead_letters(broker: Broker, **settings) -> None:
    broker.create("dead", "dead-sub")
    policy = {"dead_letter_topic": broker.topic_path("dead"), "max_delivery_attempts": 5}
    broker.create(dead_letter_policy=policy, **settings)


def test_delivery_attempts_are_counted_with_a_dead_letter_policy(broker):
    _with_dead_letters(broker)
    broker.publish(b"x")
    attempts = []
    for _ in range(3):
        received = broker.pull()
        attempts.append(received[0].delivery_attempt)
        broker.modify(received, 0)

    assert attempts == [1, 2, 3]


def test_a_message_delivered_too_often_goes_to_the_dead_letter_topic(broker):
    _with_dead_letters(broker)
    broker.publish(b"poison", warehouse="WH-1")
    for _ in range(5):
        broker.modify(broker.pull(), 0)
    # Google's emulator forwards when the source is pulled the next time.
    assert broker.pull_now() == []
    [dead] = broker.pull("dead-sub")

    assert dead.message.data == b"poison"
    assert dead.message.attributes["warehouse"] == "WH-1"
    assert dead.message.attributes["CloudPubSubDeadLetterSourceSubscription"] == "sub"
    assert dead.message.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] == broker.project
    assert dead.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert "CloudPubSubDeadLetterSourceTopicPublishTime" in dead.message.attributes
    assert broker.pull_now() == []


def test_an_ordered_subscription_dead_letters_too(broker):
    _with_dead_letters(broker, enable_message_ordering=True)
    broker.publish(b"poison", b"next", key="k")
    for _ in range(5):
        broker.modify(broker.pull(count=1), 0)

    assert bodies(broker.pull("dead-sub")) == [b"poison"]
    assert bodies(broker.pull()) == [b"next"]


# -- seek and snapshots -----------------------------------------------------


def test_a_seek_to_the_past_brings_acknowledged_messages_back(broker):
    broker.create(retain_acked_messages=True)
    start = datetime.now(UTC) - timedelta(seconds=5)
    broker.publish(b"x")
    broker.acknowledge(broker.pull())
    broker.subscriber.seek(request={"subscription": broker.subscription_path("sub"), "time": start}, timeout=30)

    assert bodies(broker.pull()) == [b"x"]


def test_a_seek_to_the_future_acknowledges_everything(broker):
    broker.create()
    broker.publish(b"x")
    broker.subscriber.seek(
        request={
            "subscription": broker.subscription_path("sub"),
            "time": datetime.now(UTC) + timedelta(seconds=60),
        },
        timeout=30,
    )

    assert broker.pull_now() == []


def test_topic_retention_brings_back_what_was_published_before_the_subscription(broker):
    broker.create_topic("topic", message_retention_duration=timedelta(days=1))
    start = datetime.now(UTC) - timedelta(seconds=5)
    broker.publish(b"early")
    broker.create()
    broker.subscriber.seek(request={"subscription": broker.subscription_path("sub"), "time": start}, timeout=30)

    assert bodies(broker.pull()) == [b"early"]


def test_a_snapshot_keeps_what_was_unacknowledged_and_all_after_it(broker):
    broker.create()
    broker.publish(b"before")
    snapshot = f"projects/{broker.project}/snapshots/snap"
    broker.subscriber.create_snapshot(name=snapshot, subscription=broker.subscription_path("sub"), timeout=30)
    broker.publish(b"after")
    broker.acknowledge(broker.pull(count=2))
    broker.subscriber.seek(request={"subscription": broker.subscription_path("sub"), "snapshot": snapshot}, timeout=30)

    assert sorted(bodies(broker.pull(count=2))) == [b"after", b"before"]
    listed = broker.subscriber.list_snapshots(project=f"projects/{broker.project}", timeout=30)
    assert [each.name for each in listed] == [snapshot]
    broker.subscriber.delete_snapshot(snapshot=snapshot, timeout=30)
    with pytest.raises(exceptions.NotFound):
        broker.subscriber.delete_snapshot(snapshot=snapshot, timeout=30)


def test_a_seek_needs_a_target(broker):
    broker.create()

    with pytest.raises(exceptions.InvalidArgument):
        broker.subscriber.seek(request={"subscription": broker.subscription_path("sub")}, timeout=30)


# -- exactly once -----------------------------------------------------------


def test_exactly_once_refuses_an_acknowledgement_that_comes_twice(broker):
    broker.create(enable_exactly_once_delivery=True)
    broker.publish(b"x")
    received = broker.pull()
    broker.acknowledge(received)

    with pytest.raises(exceptions.InvalidArgument) as raised:
        broker.acknowledge(received)
    assert raised.value.reason == "EXACTLY_ONCE_ACKID_FAILURE"
    assert raised.value.metadata == {received[0].ack_id: "PERMANENT_FAILURE_INVALID_ACK_ID"}


# -- resources --------------------------------------------------------------


def test_resources_can_be_listed_read_and_deleted(broker):
    broker.create()
    project = f"projects/{broker.project}"
    topics = [each.name for each in broker.publisher.list_topics(project=project, timeout=30)]
    found = broker.subscriber.get_subscription(subscription=broker.subscription_path("sub"), timeout=30)
    of_topic = list(broker.publisher.list_topic_subscriptions(topic=broker.topic_path("topic"), timeout=30))

    assert topics == [broker.topic_path("topic")]
    assert (found.ack_deadline_seconds, found.message_retention_duration.days) == (10, 7)
    assert of_topic == [broker.subscription_path("sub")]
    broker.subscriber.delete_subscription(subscription=broker.subscription_path("sub"), timeout=30)
    broker.publisher.delete_topic(topic=broker.topic_path("topic"), timeout=30)
    with pytest.raises(exceptions.NotFound):
        broker.publisher.get_topic(topic=broker.topic_path("topic"), timeout=30)


def test_a_subscription_outlives_its_topic(broker):
    broker.create()
    broker.publish(b"x")
    broker.publisher.delete_topic(topic=broker.topic_path("topic"), timeout=30)
    found = broker.subscriber.get_subscription(subscription=broker.subscription_path("sub"), timeout=30)

    assert found.topic == "_deleted-topic_"
    assert bodies(broker.pull()) == [b"x"]


def test_a_detached_subscription_cannot_be_pulled(broker):
    broker.create()
    broker.publish(b"x")
    broker.publisher.detach_subscription(request={"subscription": broker.subscription_path("sub")}, timeout=30)

    with pytest.raises(exceptions.FailedPrecondition, match="detached"):
        broker.pull_now()


def test_an_update_changes_what_its_mask_names(broker):
    broker.create()
    broker.subscriber.update_subscription(
        request={
            "subscription": {
                "name": broker.subscription_path("sub"),
                "ack_deadline_seconds": 33,
                "labels": {"ignored": "not-in-mask"},
            },
            "update_mask": {"paths": ["ack_deadline_seconds"]},
        },
        timeout=30,
    )
    found = broker.subscriber.get_subscription(subscription=broker.subscription_path("sub"), timeout=30)

    assert (found.ack_deadline_seconds, dict(found.labels)) == (33, {})


@pytest.mark.parametrize("field", ["filter", "topic", "enable_message_ordering", "nonsense"])
def test_an_update_of_what_is_fixed_is_refused(broker, field):
    broker.create()

    with pytest.raises(exceptions.InvalidArgument):
        broker.subscriber.update_subscription(
            request={
                "subscription": {"name": broker.subscription_path("sub")},
                "update_mask": {"paths": [field]},
            },
            timeout=30,
        )


# -- errors -----------------------------------------------------------------


def test_what_is_absent_is_not_found(broker):
    broker.create_topic("topic")

    with pytest.raises(exceptions.NotFound):
        broker.publish(b"x", topic="absent")
    with pytest.raises(exceptions.NotFound):
        broker.pull_now("absent")
    with pytest.raises(exceptions.NotFound):
        broker.subscriber.create_subscription(
            name=broker.subscription_path("sub"), topic=broker.topic_path("absent"), timeout=30
        )


def test_what_exists_already_exists(broker):
    broker.create()

    with pytest.raises(exceptions.AlreadyExists):
        broker.create_topic("topic")
    with pytest.raises(exceptions.AlreadyExists):
        broker.create()


@pytest.mark.parametrize("name", ["1abc", "ab", "google-x", "a b c", "a" * 256])
def test_a_bad_name_is_refused(broker, name):
    with pytest.raises(exceptions.InvalidArgument, match="name"):
        broker.create_topic(name)


def test_an_empty_message_or_request_is_refused(broker):
    broker.create()

    with pytest.raises(exceptions.InvalidArgument):
        broker.publish(b"")
    with pytest.raises(exceptions.InvalidArgument):
        broker.publish()
    with pytest.raises(exceptions.InvalidArgument):
        broker.publish(*[b"x"] * 1001)


def test_a_request_over_ten_megabytes_is_refused(broker):
    broker.create()

    with pytest.raises(exceptions.InvalidArgument, match="size"):
        broker.publish(b"x" * 10_600_000)


@pytest.mark.parametrize(
    "attributes",
    [
        {"": "empty key"},
        {"googclient": "reserved"},
        {"k" * 257: "long key"},
        {"key": "v" * 1025},
        {f"k{number}": "v" for number in range(101)},
    ],
    ids=["empty", "reserved", "long-key", "long-value", "many"],
)
def test_attributes_over_their_limits_are_refused(broker, attributes):
    broker.create()

    with pytest.raises(exceptions.InvalidArgument):
        broker.publish(b"x", **attributes)


@pytest.mark.parametrize(
    "settings",
    [
        {"ack_deadline_seconds": 601},
        {"message_retention_duration": timedelta(minutes=9)},
        {"message_retention_duration": timedelta(days=32)},
        {"retry_policy": retry_policy(5, 1)},
    ],
    ids=["long-deadline", "short-retention", "long-retention", "retry"],
)
def test_settings_out_of_bounds_are_refused(broker, settings):
    with pytest.raises(exceptions.InvalidArgument):
        broker.create(**settings)


def test_a_deadline_under_ten_seconds_is_refused(broker):
    with pytest.raises(exceptions.InvalidArgument):
        broker.create(ack_deadline_seconds=5)


def test_an_export_is_not_built(ours):
    with pytest.raises(exceptions.MethodNotImplemented, match="BigQuery"):
        ours.create(bigquery_config={"table": "p.d.t"})
