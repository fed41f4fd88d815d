"""From a document in MongoDB to stock, alerts and their explanation; several databases into one lake."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database

from tests.connector.mongo import ExternalMongo, MongoServer, new_database_name
from tests.end_to_end.connector_stage import PROJECT, Clock, Stage, create_collections, exact_images
from tests.end_to_end.mongo_effects import dead_letters_of, stock_of
from tests.messaging.brokers import Broker, eventually

# Within the day before and after which a message is refused, and the same in every run.
NOON = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=12)

pytestmark = pytest.mark.big

Document = dict[str, Any]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    found = Stage(tmp_path)
    yield found
    found.close()


class Warehouse:
    """One database, its connector, and how to tell that all of it is published."""

    def __init__(self, stage: Stage, mongo: MongoServer | ExternalMongo, database: Database, name: str) -> None:
        self.database = database
        create_collections(database)
        self.clock = Clock(database)
        self.connector = stage.connector(name, mongo.uri, database.name, IMAGES=exact_images(mongo))
        self._minutes = 0

    def start(self) -> None:
        """Start its connector, and wait for the copy: what is there already has no event."""
        self.connector.start()
        self.connector.await_caught_up(None)

    def now(self) -> datetime:
        """Each time a minute later."""
        self._minutes += 1
        return NOON + timedelta(minutes=self._minutes)

    def level(self, sku: str, on_hand: int, warehouse_id: str = "W1", **more: Any) -> None:
        self.database.inventory.insert_one(
            {
                "warehouse_id": warehouse_id, "sku": sku, "current_stock": on_hand, "reserved_stock": 0,
                "available_stock": on_hand, "last_updated": self.now(), **more,
            }
        )  # fmt: skip

    def order(self, sku: str, units: int, warehouse_id: str = "W1") -> None:
        """Sell, as an application does: the order and the stock in one MongoDB transaction."""
        document = {
            "transaction_id": f"{warehouse_id}-{sku}-{self._minutes}", "transaction_type": "ORDER",
            "status": "COMPLETED", "warehouse_id": warehouse_id, "sku": sku, "quantity": -units, "timestamp": self.now(),
        }  # fmt: skip
        with self.database.client.start_session() as session:
            session.with_transaction(lambda session: self._order(session, document))

    def _order(self, session: ClientSession, document: Document) -> None:
        key = {name: document[name] for name in ("warehouse_id", "sku")}
        moved = {"current_stock": document["quantity"], "available_stock": document["quantity"]}
        # A step may run again after a transient error, and pymongo puts an `_id` into what it inserts.
        self.database.transactions.insert_one(dict(document), session=session)
        self.database.inventory.update_one(
            key, {"$inc": moved, "$set": {"last_updated": document["timestamp"]}}, session=session
        )

    def send(self, sku: str, units: int, sender: str, receiver: str) -> None:
        """Ship to another warehouse: the transfer and the sender's stock in one MongoDB transaction."""
        document = {
            "transaction_id": f"{sender}-{receiver}-{self._minutes}", "transaction_type": "TRANSFER",
            "status": "COMPLETED", "warehouse_id": sender, "to_warehouse_id": receiver, "sku": sku,
            "quantity": units, "timestamp": self.now(),
        }  # fmt: skip

        def write(session: ClientSession) -> None:
            self.database.transactions.insert_one(dict(document), session=session)
            self.database.inventory.update_one(
                {"warehouse_id": sender, "sku": sku},
                {"$inc": {"current_stock": -units, "available_stock": -units}}, session=session,
            )  # fmt: skip

        with self.database.client.start_session() as session:
            session.with_transaction(write)

    def receive(self, sku: str, units: int, warehouse_id: str) -> None:
        """Book what came in: the receiver's stock alone, as the transfer is in another database."""
        key = {"warehouse_id": warehouse_id, "sku": sku}
        self.database.inventory.update_one(key, {"$inc": {"current_stock": units, "available_stock": units}})

    def await_published(self) -> None:
        """Wait until every change so far is confirmed, and its token saved."""
        at = self.clock.last_change()
        assert at is not None
        self.connector.await_caught_up(at)


OpenWarehouse = Callable[[str], Warehouse]


