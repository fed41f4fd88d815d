"""What holds a telling back, against a hand-computed table (RULES 36).

Belongs here: sets of commands, and whether they hold at a time. Does not: the tellings themselves; those
of pauses are in `cases`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import permutations

import pytest

from tests.rules.case import K, command, message, moment
from tests.rules.holding import holds, is_outdated
from tests.rules.reading import read_event


@dataclass(frozen=True)
class Held:
    """Commands, and the times at which they do and do not hold the LOW_STOCK alert of W1/S1.

    `category`: the SKU's of now. `opened`: when the alert opened. `outdated`: of the commands, by number,
    those that come to nothing where all others are known.
    """

    name: str
    commands: list[dict]
    holding: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    category: str = "C1"
    opened: str = "06:00"
    outdated: tuple[int, ...] = ()


def silence(time: str, minutes: int, **more: object) -> dict:
    """A silence by dana of W1, if it says nothing else."""
    return command("silence", time, **{"warehouse_id": "W1", "minutes": minutes, **more})


def unsilence(time: str, **more: object) -> dict:
    """Its end by dana, if it says nothing else."""
    return command("unsilence", time, **{"warehouse_id": "W1", **more})


HELD = [
    # From 07:00 for an hour; its end is outside.
    Held("a silence has a beginning and an end", [silence("07:00", 60)], ("07:00", "07:59"), ("06:59", "08:00")),
    Held("a silence until a time", [command("silence", "07:00", sku="S1", until=moment("09:00"))], ("08:59",), ("09:00",)),
    # The 600 minutes of 07:40 decide, though the 2 of 07:20 may come later.
    Held(
        "an older silence does not cut a newer one short",
        [silence("07:40", 600), silence("07:20", 2)], ("07:21", "07:50", "17:39"), ("07:30", "17:40"),
        outdated=(1,),
    ),
    # The same author's next is another end: 07:30, not 17:00.
    Held(
        "whoever silences again means the new end",
        [silence("07:00", 600), silence("07:20", 10)], ("07:10", "07:29"), ("07:30", "08:00"),
        outdated=(0,),
    ),
    # eli's ten minutes leave dana's ten hours.
    Held(
        "another's shorter silence leaves a longer one",
        [silence("07:00", 600), silence("07:20", 10, issued_by="eli")], ("07:25", "07:40", "16:59"), ("17:00",),
    ),
    Held(
        "an end lifts every silence of its scope that is earlier",
        [silence("07:00", 600), silence("07:20", 600, issued_by="eli"), unsilence("07:30", issued_by="kim")],
        ("07:29",), ("07:30", "12:00"),
        outdated=(0, 1),
    ),
    # The end of 07:30 is not over the silence of 07:40.
    Held(
        "an end leaves what is silenced after it",
        [unsilence("07:30"), silence("07:00", 600), silence("07:40", 30)], ("07:20", "07:40", "08:09"), ("07:30", "08:10"),
        outdated=(1,),
    ),
    # At one time: only an earlier silence ends.
    Held("an end at the time of its silence leaves it", [silence("07:00", 60), unsilence("07:00")], ("07:30",)),
    # W1's end is not S1's.
    Held(
        "an end of another scope leaves a silence",
        [silence("07:00", 60, warehouse_id=None, sku="S1"), unsilence("07:10")], ("07:30",), ("08:00",),
    ),
    Held(
        "what is silenced is what the scope names",
        [
            silence("07:00", 60, warehouse_id="W2"), silence("07:00", 60, warehouse_id=None, sku="S2"),
            silence("07:00", 60, category_id="C2"), silence("07:00", 60, warehouse_id="W2", category_id="C1"),
        ],
        free=("07:30",),
    ),
    Held("a category's silence is over its SKUs of now", [silence("07:00", 60, category_id="C1")], ("07:30",)),
    # S1 has moved to C2.
    Held("a category's silence does not follow a SKU", [silence("07:00", 60, category_id="C1")], (), ("07:30",), "C2"),
    # data-quality lifts its own; the connector's stays until its own.
    Held(
        "each source lifts its own inhibition",
        [
            command("inhibit", "07:00", warehouse_id="W1", source="connector"),
            command("inhibit", "07:00", warehouse_id="W1", source="data-quality"),
            command("uninhibit", "07:30", warehouse_id="W1", source="data-quality"),
            command("uninhibit", "08:00", warehouse_id="W1", source="connector"),
        ],
        ("07:00", "07:30", "07:59"), ("06:59", "08:00"),
        outdated=(0, 1),
    ),
    # The lifting of 07:30 came first, and the inhibition it lifts is of 07:00.
    Held(
        "an inhibition is lifted by what came before it",
        [command("uninhibit", "07:30", warehouse_id="W1"), command("inhibit", "07:00", warehouse_id="W1")],
        ("07:10",), ("07:30",),
        outdated=(1,),
    ),
    # Without a source, in the name of who sent it.
    Held(
        "an inhibition without a source is its author's",
        [command("inhibit", "07:00", warehouse_id="W1"), command("uninhibit", "07:30", warehouse_id="W1", issued_by="eli")],
        ("07:40",),
    ),
    Held(
        "an inhibition may be of one condition",
        [command("inhibit", "07:00", warehouse_id="W1", alert_type="STOCKOUT")], (), ("07:10",),
    ),
    # What opened before it the incident has named one by one.
    Held("a category's inhibition holds what opens later", [command("inhibit", "07:00", category_id="C1")], ("07:30",), (), opened="07:10"),
    Held("a category's inhibition leaves what was open", [command("inhibit", "07:00", category_id="C1")], (), ("07:30",), opened="06:50"),
    Held("a warehouse's inhibition holds what was open", [command("inhibit", "07:00", warehouse_id="W1")], ("07:30",), (), opened="06:50"),
    # Resumed at 07:50, so the pause of 07:30 is over, whichever came first.
    Held(
        "the latest of pause and resume decides",
        [command("resume", "07:50"), command("pause", "07:30")], ("07:30", "07:49"), ("07:29", "07:50"),
        outdated=(1,),
    ),
    Held(
        "a resume of another scope leaves a pause",
        [command("pause", "07:00", sku="S1"), command("resume", "07:10")], ("07:30",),
    ),
    # The category is that of now, of pauses too.
    Held("a paused category does not follow a SKU", [command("pause", "07:00", category_id="C1")], (), ("07:30",), "C2"),
]  # fmt: skip


def at(time: str) -> datetime:
    return datetime.fromisoformat(moment(time)).astimezone(UTC)


@pytest.mark.parametrize("held", HELD, ids=lambda held: held.name)
def test_what_holds_is_what_was_computed_by_hand(held):
    """Whatever the order of arrival (RULES 36)."""
    about = {"alert_type": "LOW_STOCK", "opened_at": at(held.opened)}
    for documents in permutations(held.commands):
        commands = [read_event(message(document)) for document in documents]

        assert dict.fromkeys(held.holding, True) | dict.fromkeys(held.free, False) == {
            time: holds(commands, K, held.category, at(time), **about) for time in held.holding + held.free
        }


@pytest.mark.parametrize("held", HELD, ids=lambda held: held.name)
def test_what_is_outdated_comes_to_nothing(held):
    """RULES 9: its outcome is `superseded` where the others are known."""
    commands = [read_event(message(document)) for document in held.commands]

    assert set(held.outdated) == {n for n, each in enumerate(commands) if is_outdated(each, commands)}
