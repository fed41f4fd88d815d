"""In-memory twins of the connector's edges, which die between any two steps on cue.

Here: a database with an oplog, a broker, and what kills. Not here: assertions. The twins keep the
ports' promises and nothing more: a publish is confirmed later, a save may be written though its
answer is lost, a re-read gives the same changes again.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from inventory_assets.connector.errors import StoreUnavailableError, TokenLostError
from inventory_assets.connector.source.change import Batch, Change, Chunk, Operation, Token
from inventory_assets.connector.state.checkpoint import Checkpoint
from inventory_assets.messaging.messages import OutgoingMessage
from tests.connector.fakes import MemoryTokenStore


class Killed(BaseException):
    """kill -9: nothing after it runs."""


class Fate:
    """Counts steps, and raises at the chosen one: once."""

    def __init__(self, at: int | None = None, error: Callable[[], BaseException] = Killed) -> None:
        self.steps: list[str] = []
        self._at = at
        self._error = error

    def step(self, name: str) -> None:
        """One thing happens."""
        self.steps.append(name)
        if len(self.steps) - 1 == self._at:
            raise self._error()


@dataclass
class MemoryDatabase:
    """Collections and the oplog of their changes; tokens are places in it."""

    oplog: list[Change] = field(default_factory=list)
    documents: dict[str, dict[Any, dict[str, Any]]] = field(default_factory=dict)
    floor: int = 0

    def write(self, collection: str, document: dict[str, Any], operation: Operation = Operation.INSERT) -> Change:
        """Write a document, at the next cluster time."""
        place = len(self.oplog) + 1
        change = Change(
            operation=operation, database="shop", collection=collection, document_key={"_id": document["_id"]},
            document=document, cluster_time=(1_700_000_000 + place, 1), token=token_of(place), size_bytes=100,
        )  # fmt: skip
        self.oplog.append(change)
        self.documents.setdefault(collection, {})[document["_id"]] = document
        return change

    def forget(self) -> None:
        """Lose the history so far, as an oplog that is too small does."""
        self.floor = len(self.oplog)


def token_of(place: int) -> Token:
    """The token after so many changes."""
    return {"_data": f"{place:08d}"}


class MemorySource:
    """`ChangeSource` of a `MemoryDatabase`, a few changes a batch."""

    def __init__(self, database: MemoryDatabase, fate: Fate, *, batch: int = 3, chunk: int = 2) -> None:
        self._database = database
        self._fate = fate
        self._batch = batch
        self._chunk = chunk
        self._place = 0
        self.opened: list[Token | None] = []
        # Called before each read: what happens to the database meanwhile.
        self.meanwhile: Callable[[], None] = lambda: None

    def open(self, token: Token | None) -> Token:
        self._fate.step("open")
        self.opened.append(token)
        place = len(self._database.oplog) if token is None else int(token["_data"])
        if place < self._database.floor:
            raise TokenLostError("the oplog begins later", code=286)
        self._place = place
        return token_of(place)

    def next_batch(self) -> Batch:
        self.meanwhile()
        self._fate.step("read")
        if self._place < self._database.floor:
            raise TokenLostError("the oplog begins later", code=286)
        found = self._database.oplog[self._place : self._place + self._batch]
        self._place += len(found)
        return Batch(
            changes=list(found), token=token_of(self._place),
            cluster_time=found[-1].cluster_time if found else None, read=len(found),
        )  # fmt: skip

    def copy(self, collection: str) -> Iterator[Chunk]:
        documents = sorted(self._database.documents.get(collection, {}).items())
        for start in range(0, len(documents), self._chunk):
            self._fate.step("copy")
            at = (1_700_000_000 + len(self._database.oplog), 2)
            yield Chunk(
                changes=[
                    Change(
                        operation=Operation.SNAPSHOT, database="shop", collection=collection,
                        document_key={"_id": key}, document=document, cluster_time=at, size_bytes=100,
                    )
                    for key, document in documents[start : start + self._chunk]
                ],
                cluster_time=at, is_snapshot=True,
            )  # fmt: skip

    def close(self) -> None: ...


class MemoryBroker:
    """What Pub/Sub has stored, in order; it outlives the connector."""

    def __init__(self) -> None:
        self.messages: list[OutgoingMessage] = []
        # Messages that fail, and with what: asked for each.
        self.refuses: Callable[[OutgoingMessage], Exception | None] = lambda message: None


class MemorySink:
    """`MessageSink` that confirms when it is flushed, waited for, or has enough."""

    def __init__(self, broker: MemoryBroker, fate: Fate, *, window: int = 2) -> None:
        self._broker = broker
        self._fate = fate
        self._window = window
        self._waiting: list[tuple[OutgoingMessage, Future[str]]] = []
        self._paused: set[str] = set()
        self.resumed = 0

    def publish(self, message: OutgoingMessage) -> "Future[str]":
        self._fate.step("publish")
        future: Future[str] = Future()
        self._waiting.append((message, future))
        if len(self._waiting) > self._window:
            self._send(*self._waiting.pop(0))
        return future

    def flush(self) -> None:
        while self._waiting:
            self._send(*self._waiting.pop(0))

    def resume(self) -> None:
        self.resumed += 1
        self._paused.clear()

    def close(self, *, timeout_seconds: float) -> None:
        self.flush()

    def _send(self, message: OutgoingMessage, future: "Future[str]") -> None:
        if message.ordering_key in self._paused:
            future.set_exception(RuntimeError("the ordering key is paused"))
            return
        if (error := self._broker.refuses(message)) is not None:
            if message.ordering_key:
                self._paused.add(message.ordering_key)
            future.set_exception(error)
            return
        # Stored, and not yet confirmed: a death here is the one that doubles.
        self._broker.messages.append(message)
        self._fate.step("confirm")
        future.set_result(str(len(self._broker.messages)))


class FatefulTokenStore(MemoryTokenStore):
    """`MemoryTokenStore` that dies on cue, before and after it has written; it outlives the connector."""

    def __init__(self) -> None:
        super().__init__()
        self.fate = Fate()

    @property
    def stored(self) -> dict[str, Checkpoint]:
        """What is in it."""
        return self._kept

    def load(self, connector_id: str) -> Checkpoint | None:
        self.fate.step("load")
        return super().load(connector_id)

    def save(self, checkpoint: Checkpoint) -> Checkpoint:
        self.fate.step("before save")
        saved = super().save(checkpoint)
        self.fate.step("after save")
        return saved


def unavailable() -> StoreUnavailableError:
    """What a store that does not answer raises."""
    return StoreUnavailableError("no answer")
