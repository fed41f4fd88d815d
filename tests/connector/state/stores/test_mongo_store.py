"""What only MongoDB can do to a checkpoint."""

import pytest
from pymongo import MongoClient

from inventory_assets.connector.errors import ConfigurationError, StoreDamagedError, StoreUnavailableError
from inventory_assets.connector.state.stores.mongo_store import MongoTokenStore
from tests.connector.state.stores.conftest import DATABASE
from tests.connector.state.stores.test_contract import checkpoint


@pytest.fixture
def collection(mongo):
    with MongoClient(mongo) as client:
        found = client[DATABASE]["edited"]
        found.drop()
        yield found


@pytest.fixture
def store(mongo, collection):
    store = MongoTokenStore(mongo, database=DATABASE, collection="edited")
    yield store
    store.close()


def test_the_document_is_as_the_shell_needs_it(store, collection):
    """`watch([], {resumeAfter: db.resumeTokens.findOne(…).token})`."""
    store.save(checkpoint())

    assert {"_data": "82AB"} == collection.find_one({"_id": "connector-wh-east-1"})["token"]


def test_a_document_edited_by_hand_is_damage_and_not_none(store, collection):
    store.save(checkpoint())
    collection.update_one({}, {"$unset": {"source_epoch": 1}})

    with pytest.raises(StoreDamagedError, match="source_epoch"):
        store.load("connector-wh-east-1")


def test_a_server_that_does_not_answer_is_an_error_of_now_without_the_password():
    # Port 1 is refused at once.
    store = MongoTokenStore("mongodb://user:s3cret@127.0.0.1:1/inventory", timeout_seconds=0.2)

    for call in (lambda: store.load("a"), lambda: store.save(checkpoint()), store.list):
        with pytest.raises(StoreUnavailableError, match="127.0.0.1:1") as raised:
            call()
        assert "s3cret" not in str(raised.value) + repr(raised.value.__cause__)
    store.close()


@pytest.mark.parametrize("uri", ["mongodb://user:s3cret@host:x/db", "s3cret", "mongodb://user:s3cret@host/"])
def test_a_uri_that_cannot_be_used_is_said_without_it(uri):
    with pytest.raises(ConfigurationError) as raised:
        MongoTokenStore(uri)

    assert "s3cret" not in str(raised.value) and raised.value.__suppress_context__
