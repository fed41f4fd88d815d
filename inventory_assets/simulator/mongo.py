"""The shop at work on a MongoDB database, as its own application would write it (R0's collections).

Belongs here: what one business step does to documents, in one MongoDB transaction. Not here: which
steps there are (`world`), nor anything that reads the change stream.

What a step does to an inventory document is worked out from the two versions of the transaction
document in the database, never from the ledger: the two can only agree by both being right.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from random import Random
from typing import Any

from bson import CodecOptions, ObjectId, json_util
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database

from inventory_assets.simulator.settings import SimulationSettings
from inventory_assets.simulator.simulation import Simulation
from inventory_assets.simulator.transactions import NO_EFFECTS, effects_of
from inventory_assets.simulator.writer import SimulatedMessage

Document = dict[str, Any]
Key = tuple[str, str]
"""(warehouse_id, sku)."""

INVENTORY, TRANSACTIONS, THRESHOLDS = "inventory", "transactions", "thresholds"
DEFAULT_DATABASE = "inventory"
# Of steps. A shop of 10,000 steps loses about fifty products; most come back with their next sale.
DELETE_RATE = 0.005
_INSERT_CHUNK = 1_000
_TIMES = ("timestamp", "updated_at", "created_at", "last_updated")
# Rules are spelled in Extended JSON whatever the settings.
_NAIVE = json_util.JSONOptions(tz_aware=False)


class ShopDatabaseError(RuntimeError):
    """The database cannot be the shop's."""


def shop_settings(**options: Any) -> SimulationSettings:
    """Settings of a shop that writes to a database.

    Disorder, repeats, defects and spellings are a broker's, so they are off; what a database alone
    shows (counts, edits of rules) is more frequent, so that a short run has some of each.
    """
    chosen = {"cycle_count_rate": 0.02, "rule_change_rate": 0.005} | options
    return SimulationSettings(
        **chosen, duplicate_rate=0.0, disorder_rate=0.0, malformed_rate=0.0, envelope_rate=0.0,
        extended_json_rate=0.0, control_rate=0.0,
    )  # fmt: skip


