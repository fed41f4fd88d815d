"""kill -9 of the connector at seeded points, while a shop trades: nothing lost, nothing doubled.

The set of changes in the database equals the set of effects in the lake, the simulator's own ledger
equals `core.sku_state`, and `inventory verify` finds nothing. Everything is a process of its own.
"""

import json
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from inventory_assets.connector.state.checkpoint import Phase
from inventory_assets.simulator.mongo import MongoShop, shop_settings
from tests.connector.mongo import ExternalMongo, MongoServer
from tests.end_to_end.connector_stage import (
    LONG_SECONDS,
    Connector,
    Stage,
    create_collections,
    exact_images,
    python,
)
from tests.end_to_end.crashing_connector import COPYING, Point
from tests.end_to_end.mongo_effects import (
    Fact,
    Observer,
    Stock,
    changes_of,
    compare,
    dead_letters_of,
    doubled_outcomes,
    effects_of,
    stock_of,
)
from tests.messaging.brokers import PATIENCE_SECONDS

KILLS = 25
# Few keys and little cover: restocks, transfers and deleted products that come back within a few hundred steps.
SHOP: dict[str, Any] = {
    "skus": 8, "warehouses": 2, "cover_hours": 0.2, "lead_day_seconds": 5.0, "events_per_second": 0.5,
    "rule_change_rate": 0.03, "cycle_count_rate": 0.05,
}  # fmt: skip
STEPS_BEFORE = 60
# Of one run: more changes than any point below needs, and then as many as keep the stream moving.
STEPS_PER_RUN = 30
PACE_SECONDS = 0.1
# Small reads and chunks, so that every run comes by each point more often than once.
SIZES = {"READ_BATCH": 20, "SNAPSHOT_CHUNK_DOCUMENTS": 20, "BATCH_MESSAGES": 10, "HEARTBEAT_SECONDS": 1}
MOST = {
    Point.READ: 3, Point.BEFORE_PUBLISH: 60, Point.AFTER_PUBLISH: 60, Point.CONFIRM: 60, Point.BEFORE_SAVE: 2,
    Point.AFTER_SAVE: 2, Point.CHUNK: 4, Point.COPY_PUBLISH: 60, Point.COPY_CONFIRM: 60, Point.COPY_END: 1,
}  # fmt: skip

pytestmark = pytest.mark.big


class Kill(NamedTuple):
    """Where one run shall die."""

    point: Point
    after: int


