"""A topic is watched without taking anything from anybody, and without leaving anything behind."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory_assets.emulator.filters import compile_filter
from inventory_assets.messaging.errors import BrokerUnavailableError
from inventory_assets.messaging.tail import PREFIX, TailError, tail_of
from tests.messaging.brokers import Broker, eventually

WEEK = {"message_retention_duration": timedelta(days=7)}


def subscriptions(broker: Broker) -> list[str]:
    return [*broker.publisher.list_topic_subscriptions(topic=broker.topic_path("topic"), timeout=30)]


def watching(broker: Broker, topic: str = "topic", **asked):
    return tail_of(broker.project, topic, emulator_host=broker.host, **asked)


def seen(tail, count: int) -> list[bytes]:
    found: list[bytes] = []

    def all_came() -> bool:
        found.extend(each.data for each in tail.next(0.2))
        return len(found) >= count

    eventually(all_came)
    return found


def test_what_passes_is_seen_and_nobody_misses_it(broker):
    broker.create()
    with watching(broker) as tail:
        broker.publish(b"1", b"2")

        assert {b"1", b"2"} == {*seen(tail, 2)}
    assert 2 == len(broker.pull(count=2))


def test_its_subscription_expires_within_a_day_and_is_gone_at_the_end(broker):
    broker.create_topic("topic")
    with watching(broker) as tail:
        [path] = subscriptions(broker)
        found = broker.subscriber.get_subscription(subscription=path, timeout=30)

        assert timedelta(days=1) == found.expiration_policy.ttl
        assert path.endswith(tail.subscription) and tail.subscription.startswith(PREFIX)
    with pytest.raises(KeyboardInterrupt), watching(broker):
        raise KeyboardInterrupt

    assert ([], "") == (subscriptions(broker), tail.left)


def test_it_goes_back_where_the_topic_keeps_messages(ours):
    ours.create_topic("topic", **WEEK)
    ours.create_topic("keeps-nothing")
    begun = datetime.now(UTC)
    ours.publish(b"before")
    ours.publish(b"before", topic="keeps-nothing")
    with watching(ours, since=begun) as tail:
        assert (True, timedelta(days=7), [b"before"]) == (tail.is_back, tail.kept, seen(tail, 1))
    with watching(ours, since=begun + timedelta(hours=1)) as tail:
        assert [] == tail.next(0.1)
    with watching(ours, "keeps-nothing", since=begun) as tail:
        assert (False, None, []) == (tail.is_back, tail.kept, tail.next(0.1))


def test_a_filter_holds_also_at_a_broker_that_ignores_it(broker):
    text = 'attributes.kind = "a" OR NOT attributes:kind'
    broker.create_topic("topic")
    with watching(broker, filter_=text, matches=compile_filter(text)) as tail:
        broker.publish(b"1", kind="b")
        broker.publish(b"2", kind="a")
        broker.publish(b"3")

        assert {b"2", b"3"} == {*seen(tail, 2)}


def test_what_cannot_be_watched_is_said(ours):
    with pytest.raises(TailError, match=r"no topic 'absent' in project.*topics apply"), watching(ours, "absent"):
        pass
    ours.create_topic("topic")
    with pytest.raises(TailError, match=r"refused to let topic 'topic' be watched"), watching(ours, filter_="nonsense"):
        pass
    with pytest.raises(BrokerUnavailableError), tail_of("p", "topic", emulator_host="127.0.0.1:1"):
        pass

    assert [] == subscriptions(ours)
