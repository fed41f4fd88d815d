"""A shop whose alerts are delivered, step by step and without threads.

Belongs here: senders that fail on cue, and short-hands. Does not belong: expectations.
"""

from collections.abc import Callable, Sequence
from typing import Any

from inventory_assets.domain.notify.notifications import Outgoing, Receipt
from inventory_assets.domain.notify.policy import ChannelKind, ChannelPolicy, Limit, Match, Policy, Route, Window
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.notes import Notes
from inventory_assets.notify.delivery import Delivery, commit
from tests.builders import level, messages, transaction

EPOCH = 1_700_000_000.0


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = EPOCH

    def __call__(self) -> float:
        return self.now


class Box:
    """A sender that keeps what it took; raises the next of `errors` instead."""

    def __init__(self, *errors: BaseException) -> None:
        self.taken: list[Outgoing] = []
        self.errors = list(errors)
        self.is_dead = False

    def send(self, notification: Outgoing) -> Receipt:
        if self.is_dead:
            raise ConnectionError("nobody there")
        if self.errors:
            raise self.errors.pop(0)
        self.taken.append(notification)
        return Receipt("taken", f"p-{len(self.taken)}")

    def close(self) -> None:
        """Nothing is open."""

    @property
    def ids(self) -> list[str]:
        return [each.notification_id for each in self.taken]


def make_policy(
    *names: str,
    limit: Limit | None = None,
    windows: Sequence[Window] = (),
    resolved: Sequence[str] = (),
    rule_channels: dict[str, str] | None = None,
    **route: Any,
) -> Policy:
    """Every alert to every channel."""
    channels = {name: ChannelPolicy(name, ChannelKind.CONSOLE, {}, limit, name in resolved) for name in names}
    fields = {"match": Match(), "channels": names, "group_by": (), "group_threshold": 0, **route}
    return Policy(channels, (Route(**fields),), tuple(windows), rule_channels or {})


def stock(engine: Engine, count: int, *, on_hand: int = 100, **more: Any) -> None:
    """Open the stock of some SKUs, with thresholds 50 and 80."""
    more = {"min_threshold": 50, "reorder_threshold": 80, "category_id": "MUGS", **more}
    engine.commit_burst(messages(*(level(on_hand, sku=f"S{n:05}", **more) for n in range(count))))


def breach(engine: Engine, count: int, *, at: str = "08:00", quantity: int = -60) -> None:
    """Sell so much of each that it is low."""
    engine.commit_burst(
        messages(*(transaction(f"T{at}{n}", quantity=quantity, sku=f"S{n:05}", at=at) for n in range(count)))
    )


def work(delivery: Delivery, notes: Notes, *, record: bool = True) -> None:
    """Plan, write, send all that is due; with `record`, write what came of it."""
    while delivery.step():
        commit(delivery, notes)
    send(delivery)
    if record:
        commit(delivery, notes)


def send(delivery: Delivery) -> None:
    """Try everything that is due now."""
    for lane in delivery.lanes.values():
        while lane.attempt_next():
            pass


Opener = Callable[..., Delivery]