def plan(seed: int, kills: int) -> list[Kill]:
    """Points in a random order, each as often as the others within one; the first is in the first copy."""
    rng = random.Random(seed)
    points = [*Point] * (kills // len(Point)) + rng.sample([*Point], kills % len(Point))
    rng.shuffle(points)
    first = next(number for number, point in enumerate(points) if point in COPYING)
    points.insert(0, points.pop(first))
    return [Kill(point, rng.randint(1, MOST[point])) for point in points]


class Trade:
    """The shop at work in a thread of this process, at a pace that leaves the connector changes to read."""

    def __init__(self, client: MongoClient, database: str, seed: int, **options: Any) -> None:
        self.shop = MongoShop(client, database, shop_settings(seed=seed, **SHOP), **options)
        self.shop.open()
        self._steps = self.shop.play()
        self._allowed = 0
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def play(self, steps: int) -> None:
        """Trade before the thread does."""
        for _ in range(steps):
            next(self._steps)
        self._allowed = self.shop.steps

    def start(self) -> None:
        self._thread.start()

    def allow_more(self) -> None:
        """Another run begins."""
        self._allowed = self.shop.steps + STEPS_PER_RUN

    def close(self) -> None:
        """End between two steps, so that the ledger is that of the database."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_SECONDS)
        if self._error is not None:
            raise self._error

    def ledger(self) -> Stock:
        """The shop's own books, posted from its intentions."""
        return {
            (row.warehouse_id, row.sku): (row.on_hand, row.reserved, row.inbound)
            for row in self.shop.simulation.ledger.rows()
        }

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if self.shop.steps >= self._allowed:
                    self._stop.wait(PACE_SECONDS)
                next(self._steps)
        except BaseException as error:
            self._error = error


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    found = Stage(tmp_path)
    yield found
    found.close()


@contextmanager
def trading(client: MongoClient, database: str, *, seed: int, **options: Any) -> Iterator[Trade]:
    """A shop that has traded for a while: what is there now, only a copy can tell."""
    trade = Trade(client, database, seed, **options)
    trade.play(STEPS_BEFORE)
    try:
        yield trade
    finally:
        trade.close()


def die(connector: Connector, trade: Trade, kills: list[Kill]) -> list[dict[str, Any]]:
    """Start the connector once for every kill, and wait until it is dead; the dying words of all.

    The next one is loaded while the one before still runs, and begins when that is dead.
    """
    obituary = connector.config.with_suffix(".obituary")
    waiting = load(connector, kills[0], obituary)
    for number, kill in enumerate(kills):
        process = waiting
        found = connector.checkpoint()
        if kill.point in COPYING and found is not None and found.phase is Phase.STREAMING:
            connector.request_copy()
        process.stdin.write(b"\n")
        process.stdin.flush()
        if number + 1 < len(kills):
            waiting = load(connector, kills[number + 1], obituary)
        process.communicate(timeout=LONG_SECONDS)
        assert process.returncode == -signal.SIGKILL, (kill, connector.log()[-4000:])
        # Not before a token is saved: before that, there is nothing to lose.
        if number == 0:
            trade.start()
        trade.allow_more()
    return [json.loads(line) for line in obituary.read_text().splitlines()]


def load(connector: Connector, kill: Kill, obituary: Path) -> Any:
    command = python(
        "tests.end_to_end.crashing_connector", "--on-signal", "--config", str(connector.config),
        "--point", kill.point, "--after", str(kill.after), "--obituary", str(obituary),
    )  # fmt: skip
    return connector.launch(command)


def catch_up(connector: Connector, observer: Observer) -> list[Fact]:
    """Run the real command until it has published everything; the changes there were."""
    connector.start()
    facts = observer.facts()
    connector.await_caught_up(facts[-1].cluster_time)
    assert connector.stop() == 0, connector.log()[-4000:]
    return facts


def take_in(stage: Stage) -> Counter[str]:
    """Drain to the end; how many messages had which outcome."""
    outcomes: Counter[str] = Counter()
    # An end that came early would look like a loss, so the end is a drain that finds nothing.
    while True:
        drained = stage.command("drain", "--wait", "2", "--format", "json")
        assert drained.code == 0, drained.err
        if not drained.rows:
            return outcomes
        outcomes.update({row["outcome"]: row["messages"] for row in drained.rows})


def check_lake(stage: Stage, trade: Trade, connector: Connector) -> None:
    """What holds whatever the images: no effect doubled, and the books agree."""
    assert doubled_outcomes(stage.settings) == []
    assert stock_of(stage.settings) == trade.ledger()
    verified = stage.command("verify")
    assert verified.code == 0, verified.out + verified.err
    reconciled = stage.command("connector", "reconcile", "--config", str(connector.config), "--format", "json")
    assert (reconciled.code, reconciled.rows) == (0, []), reconciled.out + reconciled.err


def check_deaths(deaths: list[dict[str, Any]], kills: list[Kill], *, at_least: int) -> None:
    """Every process died where it was told to, and every kind of point was hit."""
    assert [(kill.point, kill.after) for kill in kills] == [(d["point"], d["seen"][d["point"]]) for d in deaths]
    assert dict.fromkeys(Point, True) == {
        point: sum(death["point"] == point for death in deaths) >= at_least for point in Point
    }


def show(title: str, deaths: list[dict[str, Any]], outcomes: Counter[str], changes: list[Fact]) -> None:
    """Counts for a reader of `pytest -rP`."""
    print(f"{title}: {len(deaths)} kills {dict(Counter(death['point'] for death in deaths))}")
    print(f"changes {len(changes)} {dict(Counter(change.kind for change in changes))}")
    print(f"messages received {outcomes.total()} {dict(outcomes)}")


@pytest.mark.timeout(1200)
def test_25_kills_lose_and_double_nothing(
    stage: Stage, mongo: MongoServer | ExternalMongo, mongo_client: MongoClient, database: Database
) -> None:
    """Exact images: each change is one effect, whatever was read, published or copied again."""
    create_collections(database)
    connector = stage.connector("shop", mongo.uri, database.name, IMAGES=exact_images(mongo), **SIZES)
    kills = plan(51, KILLS)
    with (
        trading(mongo_client, database.name, seed=51, delete_rate=0.05) as trade,
        changes_of(mongo.uri, database.name) as observer,
    ):
        deaths = die(connector, trade, kills)
        trade.close()
        changes = catch_up(connector, observer)
    outcomes = take_in(stage)

    show("exact images", deaths, outcomes, changes)
    check_deaths(deaths, kills, at_least=2)
    assert not compare(changes, effects_of(stage.settings))
    assert dead_letters_of(stage.settings) == []
    check_lake(stage, trade, connector)
    # The kills cost work, or they would prove nothing: what was in flight is published again.
    assert outcomes["duplicate"] > 0
    assert outcomes.total() > len(changes)


@pytest.mark.timeout(1200)
def test_kills_without_images_end_at_the_ledger(
    stage: Stage, mongo: MongoServer | ExternalMongo, mongo_client: MongoClient, database: Database
) -> None:
    """Looked-up documents are the latest, so the changes differ by design; the stock they lead to does not."""
    connector = stage.connector("shop", mongo.uri, database.name, IMAGES="lookup", **SIZES)
    kills = plan(52, len(Point))
    with (
        # A deletion without its image does not say what was deleted.
        trading(mongo_client, database.name, seed=52, delete_rate=0.0) as trade,
        changes_of(mongo.uri, database.name) as observer,
    ):
        deaths = die(connector, trade, kills)
        trade.close()
        changes = catch_up(connector, observer)
    outcomes = take_in(stage)

    show("looked up", deaths, outcomes, changes)
    check_deaths(deaths, kills, at_least=1)
    # Read again without a snapshot, a document may be later than it was at the same position: the first
    # stands, and what made the difference is an event of its own.
    assert {reason for reason, _ in dead_letters_of(stage.settings)} <= {"conflicting_duplicate"}
    check_lake(stage, trade, connector)
