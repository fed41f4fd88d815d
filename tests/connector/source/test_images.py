"""The document after an update, from the one before and mongod's description of the update."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo.database import Database
from pymongo.errors import OperationFailure

from inventory_assets.connector.source.images import ImageMode, rebuild
from inventory_assets.connector.source.mongo_client import connect
from inventory_assets.connector.source.mongo_source import MongoChangeSource
from tests.connector.mongo import new_database_name
from tests.hunting import some


def described(updated=None, removed=(), truncated=(), disambiguated=None) -> dict[str, Any]:
    """An `updateDescription` as mongod 6.1 and later send it."""
    return {
        "updatedFields": updated or {},
        "removedFields": list(removed),
        "truncatedArrays": list(truncated),
        "disambiguatedPaths": disambiguated or {},
    }


@pytest.mark.parametrize(
    ("before", "description", "after"),
    [
        ({"a": 1}, described({"a": 2, "b": [1]}), {"a": 2, "b": [1]}),
        ({"a": {"b": {"c": 1}}}, described({"a.b.c": 2, "a.d": 3}), {"a": {"b": {"c": 2}, "d": 3}}),
        ({"a": {"b": 1, "c": 2}, "d": 3}, described(removed=["a.b", "d"]), {"a": {"c": 2}}),
        # $push and $set of an element.
        ({"b": [1, 2, 3]}, described({"b.3": 4}), {"b": [1, 2, 3, 4]}),
        ({"b": [1, 2, 3]}, described({"b.1": 9}), {"b": [1, 9, 3]}),
        ({"b": [{"x": 1}, {"x": 2}]}, described({"b.1.x": 5}), {"b": [{"x": 1}, {"x": 5}]}),
        ({"b": [{"x": 1, "y": 2}]}, described(removed=["b.0.x"]), {"b": [{"y": 2}]}),
        # $set far beyond the end: mongod reports the element only, and has filled up with nulls.
        ({"b": [1]}, described({"b.3": 4}), {"b": [1, None, None, 4]}),
        # A pipeline update that shortens an array, and changes what is left.
        ({"b": [1, 2, 3]}, described({"b.0": 7}, truncated=[{"field": "b", "newSize": 2}]), {"b": [7, 2]}),
        ({"a": {"b": [1, 2]}}, described(truncated=[{"field": "a.b", "newSize": 0}]), {"a": {"b": []}}),
        # A field that moves to the end is removed and set.
        ({"a": 1, "b": 2}, described({"a": 3}, removed=["a"]), {"b": 2, "a": 3}),
        # Names with dots and digits: mongod says which path is meant.
        ({"a.b": 1, "a": {"b": 2}}, described({"a.b": 3}, disambiguated={"a.b": ["a.b"]}), {"a.b": 3, "a": {"b": 2}}),
        ({"a": {"b": 2}}, described({"a.b": 3}, disambiguated={"a.b": ["a.b"]}), {"a": {"b": 2}, "a.b": 3}),
        ({"a": {"0": 1}}, described({"a.0": 2}, disambiguated={"a.0": ["a", "0"]}), {"a": {"0": 2}}),
        ({"a": [1]}, described({"a.0": 2}), {"a": [2]}),
        ({"a": {"x.y": [1]}}, described({"a.x.y.0": 2}, disambiguated={"a.x.y.0": ["a", "x.y", 0]}), {"a": {"x.y": [2]}}),
        ({"$a": 1}, described({"$a": 2}), {"$a": 2}),
        ({"a": 1}, described(), {"a": 1}),
    ],
)  # fmt: skip
def test_an_update_gives_the_document_mongod_stores(before, description, after):
    rebuilt = rebuild(copy.deepcopy(before), description)

    assert rebuilt == after
    assert list(rebuilt) == list(after)


@pytest.mark.parametrize(
    ("before", "description"),
    [
        (None, described({"a": 1})),
        # A server before 6.1 does not say whether `a.b` is a field or a path.
        ({"a": {"b": 1}}, {"updatedFields": {"a.b": 2}, "removedFields": []}),
        ({"a": {"b": 1}}, {"updatedFields": {}, "removedFields": ["a.b"]}),
        # What does not fit the document is of another document, or is spelled in a way we do not know.
        ({"x": 1}, described({"a.b": 2})),
        ({"a": 5}, described({"a.b": 2})),
        ({"a": [1]}, described({"a.b": 2})),
        ({"a": [1]}, described({"a.5.b": 2})),
        ({"a": 1}, described(removed=["b"])),
        ({"a": [1]}, described(removed=["a.0"])),
        ({"a": [1]}, described(truncated=[{"field": "a", "newSize": 2}])),
        ({"a": 1}, described(truncated=[{"field": "a", "newSize": 0}])),
    ],
)
def test_what_is_not_certain_is_looked_up(before, description):
    assert rebuild(before, description) is None


def test_a_simple_update_needs_no_help_from_the_server():
    assert rebuild({"a": 1}, {"updatedFields": {"a": 2}, "removedFields": []}) == {"a": 2}


NAMES = st.sampled_from(["a", "b", "c", "0", "1"])
SCALARS = st.one_of(st.integers(-5, 5), st.text("xy", max_size=2), st.none(), st.booleans())
VALUES = st.recursive(
    SCALARS, lambda of: st.one_of(st.lists(of, max_size=3), st.dictionaries(NAMES, of, max_size=3)), max_leaves=6
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
ARRAY_UPDATES = st.one_of(
    st.builds(lambda path, value: {"$push": {path: value}}, PATHS, VALUES),
    st.builds(lambda path: {"$pop": {path: 1}}, PATHS),
    st.builds(lambda path, value: {"$pull": {path: value}}, PATHS, SCALARS),
    st.builds(lambda path, n: {"$push": {path: {"$each": [1, 2], "$slice": n}}}, PATHS, st.integers(-3, 3)),
)
UPDATES = st.one_of(
    st.builds(lambda path, value: {"$set": {path: value}}, PATHS, VALUES),
    st.builds(lambda path: {"$unset": {path: ""}}, PATHS),
    st.builds(lambda one, two, value: {"$set": {one: value}, "$unset": {two: ""}}, PATHS, PATHS, VALUES),
    ARRAY_UPDATES,
    st.builds(lambda value: [{"$set": {"a": value}}], VALUES),
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)


@pytest.fixture(scope="module")
def images_database(mongo, mongo_client):
    name = new_database_name()
    database = mongo_client[name]
    database.create_collection("inventory", changeStreamPreAndPostImages={"enabled": True})
    yield database
    mongo_client.drop_database(name)


@pytest.fixture(scope="module")
def images_source(mongo, images_database):
    source = MongoChangeSource(
        connect(mongo.uri), images_database.name, collections=["inventory"], images=ImageMode.PRE_IMAGES
    )
    source.open(None)
    yield source
    source.close()


@settings(max_examples=some(60))
@given(document=DOCUMENTS, updates=st.lists(UPDATES, max_size=6))
def test_every_update_is_published_as_what_the_database_held_after_it(
    images_database: Database, images_source: MongoChangeSource, document, updates
):
    inventory = images_database.inventory
    held = [{"_id": inventory.insert_one(dict(document)).inserted_id, **document}]
    for update in updates:
        try:
            inventory.update_one({"_id": held[0]["_id"]}, update)
        except OperationFailure:
            continue  # a conflict of paths, or a $push to what is no array
        after = inventory.find_one({"_id": held[0]["_id"]})
        if after != held[-1]:
            held.append(after)

    published: list = []
    while not published or published[-1].document != held[-1]:
        published += images_source.next_batch().changes

    exact = [change.document for change in published if change.operation != "read"]
    assert [document for i, document in enumerate(exact) if i == 0 or document != exact[i - 1]] == held
