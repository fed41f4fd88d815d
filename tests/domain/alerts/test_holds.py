"""What holds an alert's tellings at a time, as a function of the set of commands (RULES 36).

Belongs here: pauses, silences and inhibitions as the product remembers them, in any order. Does not:
what a burst does with them (`test_lifecycle`).
"""

from itertools import permutations

import pytest

from inventory_assets.domain.alerts.evaluate import Cause, Point, step
from inventory_assets.domain.alerts.lifecycle import in_force, inhibitions_over, remember, silence_over
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.ingest.state import PAUSING, pause_over, remember_pause
from inventory_assets.domain.stock.fold import KeyState
from inventory_assets.domain.thresholds.resolve import Thresholds
from inventory_assets.domain.values import read_time
from tests.domain.events.reading import read
from tests.rules.case import K, moment
from tests.rules.test_holding import HELD

LIMITS = Thresholds("SKU", "S1", None, 10, None, None, None, 60, True, 1, "rule")
# Of two at one time RULES 36 do not say which; here the event id does, as for a pause and its end.
OPEN = "an end at the time of its silence leaves it"
ALL = pytest.mark.parametrize("held", [held for held in HELD if held.name != OPEN], ids=lambda held: held.name)


def at(time):
    return read_time("time", moment(time))


def alert_of(opened):
    """A LOW_STOCK alert of the key, opened at a time."""
    changed, _ = step(
        {}, Point(KeyState(*K, on_hand=9), LIMITS, None, 1, ()), Cause("e", at(opened), at(opened), False)
    )
    return changed[Condition.LOW_STOCK]


class Memory:
    """What is remembered of some commands."""

    def __init__(self):
        self.pauses, self.silences, self.inhibitions = {}, {}, {}

    def take(self, command):
        """Take one in; whether it counts."""
        if command.command in PAUSING:
            return remember_pause(self.pauses, command)
        return remember(self.silences, self.inhibitions, command)

    def holds(self, alert, category, time):
        return bool(
            pause_over(self.pauses, K, category)
            or silence_over(self.silences, alert, category, time)
            or inhibitions_over(in_force(self.inhibitions), alert, category)
        )


@ALL
def test_what_holds_is_what_was_computed_by_hand(held):
    """Whatever the order of arrival, of those that were given by then."""
    alert, expected = alert_of(held.opened), dict.fromkeys(held.holding, True) | dict.fromkeys(held.free, False)
    for time, is_held in expected.items():
        given = [each for each in map(read, held.commands) if each.event_at <= at(time)]
        for commands in permutations(given):
            memory = Memory()
            for command in commands:
                memory.take(command)

            assert is_held == memory.holds(alert, held.category, at(time)), time


@ALL
def test_what_comes_after_a_later_one_of_its_scope_does_not_count(held):
    """RULES 9: `superseded` where the others are known."""
    commands = [read(document) for document in held.commands]

    found = set()
    for number, last in enumerate(commands):
        memory = Memory()
        for other in commands:
            if other is not last:
                memory.take(other)
        if not memory.take(last):
            found.add(number)

    assert set(held.outdated) == found