@pytest.fixture
def open_warehouse(
    stage: Stage, mongo: MongoServer | ExternalMongo, mongo_client: MongoClient
) -> Iterator[OpenWarehouse]:
    """Warehouses with a database each; all are dropped at the end."""
    with ExitStack() as stack:

        def open_(name: str) -> Warehouse:
            database = mongo_client[new_database_name()]
            stack.callback(mongo_client.drop_database, database.name)
            warehouse = Warehouse(stage, mongo, database, name)
            stack.callback(warehouse.clock.close)
            stack.callback(warehouse.connector.close)
            return warehouse

        yield open_


@contextmanager
def streaming(shop: Warehouse) -> Iterator[None]:
    """Run its connector, which must stop when it is asked to."""
    shop.start()
    yield
    assert shop.connector.stop() == 0, shop.connector.log()[-4000:]


# -- the life of a transaction -----------------------------------------------------------------

OPENING = (100, 0, 0)
Lives = dict[str, tuple[int, list[tuple[str, tuple[int, int, int], tuple[int, int, int]]]]]
# By type: the quantity, and after each status (on_hand, reserved, inbound) at W1 and at W2 (RULES 13, 15, 16).
LIVES: Lives = {
    "ORDER": (-5, [("PENDING", (100, 5, 0), OPENING), ("COMPLETED", (95, 0, 0), OPENING),
                   ("CANCELLED", OPENING, OPENING)]),
    "RESTOCK": (20, [("PENDING", (100, 0, 20), OPENING), ("COMPLETED", (120, 0, 0), OPENING),
                     ("CANCELLED", OPENING, OPENING)]),
    "TRANSFER": (7, [("PENDING", (100, 7, 0), OPENING), ("SHIPPED", (93, 0, 0), (100, 0, 7)),
                     ("COMPLETED", (93, 0, 0), (107, 0, 0))]),
}  # fmt: skip


class Life:
    """One transaction of a SKU of its own; `keeps_books`: the application moves the inventory document along."""

    def __init__(self, shop: Warehouse, type_: str, *, keeps_books: bool) -> None:
        self._shop = shop
        self._quantity, self._steps = LIVES[type_]
        self._keeps_books = keeps_books
        self.sku = f"{type_}-{'kept' if keeps_books else 'alone'}"
        self._document: Document = {
            "_id": self.sku, "transaction_id": self.sku, "transaction_type": type_, "warehouse_id": "W1",
            "sku": self.sku, "quantity": self._quantity, "timestamp": shop.now(),
        }  # fmt: skip
        if type_ == "TRANSFER":
            self._document["to_warehouse_id"] = "W2"
        for warehouse_id in ("W1", "W2"):
            shop.level(self.sku, 100, warehouse_id)

    def take_step(self, number: int) -> None:
        """Reach the next status, and what it does to documents, in one MongoDB transaction."""
        at = self._shop.now()
        with self._shop.database.client.start_session() as session:
            session.with_transaction(lambda session: self._write(session, number, at))

    def expected(self, number: int) -> dict[tuple[str, str], tuple[int, int, int]]:
        """Stock after a step."""
        _, here, there = self._steps[number]
        return {("W1", self.sku): here, ("W2", self.sku): there}

    @property
    def final_status(self) -> str:
        """What becomes of it."""
        return self._steps[-1][0]

    def _write(self, session: ClientSession, number: int, at: datetime) -> None:
        status, here, there = self._steps[number]
        transactions = self._shop.database.transactions
        if number == 0:
            transactions.insert_one({**self._document, "status": status}, session=session)
        else:
            transactions.update_one(
                {"_id": self.sku}, {"$set": {"status": status, "updated_at": at}}, session=session
            )  # fmt: skip
        if not self._keeps_books:
            return
        for warehouse_id, (on_hand, reserved, _) in (("W1", here), ("W2", there)):
            books = {"current_stock": on_hand, "reserved_stock": reserved, "last_updated": at}
            place = {"warehouse_id": warehouse_id, "sku": self.sku}
            self._shop.database.inventory.update_one(place, {"$set": books}, session=session)


