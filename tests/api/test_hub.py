"""The hub: who listens ends with the picture, is told once a second at most, and is never waited for."""

import asyncio
import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.api.http import Problem
from inventory_assets.api.hub import MOST_BEHIND, Hub, Stream
from inventory_assets.domain.picture.picture import Changed, Picture
from inventory_assets.domain.picture.rows import Alert, Stock
from inventory_assets.domain.picture.stream import Wanted
from tests.streaming import Changes, begun, changes, go_on, wanted


class _Wire(asyncio.WriteTransport):
    """A connection whose reader may stop to read."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""
        self.unsent = b""
        self.is_stuck = False
        self.is_open = True
        self.was_aborted = False
        self.last: Any = None

    def write(self, data: Any) -> None:
        assert self.is_open
        self.last = data
        self.unsent += data
        self.go()

    def go(self) -> None:
        if not self.is_stuck:
            self.taken, self.unsent = self.taken + self.unsent, b""

    def get_write_buffer_size(self) -> int:
        return len(self.unsent)

    def is_closing(self) -> bool:
        return not self.is_open

    def close(self) -> None:
        self.is_open = False

    def abort(self) -> None:
        self.is_open, self.was_aborted, self.unsent = False, True, b""


@dataclass
class _Event:
    name: str = ""
    data: Any = None
    id: int | None = None
    comments: list[str] = field(default_factory=list)


def _events(body: bytes) -> list[_Event]:
    """The events of a body in chunks, as a browser reads them."""
    text, rest = b"", body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        assert rest[length : length + 2] == b"\r\n"
        text, rest = text + rest[:length], rest[length + 2 :]
    found = []
    for block in text.decode().split("\n\n")[:-1]:
        event = _Event()
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            match name:
                case "":
                    event.comments.append(value)
                case "id":
                    event.id = int(value)
                case "event":
                    event.name = value
                case "data":
                    event.data = json.loads(value)
                case _:
                    assert name == "retry"
        found.append(event)
    return found


class _Shop:
    """A picture that changes, a hub on it, and a clock."""

    def __init__(self, *, kept_changes: int = 1_000, most: int = 100, most_of_token: int = 2) -> None:
        self.kept_changes = kept_changes
        self.picture: Picture | None = begun(kept_changes=kept_changes)
        self.listeners: list[Any] = []
        self.now = 0.0
        self.bad: dict[str, str] = {}
        self.hub = Hub(
            self, most=most, most_of_token=most_of_token, judge=lambda grant: self.bad.get(getattr(grant, "token_id", "")),
            monotonic=lambda: self.now,
        )  # fmt: skip
        self.showed: dict[int, tuple[list[Stock], list[Alert]]] = {}
        self.remember()

    def remember(self) -> None:
        """What each version showed: the lake knows it for who asks later."""
        assert self.picture is not None
        self.showed[self.picture.version] = (list(self.picture.stock), list(self.picture.alerts))

    def listen(self, listener: Any) -> None:
        self.listeners.append(listener)

    def tell(self, changed: Changed | None) -> None:
        for listener in self.listeners:
            listener(changed)

    def change(self, change: Changes) -> None:
        assert self.picture is not None
        changed = go_on(self.picture, change)
        self.remember()
        self.tell(changed)

    def reload(self) -> None:
        """The lake is rebuilt: another picture, of the next version."""
        assert self.picture is not None
        before, self.picture = self.picture, Picture(2, kept_changes=self.kept_changes)
        version = before.version + 1
        self.picture.start(version, [(version, version)], {"stock": list(before.stock)[1:]})
        self.remember()
        self.tell(None)

    def pass_time(self, seconds: float) -> None:
        """Let the hub run for a while."""
        until = self.now + seconds
        while self.now < until:
            self.now += 0.25
            asyncio.run(self.hub.step())


@dataclass
class _Reader:
    """Who reads a stream, and comes back where it broke; it has the rows, by their version."""

    shop: _Shop
    mine: Wanted
    wire: _Wire = field(default_factory=_Wire)
    stream: Stream | None = None
    version: int | None = None
    stock: dict[Any, int] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    ids: list[int] = field(default_factory=list)

    def open(self) -> None:
        self.wire = _Wire()
        self.stream = self.shop.hub.join(self.mine, self.version, self.wire)

    def leave(self) -> None:
        """It breaks: what was not sent is lost."""
        assert self.stream is not None
        self.read()
        self.shop.hub.leave(self.stream)
        self.wire.abort()

    def read(self) -> None:
        for event in _events(self.wire.taken):
            if event.id is not None:
                self.ids.append(event.id)
                self.version = event.id
            if event.name in ("start", "reset"):
                self.ask(event.data["version"])
            elif event.name == "changes":
                assert event.id == event.data["version"]
                self.stock |= {(row["warehouse_id"], row["sku"]): row["version"] for row in event.data["stock"]}
                for alert in event.data["alerts"]:
                    if alert["state"] == "firing":
                        self.alerts[alert["alert_id"]] = alert["version"]
                    else:
                        self.alerts.pop(alert["alert_id"], None)
        self.wire.taken = b""

    def ask(self, version: int) -> None:
        """What `/v1/stock?version=` answers."""
        self.stock, self.alerts = _showed(self.shop, self.mine, version)


def _showed(shop: _Shop, mine: Wanted, version: int) -> tuple[dict[Any, int], dict[str, int]]:
    stock, alerts = shop.showed[version]
    return (
        {row.key: row.version for row in stock if mine.stock and mine.takes(row.key)},
        {each.alert_id: each.version for each in alerts if mine.alerts and mine.takes((each.warehouse_id, each.sku))},
    )


_act = st.one_of(
    changes, changes, changes,
    st.sampled_from(["tick", "second", "reload"]),
    st.tuples(st.sampled_from(["stick", "go", "leave"]), st.integers(0, 2)),
)  # fmt: skip


@given(st.lists(_act, max_size=40), st.lists(wanted, min_size=1, max_size=3), st.sampled_from([0, 3, 1_000]))
def test_who_listens_ends_with_the_picture(acts, filters, kept_changes):
    """Whatever the cuts, pauses, reconnects and rebuilds: no change is missed, and versions only grow."""
    shop = _Shop(kept_changes=kept_changes)
    readers = [_Reader(shop, mine) for mine in filters]
    for reader in readers:
        reader.open()
        reader.read()
    for act in acts:
        match act:
            case "tick" | "second":
                shop.pass_time(0.25 if act == "tick" else 1.0)
            case "reload":
                shop.reload()
            case ("stick", place):
                readers[place % len(readers)].wire.is_stuck = True
            case ("go", place):
                readers[place % len(readers)].wire.is_stuck = False
                readers[place % len(readers)].wire.go()
            case ("leave", place):
                readers[place % len(readers)].leave()
                readers[place % len(readers)].open()
            case change:
                shop.change(change)
        for reader in readers:
            reader.read()
    for reader in readers:
        reader.wire.is_stuck = False
        reader.wire.go()
    for _ in range(20):
        shop.pass_time(1.0)
        for reader in readers:
            reader.read()

    for reader in readers:
        assert shop.picture is not None
        assert _showed(shop, reader.mine, shop.picture.version) == (reader.stock, reader.alerts)
        assert reader.ids == sorted(reader.ids)
        # A beat has said that nothing was missed: it would come back from there.
        assert reader.version == shop.picture.version


def _listening(shop: _Shop, mine: Wanted | None = None, grant: Any = None) -> tuple[_Wire, Stream]:
    wire = _Wire()
    stream = shop.hub.join(mine or Wanted(), None, wire, grant)
    wire.taken = b""
    return wire, stream


def _told(wire: _Wire) -> list[_Event]:
    found, wire.taken = _events(wire.taken), b""
    return [event for event in found if event.name]


def test_a_change_is_told_at_once_and_those_of_the_second_after_it_together():
    shop = _Shop()
    wire, _ = _listening(shop)
    shop.pass_time(2)

    shop.change([("W1", "A", False)])
    shop.pass_time(0.25)
    first = _told(wire)
    for _ in range(3):
        shop.change([("W1", "A", False), ("W2", "B", False)])
    shop.pass_time(0.5)
    within = _told(wire)
    shop.pass_time(0.5)
    after = _told(wire)

    assert [[2], [], [5]] == [[event.id for event in told] for told in (first, within, after)]
    assert [("A", 5), ("B", 5)] == [(row["sku"], row["version"]) for row in after[0].data["stock"]]


def test_no_connection_is_told_more_than_once_a_second():
    """Not one either that came a moment before its group was told; soon all of a group are told at once."""
    shop = _Shop()
    wires = []
    told: dict[_Wire, list[float]] = {}
    for step in range(60):
        if step < 12:
            wires.append(_listening(shop)[0])
        shop.change([("W1", "A", False)])
        shop.pass_time(0.25)
        for wire in wires:
            told.setdefault(wire, []).extend(shop.now for _ in _told(wire))

    for times in told.values():
        assert 1.0 <= min(later - earlier for earlier, later in pairwise(times))
    assert 1 == len({tuple(times[-5:]) for times in told.values()})


def test_those_who_want_the_same_are_sent_the_same_bytes():
    """Encoded once: a thousand cost little more than one."""
    shop = _Shop()
    wires = [_listening(shop)[0] for _ in range(50)]
    shop.pass_time(2)

    shop.change([("W1", "A", False)])
    shop.pass_time(1)

    assert 1 == len({id(wire.last) for wire in wires})


def test_a_reader_that_stops_is_told_less_often_and_then_closed():
    """What it did not take is coalesced, so it costs one message; 1 MB behind, it is closed, and others hear all."""
    shop = _Shop()
    stuck, _ = _listening(shop)
    reads, _ = _listening(shop)
    shop.pass_time(2)
    stuck.is_stuck = True

    seconds = 0
    while stuck.is_open:
        shop.change([("W1", f"S-{number}", False) for number in range(400)])
        shop.pass_time(1)
        seconds += 1
        assert 1 == len(_told(reads))
        assert len(stuck.unsent) < MOST_BEHIND

    assert stuck.was_aborted
    assert 1 == shop.hub.dropped
    assert 1 == len(shop.hub)


def test_a_beat_says_every_15_seconds_that_it_lives_and_up_to_where():
    """So that who comes back after a quiet hour is not told to begin anew: browsers send the id of a beat, too."""
    shop = _Shop()
    wire, _ = _listening(shop, Wanted(skus=frozenset({"A"})))

    for _ in range(4 * 60):
        shop.change([("W1", "B", False)])
        shop.pass_time(0.25)
    beats = _events(wire.taken)

    assert 3 <= len(beats) <= 5
    assert {(("beat",), "")} == {(tuple(event.comments), event.name) for event in beats}
    assert beats[-1].id is not None and beats[-1].id > 150


@dataclass
class _Grant:
    token_id: str


def test_a_token_that_is_revoked_hears_no_more_and_is_told_why():
    shop = _Shop()
    wires = [_listening(shop, grant=_Grant(token_id))[0] for token_id in ("tok-1", "tok-2")]

    shop.bad["tok-1"] = "this token is not good here"
    shop.pass_time(1)
    shop.change([("W1", "A", False)])
    shop.pass_time(2)

    assert [("end", "token")] == [(event.name, event.data["reason"]) for event in _told(_ended(wires[0]))]
    assert ["changes"] == [event.name for event in _told(wires[1])]


def _ended(wire: _Wire) -> _Wire:
    assert not wire.is_open and not wire.was_aborted
    assert wire.taken.endswith(b"0\r\n\r\n")
    wire.taken = wire.taken.removesuffix(b"0\r\n\r\n")
    return wire


def test_all_are_told_of_an_end_and_who_does_not_read_is_not_waited_for():
    shop = _Shop()
    reads, _ = _listening(shop)
    stuck, _ = _listening(shop)
    shop.pass_time(2)
    stuck.is_stuck = True
    shop.change([("W1", "A", False)])
    shop.pass_time(1)
    reads.taken = b""

    shop.hub.close()

    assert [("end", "shutdown")] == [(event.name, event.data["reason"]) for event in _told(_ended(reads))]
    assert stuck.was_aborted
    with pytest.raises(Problem) as refused:
        shop.hub.check_room(None)
    assert 503 == refused.value.status


def test_streams_are_limited_for_a_token_and_in_all():
    shop = _Shop(most=3, most_of_token=2)
    streams = [_listening(shop, grant=_Grant("tok-1"))[1] for _ in range(2)]

    with pytest.raises(Problem) as of_token:
        shop.hub.check_room(_Grant("tok-1"))
    _listening(shop)
    with pytest.raises(Problem) as in_all:
        shop.hub.check_room(_Grant("tok-2"))
    shop.hub.leave(streams[0])
    shop.hub.leave(streams[0])
    shop.hub.check_room(_Grant("tok-1"))

    assert [429, 503] == [of_token.value.status, in_all.value.status]


def test_a_version_that_another_process_told_of_is_waited_for_and_an_unknown_one_is_not_believed():
    shop = _Shop()
    ahead, lost = _Wire(), _Wire()
    shop.hub.join(Wanted(), 2, ahead)
    shop.hub.join(Wanted(), 900, lost)
    shop.pass_time(0.5)
    for _ in range(2):
        shop.change([("W1", "A", False)])

    shop.pass_time(3)

    assert [("changes", 3)] == [(event.name, event.id) for event in _told(ahead)]
    assert [("reset", 3, "ahead")] == [(event.name, event.id, event.data["reason"]) for event in _told(lost)]


def test_who_was_away_for_too_long_is_told_what_to_ask():
    shop = _Shop(kept_changes=2)
    for _ in range(10):
        shop.change([("W1", "A", False), ("W1", "B", False)])
    wire = _Wire()

    shop.hub.join(Wanted(), 3, wire)
    shop.pass_time(1)

    [reset] = _told(wire)
    assert ("reset", 11, "forgotten") == (reset.name, reset.id, reset.data["reason"])
    assert "/v1/stock?version=11" in reset.data["detail"]


def test_a_fault_with_one_leaves_the_others_their_changes(monkeypatch):
    """What broke off is told afterwards: each goes on from where it was."""
    shop = _Shop()
    wires = [_listening(shop)[0] for _ in range(3)]
    shop.pass_time(2)
    monkeypatch.setattr(wires[0], "get_write_buffer_size", lambda: 1 // 0)
    shop.change([("W1", "A", False)])

    with pytest.raises(ZeroDivisionError):
        shop.pass_time(0.25)
    monkeypatch.undo()
    shop.pass_time(2)

    assert [[2]] * 3 == [[event.id for event in _told(wire)] for wire in wires]


def test_who_left_leaves_nothing_behind():
    shop = _Shop()
    _, stream = _listening(shop, Wanted(skus=frozenset({"A"})), _Grant("tok-1"))
    shop.change([("W1", "A", False)])

    shop.hub.leave(stream)

    hub = shop.hub
    assert [0, {}, {}, {}, {}] == [len(hub), hub._groups, hub._dirty, hub._behind, hub._tokens]
    assert not any(hub._beats)


def test_what_changes_while_a_group_is_told_is_not_missed_by_who_was_passed_over():
    """Others are answered between two connections, and versions come: the next message begins where this one did."""
    shop = _Shop()
    wires = [_listening(shop)[0] for _ in range(40)]
    shop.pass_time(2)
    wires[39].is_stuck = True
    shop.change([("W1", "A", False)])
    shop.pass_time(1)
    shop.change([("W1", "B", False)])
    shop.now += 1

    async def step() -> None:
        telling = asyncio.create_task(shop.hub.step())
        await asyncio.sleep(0)
        shop.change([("W1", "C", False)])
        await telling

    asyncio.run(step())
    wires[39].is_stuck = False
    wires[39].go()
    shop.pass_time(3)

    skus = [[row["sku"] for row in event.data["stock"]] for event in _told(wires[39])]
    assert [["A"], ["B", "C"]] == skus
    assert [["A"], ["B"], ["C"]] == [[row["sku"] for row in event.data["stock"]] for event in _told(wires[0])]
