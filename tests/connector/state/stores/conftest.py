"""The stores under test, each opened as often as a test likes: what is stored outlives the object."""

import itertools
import uuid
from collections.abc import Callable, Iterator

import pytest
from pymongo import MongoClient

from inventory_assets.connector.ports import TokenStore
from inventory_assets.connector.state.stores.firestore_store import FirestoreTokenStore
from inventory_assets.connector.state.stores.mongo_store import MongoTokenStore
from inventory_assets.connector.state.stores.sqlite_store import SqliteTokenStore
from tests.connector.fakes import MemoryTokenStore
from tests.connector.firestore_server import FirestoreServer, firestore_server
from tests.connector.mongo import mongodb

OpenStore = Callable[[], TokenStore]
# Of this run alone: at MONGODB_URI there may be others.
DATABASE = f"connector_stores_{uuid.uuid4().hex[:12]}"
_names = itertools.count()


@pytest.fixture(scope="package")
def mongo() -> Iterator[str]:
    """URI of a MongoDB."""
    with mongodb() as uri:
        yield uri
        with MongoClient(uri) as client:
            client.drop_database(DATABASE)


@pytest.fixture
def firestore(monkeypatch) -> Iterator[FirestoreServer]:
    """A Firestore, which the environment points to."""
    with firestore_server() as server:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host)
        yield server


@pytest.fixture(params=["memory", "sqlite", pytest.param("mongo", marks=pytest.mark.big), "firestore"])
def open_store(request, tmp_path) -> Iterator[OpenStore]:
    """Open a store of the kind; every call of one test finds the same checkpoints."""
    opened: list[TokenStore] = []
    kept = MemoryTokenStore()
    collection = f"resumeTokens{next(_names)}"
    server = request.getfixturevalue(request.param) if request.param in ("mongo", "firestore") else None

    def open_() -> TokenStore:
        stores: dict[str, OpenStore] = {
            "memory": lambda: kept,
            "sqlite": lambda: SqliteTokenStore(tmp_path / "tokens.db"),
            "mongo": lambda: MongoTokenStore(server, database=DATABASE, collection=collection),
            "firestore": lambda: FirestoreTokenStore("test-project", collection=collection),
        }
        opened.append(stores[request.param]())
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> TokenStore:
    """One store."""
    return open_store()