def test_a_transaction_through_its_life_gives_the_stock_of_the_rules(
    stage: Stage, open_warehouse: OpenWarehouse
) -> None:
    """At each step, whether the inventory document says so too or the transaction alone."""
    shop = open_warehouse("shop")
    lives = [Life(shop, type_, keeps_books=keeps) for type_ in LIVES for keeps in (True, False)]
    with streaming(shop), stage.draining() as drain:
        for number in range(3):
            for life in lives:
                life.take_step(number)
            shop.await_published()
            drain()

            expected = {key: stock for life in lives for key, stock in life.expected(number).items()}
            assert expected == stock_of(stage.settings)

    assert dead_letters_of(stage.settings) == []
    outcomes = {outcome for (outcome,) in stage.query("SELECT DISTINCT outcome FROM raw.messages")}
    # What is filtered is the connector telling how it is.
    assert outcomes <= {"applied", "superseded", "duplicate", "filtered"}
    final = "SELECT transaction_id, arg_max(status, (instant, increment)) FROM core.events WHERE kind = 'transaction' GROUP BY 1"
    assert dict(stage.query(final)) == {life.sku: life.final_status for life in lives}
    assert stage.command("verify").code == 0


# -- rules, deletions, alerts ------------------------------------------------------------------


def firing(stage: Stage) -> dict[str, str]:
    """Type of the firing alert by SKU."""
    return dict(stage.query("SELECT sku, alert_type FROM out.alerts WHERE state = 'firing'"))


def test_rules_and_deletions_in_mongodb_change_what_fires(stage: Stage, open_warehouse: OpenWarehouse) -> None:
    """A threshold added, edited and removed; a product removed and brought back."""
    shop = open_warehouse("shop")
    scope = {"level_type": "SKU", "level_id": "S1", "warehouse_id": "W1"}
    shop.level("S1", 30)
    shop.level("S2", 30)
    with streaming(shop), stage.draining() as drain:

        def fires_after(sku: str = "S1") -> dict[str, str]:
            """What fires once the shop has sold one more."""
            shop.order(sku, 1)
            shop.await_published()
            drain()
            return firing(stage)

        assert fires_after() == {}
        shop.database.thresholds.insert_one(
            {**scope, "min_threshold_qty": 40, "reorder_threshold_qty": 60, "updated_at": shop.now()}
        )
        assert fires_after() == {"S1": "LOW_STOCK"}
        [low] = stage.command("alerts", "--format", "json").rows
        explained = stage.command("explain", low["alert_id"])
        assert explained.code == 0, explained.out + explained.err
        assert (low["current_stock"], low["threshold"]) == (29, 40)  # as of the rule, before the sale
        # The rule in force now counts, for what fires already, too.
        shop.database.thresholds.update_one(scope, {"$set": {"min_threshold_qty": 10, "updated_at": shop.now()}})
        assert fires_after() == {"S1": "REORDER"}
        shop.database.thresholds.delete_one(scope)
        assert fires_after() == {}

        shop.database.inventory.delete_one({"warehouse_id": "W1", "sku": "S2"})
        shop.await_published()
        drain()
        assert active(stage) == {"S1": True, "S2": False}
        shop.level("S2", 12)
        shop.await_published()
        drain()
        assert active(stage) == {"S1": True, "S2": True}

    assert stock_of(stage.settings) == {("W1", "S1"): (26, 0, 0), ("W1", "S2"): (12, 0, 0)}
    assert dead_letters_of(stage.settings) == []
    assert stage.command("verify").code == 0


def active(stage: Stage) -> dict[str, bool]:
    return dict(stage.query("SELECT sku, is_active FROM core.sku_state"))


# -- several databases -------------------------------------------------------------------------


