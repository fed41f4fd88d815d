"""A backlog tells what the same messages in order tell, however it is pulled (RULES 24, 25).

Transactions that overtook the opening levels made alerts of shelves that were full.
"""

import random
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from inventory_assets.domain.ingest.process import BurstInputs, parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.ingest.ingest import to_message
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.messaging.messages import ReceivedMessage
from inventory_assets.messaging.prefetch import Prefetcher, PrefetchLimits
from inventory_assets.messaging.pulling import Feed
from inventory_assets.messaging.topology import load_topology
from inventory_assets.settings import Settings
from tests.builders import cut, simulated

# A twentieth of the backlog that told 703 alerts for 351.
EVENTS, SHOP = 2_000, {"skus": 150, "warehouses": 4}


class Backlog:
    """Subscriptions with a backlog behind a real prefetcher; the test is its pullers, who come as threads do."""

    is_emulator = True

    def __init__(self, messages, *, max_messages, seed):
        subscriptions = {s.topic: s.name for s in load_topology().subscriptions}
        inputs = load_topology().input_topics
        self._feeds = [Feed(subscriptions[topic], subscriptions[topic], topic, pullers=1) for topic in inputs]
        self._queues = {feed.name: [m for m in messages if m.subscription == feed.name] for feed in self._feeds}
        self._max_messages = max_messages
        self._random = random.Random(seed)
        self._prefetcher = Prefetcher(
            self, feeds=self._feeds, limits=PrefetchLimits(20_000, 2 * max_messages, 10**9, 1, 5.0, 3_600.0)
        )

    def has_more(self):
        """Whether anything is left."""
        return bool(self._prefetcher.buffer) or any(self._queues.values())

    def next_burst(self, *, max_messages, max_bytes, wait_seconds):
        """Let some pullers come, more often the lucky ones, and take what may leave."""
        prefetcher = self._prefetcher
        with prefetcher.lock:
            prefetcher.begin_asking()
            for feed in self._random.choices(self._feeds, range(1, len(self._feeds) + 1), k=24):
                if prefetcher._has_room(feed):
                    size = prefetcher._pull_messages
                    queue = self._queues[feed.name]
                    pulled, queue[:] = queue[:size], queue[size:]
                    feed.answer(pulled, is_full=len(pulled) == size, now=0.0)
                    prefetcher._accept(feed, [(message, len(message.data)) for message in pulled])
            return prefetcher.take(max_messages=min(max_messages, self._max_messages), max_bytes=max_bytes)


def backlog_of(events, seed, shop):
    """What a shop sent, in order, published a moment after each other."""
    subscriptions = {s.topic: s.name for s in load_topology().subscriptions}
    _, sent = simulated(events, seed=seed, disorder_rate=0.05, **shop)
    latest, found = sent[0].event_time, []
    for number, each in enumerate(sent):
        latest = max(latest, each.event_time)
        at = latest + timedelta(microseconds=number)
        found.append(
            ReceivedMessage(
                f"m{number}", each.topic, subscriptions[each.topic], f"a{number}", at, each.ordering_key,
                dict(each.attributes), each.data, 0,
            )
        )  # fmt: skip
    return found


def told_by(bursts, meaning):
    """What a state that takes in bursts tells: each alert, and which telling of it."""
    state, told = InventoryState(meaning=meaning), []
    for version, burst in enumerate(bursts, 1):
        parsed = parse_burst([to_message(message) for message in burst], meaning.parsing)
        result = process_burst(state, parsed, version=version, inputs=BurstInputs(meaning=meaning))
        told += [(alert.alert_id, alert.notification_count) for alert in result.notified]
        result.draft.merge(version, 0)
    return sorted(told)


@cache
def in_order(grace):
    """The backlog, and what its messages in order tell."""
    meaning = meaning_of(replace(Settings(home=Path("unused")), unstated_grace=grace))
    messages = backlog_of(EVENTS, 7, SHOP)
    return meaning, messages, told_by(cut(messages, 500), meaning)


@pytest.mark.parametrize("grace", [timedelta(0), timedelta(hours=24)], ids=["judged at once", "grace"])
@pytest.mark.parametrize("pull", [50, 300, 1_000])
def test_a_backlog_tells_the_alerts_of_its_messages_in_order(pull, grace):
    meaning, messages, expected = in_order(grace)

    backlog = Backlog(messages, max_messages=pull, seed=pull)
    bursts = []
    while backlog.has_more():
        bursts.append(backlog.next_burst(max_messages=pull, max_bytes=10**9, wait_seconds=0))

    assert messages == [message for burst in bursts for message in burst]
    assert len(expected) > 5
    assert expected == told_by(bursts, meaning)
