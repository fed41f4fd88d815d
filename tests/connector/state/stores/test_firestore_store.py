"""What only Firestore can do to a checkpoint, over the real client."""

import dataclasses
import sys

import grpc
import pytest

from inventory_assets.connector.errors import (
    CheckpointConflictError,
    ConfigurationError,
    StoreDamagedError,
    StoreUnavailableError,
)
from inventory_assets.connector.state.stores.firestore_store import FirestoreTokenStore
from tests.connector.state.stores.test_contract import checkpoint


@pytest.fixture
def store(firestore):
    store = FirestoreTokenStore("test-project")
    yield store
    store.close()


def test_a_save_is_one_request(store, firestore):
    """The stream waits for it after every batch."""
    saved = store.save(checkpoint())
    for _ in range(3):
        saved = store.save(saved)

    assert ["Commit"] * 4 == firestore.calls


def test_a_process_that_never_read_it_saves_after_a_read(store, firestore):
    saved = store.save(checkpoint())
    other = FirestoreTokenStore("test-project")

    again = other.save(dataclasses.replace(saved, owner_id="process-2"))

    other.close()
    assert 2 == again.revision
    with pytest.raises(CheckpointConflictError, match="process-2"):
        store.save(saved)


def test_an_edit_at_the_console_is_a_conflict(store, firestore):
    """The revision is the same, and the document is not."""
    saved = store.save(checkpoint())
    firestore.replace("connector-wh-east-1", owner_id="somebody")

    with pytest.raises(CheckpointConflictError, match="somebody"):
        store.save(saved)


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.ABORTED]
)
def test_a_service_that_fails_is_an_error_of_now(store, firestore, code):
    saved = store.save(checkpoint())

    for call in (lambda: store.load("a"), lambda: store.save(saved), store.list):
        firestore.failures.append(code)
        with pytest.raises(StoreUnavailableError, match="on cue"):
            call()

    assert saved == store.load(saved.connector_id)


def test_a_save_whose_answer_was_lost_is_found_done_when_tried_again(store, firestore):
    saved = store.save(checkpoint())
    firestore.lost_answers.append(grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(StoreUnavailableError):
        store.save(saved)

    again = store.save(saved)

    assert 2 == again.revision
    assert 3 == store.save(again).revision


def test_an_answer_that_says_nothing_is_not_no_checkpoint(store, firestore):
    """The client's `get` takes it for one, with a warning."""
    store.save(checkpoint())
    firestore.empty_answers = 1

    with pytest.raises(StoreUnavailableError, match="0 answers"):
        store.load("connector-wh-east-1")


def test_a_document_edited_by_hand_is_damage(store, firestore):
    store.save(checkpoint())
    firestore.replace("connector-wh-east-1", phase="resting")

    with pytest.raises(StoreDamagedError, match="resting"):
        store.load("connector-wh-east-1")


def test_without_the_extra_the_error_names_it(monkeypatch):
    """The client is imported when a store is opened, so that others do without."""
    monkeypatch.setitem(sys.modules, "google.cloud.firestore", None)

    with pytest.raises(ConfigurationError, match=r"inventory-assets\[firestore\]"):
        FirestoreTokenStore("test-project")
