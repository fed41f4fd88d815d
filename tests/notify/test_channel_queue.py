"""One channel's queue: whose turn it is, and when.

Belongs here: the lane without a lake or a thread. Does not: what is planned for it (`test_delivery`).
"""

import msgspec
import pytest

from inventory_assets.domain.notify.notifications import GIVE_UP_AFTER_SECONDS, DeliveryError, Receipt
from inventory_assets.domain.notify.policy import ChannelKind, ChannelPolicy, Limit
from inventory_assets.domain.notify.routing import Planned
from inventory_assets.notify.channel_queue import Lane
from inventory_assets.notify.facts import OwedNotification
from tests.notify.delivering import EPOCH, Clock
from tests.notify.notices import single


class Post:
    """A sender that takes what is not `away`."""

    def __init__(self):
        self.taken, self.away = [], set()

    def send(self, notification):
        if notification.notification_id in self.away:
            raise DeliveryError("away")
        self.taken.append(notification.notification_id)
        return Receipt("taken")

    def close(self):
        """Nothing is open."""


class Desk:
    """A lane with its clock, its sender and what came of each try."""

    def __init__(self, limit=None):
        self.clock, self.post, self.statuses = Clock(), Post(), []
        channel = ChannelPolicy("mail", ChannelKind.CONSOLE, {}, limit)
        self.lane = Lane(
            channel, self.post,
            lambda owed: msgspec.structs.replace(single(), notification_id=owed.planned.notification_id),
            lambda attempt: self.statuses.append(attempt.status), clock=self.clock,
        )  # fmt: skip

    def owe(self, *owed):
        self.lane.add(owed)

    def wait(self, seconds):
        """Let time pass, and try what is due, a second at a time."""
        for _ in range(seconds):
            self.clock.now += 1
            while self.lane.attempt_next():
                pass


def owed(name, severity="HIGH", kind="single", covers=(), planned_at=int(EPOCH * 1_000_000)):
    return OwedNotification(Planned(name, "mail", kind, severity, "", (), covers=covers), 1, planned_at)


def test_an_end_waits_behind_every_alert():
    """Whatever it had been: who is called by the worst wants to know what is wrong now."""
    desk = Desk()
    desk.owe(owed("end", "CRITICAL", "resolved"), owed("minor", "MEDIUM"), owed("major", "CRITICAL"))

    desk.wait(1)

    assert ["major", "minor", "end"] == desk.post.taken


@pytest.mark.parametrize("covers", [("a",), ("a", "b"), ("b", "a")])
def test_an_end_overtakes_none_of_what_it_ends(covers):
    """The other side cannot end what it has not heard of, nor a part of it."""
    desk = Desk()
    desk.post.away.add("a")
    desk.owe(owed("a"), owed("b"), owed("end", kind="resolved", covers=covers))
    desk.wait(30)
    assert ["b"] == desk.post.taken

    desk.post.away.clear()
    desk.wait(60)

    assert ["b", "a", "end"] == desk.post.taken


def test_an_end_of_what_the_lane_never_had_goes_at_once():
    desk = Desk()
    desk.owe(owed("end", kind="resolved", covers=("sent yesterday",)))

    desk.wait(1)

    assert ["end"] == desk.post.taken


def test_ends_take_no_room_from_alerts_until_they_are_tried():
    """`used` is what planning may not exceed; a digest because of ends would hide alerts."""
    desk = Desk(Limit(9, 60))
    desk.owe(owed("a"), owed("end", kind="resolved", covers=("a",)))
    assert 1 == desk.lane.used(EPOCH)

    desk.wait(3)

    assert (["a", "end"], 2) == (desk.post.taken, desk.lane.used(desk.clock.now))


def test_a_limit_is_filled_and_not_passed_in_any_of_its_periods():
    """Two a minute: two in the first second, the third as the minute since the first ends."""
    desk = Desk(Limit(2, 60))
    desk.owe(*(owed(name) for name in "abc"))

    desk.wait(60)
    assert ["a", "b"] == desk.post.taken
    desk.wait(1)

    assert ["a", "b", "c"] == desk.post.taken


@pytest.mark.parametrize(("more", "status"), [(0, "failed"), (1, "failed_permanently")])
def test_a_notification_is_given_up_after_three_days(more, status):
    desk = Desk()
    desk.post.away.add("a")
    desk.clock.now = EPOCH + GIVE_UP_AFTER_SECONDS + more
    desk.owe(owed("a"))

    assert desk.lane.attempt_next()
    assert [status] == desk.statuses