def test_databases_are_isolated_and_a_third_is_a_file(stage: Stage, open_warehouse: OpenWarehouse) -> None:
    """One connector stopped, lagging or without its token is nothing to the other; one more needs its file only."""
    east, west = open_warehouse("east"), open_warehouse("west")
    east.level("S1", 100, "EAST")
    west.level("S1", 100, "WEST")
    with stage.draining() as drain:

        def sold(*warehouses: tuple[Warehouse, str], units: int) -> dict[tuple[str, str], int]:
            """Stock on hand after each has sold so many, and all that runs has told."""
            for warehouse, warehouse_id in warehouses:
                warehouse.order("S1", units, warehouse_id)
            for warehouse, _ in warehouses:
                warehouse.await_published()
            drain()
            return {key: on_hand for key, (on_hand, _, _) in stock_of(stage.settings).items()}

        def on_hand(**units: int) -> dict[tuple[str, str], int]:
            return {(name, "S1"): count for name, count in units.items()}

        east.start()
        west.start()
        assert sold((east, "EAST"), (west, "WEST"), units=1) == on_hand(EAST=99, WEST=99)

        # Dead: the other goes on, and the dead one's token stays where it was.
        west.connector.kill()
        before = west.connector.checkpoint()
        west.order("S1", 10, "WEST")
        assert sold((east, "EAST"), units=1) == on_hand(EAST=98, WEST=99)
        assert west.connector.checkpoint() == before
        west.connector.start()
        assert sold((west, "WEST"), units=1) == on_hand(EAST=98, WEST=88)

        # Lagging: it does not answer for a while, and loses nothing by it.
        west.connector.send(signal.SIGSTOP)
        west.order("S1", 10, "WEST")
        assert sold((east, "EAST"), units=1) == on_hand(EAST=97, WEST=88)
        west.connector.send(signal.SIGCONT)
        assert sold((west, "WEST"), units=1) == on_hand(EAST=97, WEST=77)

        # A third one: its file, while the others run.
        south = open_warehouse("south")
        south.level("S1", 50, "SOUTH")
        south.start()
        assert sold((south, "SOUTH"), units=1) == on_hand(EAST=97, WEST=77, SOUTH=49)

        # A transfer between two databases counts once at the receiver, before and after it has booked it.
        for here, name, there, other_name in ((east, "EAST", south, "SOUTH"), (south, "SOUTH", east, "EAST")):
            here.send("S1", 5, name, other_name)
            here.await_published()
            drain()
            sent = {key: found for key, (found, _, _) in stock_of(stage.settings).items()}
            there.receive("S1", 5, other_name)
            there.await_published()
            drain()
            assert sent == {key: found for key, (found, _, _) in stock_of(stage.settings).items()}
        assert sold((south, "SOUTH"), units=1) == on_hand(EAST=97, WEST=77, SOUTH=48)

        # Without its token it copies everything anew, at later positions than all it said before.
        kept, lost = east.connector.checkpoint(), west.connector.checkpoint()
        assert kept is not None and lost is not None
        assert west.connector.stop() == 0
        west.connector.forget()
        west.order("S1", 10, "WEST")
        west.start()
        assert sold((west, "WEST"), (east, "EAST"), units=1) == on_hand(EAST=96, WEST=66, SOUTH=48)
        found, other = west.connector.checkpoint(), east.connector.checkpoint()
        assert found is not None and other is not None
        assert found.source_epoch == lost.source_epoch == 0
        assert (other.source_epoch, other.owner_id, other.gaps) == (kept.source_epoch, kept.owner_id, ())

        for warehouse in (east, west, south):
            assert warehouse.connector.stop() == 0, warehouse.connector.log()[-4000:]

    assert dead_letters_of(stage.settings) == []
    assert stage.command("verify").code == 0


# -- live --------------------------------------------------------------------------------------


def test_a_breach_in_mongodb_is_an_alert_on_the_topic(stage: Stage, open_warehouse: OpenWarehouse) -> None:
    """MongoDB, the connector, Pub/Sub, drains, and whoever subscribes to alerts: all live, nothing in step."""
    shop = open_warehouse("shop")
    subscriber = Broker(stage.host, project=PROJECT)
    shop.level("S1", 30, min_threshold=10, reorder_threshold=20)

    def next_alert() -> Any:
        assert stage.command("drain", "--wait", "0.5").code == 0
        return subscriber.pull_now("alerts-subscription")

    with streaming(shop):
        shop.order("S1", 25)
        [received] = eventually(next_alert)
    subscriber.close()

    told = received.message
    [alert] = stage.command("alerts", "--format", "json").rows
    assert alert["alert_id"] in told.data.decode()
    assert (alert["alert_type"], alert["current_stock"], alert["notified"]) == ("LOW_STOCK", 5, True)
    assert stage.command("explain", alert["alert_id"]).code == 0
