"""The loop: nothing lost, nothing doubled, whatever dies when.

A connector is killed at every single step it takes, started again, and everything written to the
database must have arrived, each change under one identity (RULES 10: a repeat is a duplicate).
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from google.api_core.exceptions import InvalidArgument, NotFound, ServiceUnavailable

from inventory_assets.connector.errors import SourceRefusedError, SourceUnavailableError, TakenOverError, TokenLostError
from inventory_assets.connector.ops.backoff import Backoff
from inventory_assets.connector.ops.circuit import Circuits
from inventory_assets.connector.ops.observer import Observer, Tally
from inventory_assets.connector.publish.outlet import Outlet
from inventory_assets.connector.service import OnTokenLost, Options, Service
from inventory_assets.connector.shape.shaping import Shaped
from inventory_assets.connector.source.change import Change, Operation, Poison
from inventory_assets.connector.state.checkpoint import Checkpoint, Gap, Phase
from inventory_assets.connector.state.progress import Progress, request_snapshot
from inventory_assets.messaging.messages import OutgoingMessage
from tests.connector.twins import (
    Fate,
    FatefulTokenStore,
    Killed,
    MemoryBroker,
    MemoryDatabase,
    MemorySink,
    MemorySource,
    token_of,
    unavailable,
)

COLLECTIONS = ("thresholds", "transactions", "inventory")


class TagShaper:
    """Names what a change is, where the real one writes an envelope."""

    source_epoch = 0

    def shape(self, change: Change | Poison) -> Shaped:
        if isinstance(change, Poison):
            return self.refuse(change, reason=change.reason, detail=change.detail)
        key = change.document_key["_id"]
        data = f"{change.operation}:{change.collection}:{key}:{change.cluster_time[0]}".encode()
        return Shaped(OutgoingMessage("changes", data, {"epoch": str(self.source_epoch)}, str(key)))

    def refuse(self, change: Change | Poison, *, reason: str, detail: str) -> Shaped:
        return Shaped(OutgoingMessage("dead-letter-topic", f"{change.document_key['_id']}".encode()), reason)


class Diary(Observer):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.gaps: list[Gap] = []
        self.total = Tally()

    def copy_started(self, checkpoint: Checkpoint) -> None:
        self.entries.append(f"copy {checkpoint.source_epoch}")

    def copy_finished(self, documents: int) -> None:
        self.entries.append(f"copied {documents}")

    def handled(self, tally: Tally, *, cluster_time: tuple[int, int] | None) -> None:
        self.total.deduplicated += tally.deduplicated
        self.total.refused.update(tally.refused)

    def recovering(self, error: Exception) -> None:
        self.entries.append(type(error).__name__)

    def token_lost(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def stopped(self, reason: str, error: Exception | None) -> None:
        self.entries.append("stopped")


class World:
    """A database, a broker and a store that outlive every connector."""

    def __init__(self, **options: object) -> None:
        self.database = MemoryDatabase()
        self.broker = MemoryBroker()
        self.store = FatefulTokenStore()
        self.options = {"collections": COLLECTIONS, "save_seconds": 0.0, "settle_seconds": 0.05, **options}
        self.at = datetime(2026, 3, 1, tzinfo=UTC)
        self.diary = Diary()
        # What the database is told to do before the connector's nth read.
        self.script: dict[int, list] = {}
        self.reads = 0

    def run(self, fate: Fate | None = None, *, owner: str = "one", idle_reads: int = 3, sink_window: int = 2) -> Fate:
        """Run a connector until it has seen nothing new for a while."""
        fate = fate or Fate()
        self.store.fate = fate
        stop = Event()
        source = MemorySource(self.database, fate)
        idle = 0

        def meanwhile() -> None:
            nonlocal idle
            for act in self.script.pop(self.reads, []):
                act()
            self.reads += 1
            idle = idle + 1 if source._place == len(self.database.oplog) and not self.script else 0
            if idle > idle_reads:
                stop.set()

        source.meanwhile = meanwhile
        sink = MemorySink(self.broker, fate, window=sink_window)
        self.diary = Diary()
        outlet = Outlet(TagShaper(), sink, confirm_seconds=0.01)
        self.at += timedelta(minutes=1)
        Service(
            source=source, sink=sink, outlet=outlet, observer=self.diary,
            progress=Progress(self.store, connector_id="east", owner_id=owner, now=lambda: self.at),
            backoff=Backoff(stop, wait=lambda seconds: stop.is_set()),
            circuits=Circuits(open_seconds=0.0), options=Options(**self.options), stop=stop,
        ).run()  # fmt: skip
        return fate

    def trade(self, count: int = 12) -> None:
        """Write changes to all three collections."""
        for number in range(count):
            self.database.write(COLLECTIONS[number % 3], {"_id": f"d{number % 5}"}, Operation.REPLACE)

    @property
    def sent(self) -> Counter[str]:
        """What the broker has, by identity."""
        return Counter(message.data.decode() for message in self.broker.messages)

    @property
    def expected(self) -> set[str]:
        """Every change there ever was."""
        return {
            f"{change.operation}:{change.collection}:{change.document_key['_id']}:{change.cluster_time[0]}"
            for change in self.database.oplog
        }


def streamed(sent: Counter[str]) -> set[str]:
    return {data for data in sent if not data.startswith("snapshot")}


def busy_world(**options: object) -> World:
    """Documents to copy, changes during the copy, and changes afterwards."""
    world = World(**options)
    world.trade(7)
    world.script = {1: [lambda: world.trade(5)], 3: [lambda: world.trade(6)]}
    return world


def test_a_first_start_copies_and_then_streams_what_changed_since():
    world = busy_world()
    before = set(world.expected)

    world.run()

    assert world.expected - before == streamed(world.sent)
    copied = [data for data in world.sent if data.startswith("snapshot")]
    kinds = [data.split(":")[1] for data in copied]
    assert kinds == sorted(kinds, key=COLLECTIONS.index)
    assert {data.split(":")[2] for data in copied} == {"d0", "d1", "d2", "d3", "d4"}
    assert world.store.stored["east"].phase is Phase.STREAMING
    assert world.store.stored["east"].token == token_of(len(world.database.oplog))


def test_a_restart_streams_only_what_is_new():
    world = busy_world()
    world.run()
    before, known = world.sent.copy(), set(world.expected)
    world.trade(3)

    world.run(owner="two")

    assert 3 == (world.sent - before).total()
    assert world.expected - known == (world.sent - before).keys()


def steps_of_a_whole_life() -> list[str]:
    return busy_world().run().steps


@pytest.mark.parametrize("at", range(len(steps_of_a_whole_life())))
def test_killed_at_any_step_it_loses_nothing_and_doubles_nothing(at):
    """Each change arrives, in order per document, and what comes twice has the same identity."""
    world = busy_world()
    before = set(world.expected)
    with pytest.raises(Killed):
        world.run(Fate(at))
    saved = world.store.stored.get("east")

    world.run(owner="two")

    assert world.expected - before <= streamed(world.sent)
    assert streamed(world.sent) <= world.expected
    assert_in_order(world)
    # A death after the last save repeats what was published since, and nothing before it.
    if saved is not None and saved.phase is Phase.STREAMING:
        assert saved.token is not None
        repeated = {data for data, count in world.sent.items() if count > 1 and not data.startswith("snapshot")}
        place = int(saved.token["_data"])
        assert all(int(data.rsplit(":", 1)[1]) - 1_700_000_000 > place for data in repeated)


def assert_in_order(world: World) -> None:
    """First arrivals of one document's changes keep the database's order."""
    times: dict[str, int] = {}
    seen: set[bytes] = set()
    for message in world.broker.messages:
        operation, _, key, second = message.data.decode().split(":")
        if message.data in seen or operation == "snapshot":
            continue
        seen.add(message.data)
        assert times.get(key, 0) < int(second), message.data
        times[key] = int(second)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (lambda: SourceUnavailableError("no primary"), "SourceUnavailableError"),
        (unavailable, "StoreUnavailableError"),
    ],
)
@pytest.mark.parametrize("step", ["open", "read", "copy", "before save", "after save", "load"])
def test_what_fails_once_is_tried_again(step, error, name):
    """Without a restart, at the first and at a later place of each kind."""
    steps = steps_of_a_whole_life()
    places = [at for at, found in enumerate(steps) if found == step]
    for at in {places[0], places[-1], places[len(places) // 2]}:
        world = busy_world()
        before = set(world.expected)

        world.run(Fate(at, error))

        assert name in world.diary.entries or step == "load" or "save" in step
        assert world.expected - before <= streamed(world.sent) <= world.expected


def test_what_was_confirmed_beyond_a_failure_is_not_published_again():
    world = World()
    world.run()
    world.trade(9)
    refused: list[bytes] = []

    def refuse_once(message: OutgoingMessage) -> Exception | None:
        if not refused and message.ordering_key == "d1":
            refused.append(message.data)
            return ServiceUnavailable("the broker was away")
        return None

    world.broker.refuses = refuse_once
    world.run(owner="two", sink_window=0)

    assert "PublishFailedError" in world.diary.entries
    assert world.expected == streamed(world.sent)
    assert max(world.sent.values()) == 1
    assert world.diary.total.deduplicated > 0
    assert_in_order(world)


def test_a_message_pubsub_refuses_becomes_a_dead_letter_and_its_neighbours_go_through():
    """In a request of many, one bad message fails all of them: sent singly, the bad one shows."""
    world = World()
    world.run()
    world.trade(9)
    world.broker.refuses = lambda message: InvalidArgument("no") if message.data.endswith(b":d2:1700000003") else None

    world.run(owner="two", sink_window=0)

    letters = [message for message in world.broker.messages if message.topic == "dead-letter-topic"]
    assert [b"d2"] == [message.data for message in letters]
    assert {"refused_by_pubsub": 1} == dict(world.diary.total.refused)
    assert len(world.expected) - 1 == len([data for data in streamed(world.sent) if ":" in data])


def test_a_missing_topic_is_waited_for():
    """An operator can make it while the connector waits; no message is given up for it."""
    world = World()
    world.run()
    world.trade(6)
    tries = []

    def missing(message: OutgoingMessage) -> Exception | None:
        tries.append(message)
        return NotFound("no such topic") if len(tries) < 30 else None

    world.broker.refuses = missing
    world.run(owner="two", sink_window=0)

    assert world.expected == streamed(world.sent)
    assert not world.diary.total.refused


def test_lost_history_is_recorded_and_made_up_for_under_a_new_epoch():
    world = World()
    world.trade(6)
    world.run()
    first_epoch = world.store.stored["east"].source_epoch
    confirmed = world.store.stored["east"].cluster_time
    world.trade(6)
    world.database.forget()

    world.run(owner="two")

    (gap,) = world.store.stored["east"].gaps
    assert [gap] == world.diary.gaps
    assert (286, confirmed) == (gap.code, gap.after)
    assert gap.healed_by == world.store.stored["east"].source_epoch > first_epoch
    copied = [message for message in world.broker.messages if message.attributes["epoch"] == str(gap.healed_by)]
    assert {"d0", "d1", "d2", "d3", "d4"} == {message.ordering_key for message in copied}


def test_lost_history_in_mid_stream_keeps_what_was_confirmed_before():
    world = World()
    world.run()
    world.script = {
        world.reads + 1: [lambda: world.trade(3)],
        world.reads + 3: [lambda: world.trade(3), world.database.forget],
    }

    world.run(owner="two")

    (gap,) = world.store.stored["east"].gaps
    assert gap.after == world.database.oplog[2].cluster_time
    assert world.store.stored["east"].phase is Phase.STREAMING


def test_lost_history_while_the_store_is_away_is_recorded_once_it_is_back():
    """Neither ends the process: both mend by trying again."""
    for at in range(20):
        world = World()
        world.trade(6)
        world.run()
        world.trade(6)
        world.database.forget()
        fate = world.run(Fate(at, unavailable), owner="two")

        (gap,) = world.store.stored["east"].gaps
        assert gap.healed_by == world.store.stored["east"].source_epoch, (at, fate.steps)
        assert world.store.stored["east"].phase is Phase.STREAMING


def test_notifications_to_stop_it_says_so_each_time_and_goes_on_when_a_copy_is_asked_for():
    world = World(on_token_lost=OnTokenLost.STOP)
    world.trade(6)
    world.run()
    world.trade(6)
    world.database.forget()
    for owner in ("two", "three"):
        with pytest.raises(TokenLostError):
            world.run(owner=owner)
    assert 1 == len(world.store.stored["east"].gaps)

    request_snapshot(world.store, "east", is_new_epoch=False)
    world.run(owner="four")

    found = world.store.stored["east"]
    assert found.gaps[-1].healed_by == found.source_epoch
    assert "copied 6" in world.diary.entries


def test_a_copy_asked_for_while_it_streams_is_made_and_the_stream_goes_on():
    world = World()
    world.trade(6)
    world.run()
    epoch = world.store.stored["east"].source_epoch
    world.trade(3)
    ask = lambda: request_snapshot(world.store, "east", is_new_epoch=False)  # noqa: E731
    # The next save, here of a change and otherwise of a heartbeat, finds the request.
    world.script = {world.reads + 2: [ask], world.reads + 4: [lambda: world.trade(1)]}

    world.run(owner="two", idle_reads=8, sink_window=0)

    assert [f"copy {epoch}", "copied 6"] == [entry for entry in world.diary.entries if entry.startswith("cop")]
    assert epoch == world.store.stored["east"].source_epoch
    assert not world.store.stored["east"].is_snapshot_requested


def test_the_older_of_two_stops_and_loses_nothing():
    world = World()
    world.run()
    world.trade(6)

    def take_over() -> None:
        Progress(world.store, connector_id="east", owner_id="two", now=lambda: world.at).take_over()

    world.script = {world.reads + 1: [take_over]}
    with pytest.raises(TakenOverError):
        world.run()
    world.run(owner="three")

    assert world.expected == streamed(world.sent)


def test_what_no_retry_mends_ends_it():
    world = World()

    with pytest.raises(SourceRefusedError):
        world.run(Fate(steps_of_a_whole_life().index("open"), lambda: SourceRefusedError("no replica set")))

    assert ["stopped"] == world.diary.entries[-1:]


def test_an_idle_stream_saves_its_token_now_and_then_only():
    world = World(idle_save_seconds=1e9)
    world.run()
    saves = world.store.stored["east"].revision

    world.run(owner="two", idle_reads=20)

    # Taking over, and the stop.
    assert 2 >= world.store.stored["east"].revision - saves