class MongoShop:
    """A simulation played into a database, step by step; after each, `ledger` is what the documents say.

    Of products deleted and not sold since (`deleted`), the ledger keeps the last stock.
    """

    def __init__(
        self, client: MongoClient, database: str, settings: SimulationSettings, *, delete_rate: float = DELETE_RATE
    ) -> None:
        self.simulation = Simulation(settings)
        self.deleted: dict[Key, Document] = {}
        self.steps = 0
        self._client = client
        # Dates are compared with what is read back, so whatever the client was made with: naive UTC.
        self._database: Database = client.get_database(database, codec_options=CodecOptions(tz_aware=False))
        self._delete_rate = delete_rate
        self._random = Random(f"{settings.seed}:deletions")

    def open(self) -> int:
        """Write the rules and the opening stock; how many documents.

        Raises:
            ShopDatabaseError: The database holds documents already. A run cannot go on where another
                ended: what the shop had planned and its ledger were in the other process.
        """
        for name in (INVENTORY, TRANSACTIONS, THRESHOLDS):
            if self._database[name].find_one({}, {"_id": 1}) is not None:
                raise ShopDatabaseError(
                    f"collection {name!r} of database {self._database.name!r} was not empty; expected a new shop, as "
                    "a run cannot be continued. Choose another --database, or drop this one first."
                )
        # In a transaction a collection that is missing may not be created on older servers.
        for name in {INVENTORY, TRANSACTIONS, THRESHOLDS} - set(self._database.list_collection_names()):
            self._database.create_collection(name)
        count = 0
        opening = iter(self.simulation.opening())
        while chunk := list(islice(opening, _INSERT_CHUNK)):
            for name in (THRESHOLDS, INVENTORY):
                kind = "rule" if name == THRESHOLDS else "level"
                if documents := [_document(message) for message in chunk if message.kind == kind]:
                    self._database[name].insert_many(documents)
            count += len(chunk)
        return count

    def play(self, *, now: Callable[[], datetime] | None = None) -> Iterator[int]:
        """Take steps without end; yields how many were taken, after each.

        Args:
            now: Live mode, as of `Simulation.stream`.
        """
        steps = {"transaction": self._write_transaction, "level": self._count_stock, "rule": self._edit_rule}
        for message in self.simulation.stream(now=now):
            keys = self._commit(steps[message.kind], _document(message))
            for key in keys:
                self.deleted.pop(key, None)
            # Of what is traded, so that some come back with their next sale.
            if keys and self._random.random() < self._delete_rate:
                self._delete_product(keys[0])
            self.steps += 1
            yield self.steps

    # A step may run twice: after a transient error, or after a commit whose answer was lost. So each looks
    # first whether an earlier try was committed after all, and changes nothing here before its commit.
    def _commit(self, step: Callable[[ClientSession, Document], list[Key]], document: Document) -> list[Key]:
        with self._client.start_session() as session:
            return session.with_transaction(lambda session: step(session, document))

    def _write_transaction(self, session: ClientSession, document: Document) -> list[Key]:
        warehouses = [document["warehouse_id"]]
        if document["transaction_type"] == "TRANSFER":
            warehouses.append(document["to_warehouse_id"])
        keys = [(warehouse_id, document["sku"]) for warehouse_id in warehouses]
        transactions = self._database[TRANSACTIONS]
        place = {"_id": document["_id"]}
        before = transactions.find_one(place, session=session)
        if before == document:
            return keys
        if before is None:
            transactions.insert_one(document, session=session)
        else:
            changed = {name: value for name, value in document.items() if before.get(name) != value}
            transactions.update_one(place, {"$set": changed}, session=session)
        was = NO_EFFECTS if before is None else _effects(before)
        now = _effects(document)
        stated: Document = {"last_updated": document.get("updated_at", document["timestamp"])}
        if document["transaction_type"] == "RESTOCK":
            stated["restock_in_progress"] = document["status"] == "PENDING"
        for key, old, new in zip(keys, was, now, strict=False):
            self._move(session, key, new[0] - old[0], new[1] - old[1], stated)
        return keys

    def _move(self, session: ClientSession, key: Key, on_hand: int, reserved: int, stated: Document) -> None:
        inventory = self._database[INVENTORY]
        moves = {"current_stock": on_hand, "reserved_stock": reserved, "available_stock": on_hand - reserved}
        if inventory.update_one(_place(key), {"$inc": moves, "$set": stated}, session=session).matched_count:
            return
        # A deleted product is traded again: it comes back with the stock it had.
        kept = self.deleted[key]
        moved = {name: kept[name] + units for name, units in moves.items()}
        inventory.insert_one({**kept, **moved, **stated}, session=session)

    def _count_stock(self, session: ClientSession, document: Document) -> list[Key]:
        inventory = self._database[INVENTORY]
        key = (document["warehouse_id"], document["sku"])
        kept = inventory.find_one(_place(key), session=session) or self.deleted[key]
        counted = {
            **kept,
            "current_stock": document["current_stock"],
            "reserved_stock": document.get("reserved_stock", kept["reserved_stock"]),
            "last_updated": document["last_updated"],
        }
        counted["available_stock"] = counted["current_stock"] - counted["reserved_stock"]
        # The whole document, as a stock-taking tool saves it: the stream has replacements, too.
        inventory.replace_one(_place(key), counted, upsert=True, session=session)
        return [key]

    def _edit_rule(self, session: ClientSession, document: Document) -> list[Key]:
        changes = {name: value for name, value in document.items() if name != "_id"}
        self._database[THRESHOLDS].update_one({"_id": document["_id"]}, {"$set": changes}, session=session)
        return []

    def _delete_product(self, key: Key) -> None:
        inventory = self._database[INVENTORY]
        found: list[Document] = []

        def delete(session: ClientSession, place: Document) -> list[Key]:
            if (document := inventory.find_one(place, session=session)) is not None:
                found[:] = [document]
                inventory.delete_one({"_id": document["_id"]}, session=session)
            return []

        self._commit(delete, _place(key))
        if found:
            self.deleted[key] = found[0]


def _place(key: Key) -> Document:
    return {"warehouse_id": key[0], "sku": key[1]}


def _effects(transaction: Document) -> Any:
    return effects_of(transaction["transaction_type"], transaction["status"], transaction["quantity"])


def _document(message: SimulatedMessage) -> Document:
    """A message's document with MongoDB's types: R0's ids and dates."""
    document: Document = json_util.loads(message.data, json_options=_NAIVE)
    document["_id"] = ObjectId(document["_id"])
    for name in _TIMES:
        if type(text := document.get(name)) is str:
            at = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
            # BSON has milliseconds; and without a zone, as pymongo reads it back.
            document[name] = at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=None)
    return document
