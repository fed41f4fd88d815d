"""The index of known entities answers exactly what a set would."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.lake import entity_index
from inventory_assets.lake.entity_index import BLOCK, EntityIndex

KEYS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=60)
ENDS = [-(2**63), -1, 0, 1, 2**63 - 1]


def chunks(keys, size=7):
    """Keys as the lake hands them over: ascending, distinct, a part at a time."""
    ascending = np.unique(np.array(list(keys), dtype=np.int64))
    return (ascending[start : start + size] for start in range(0, len(ascending), size))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("index") / "cache" / "entities.bin"


@given(KEYS, KEYS, KEYS)
def test_finds_what_was_built_or_added_and_nothing_else(path, built, added, asked):
    index = EntityIndex(path)
    index.build(chunks(built))
    index.add(added)

    found = index.find(asked + built[:5] + added[:5])

    assert found == (set(built) | set(added)) & set(asked + built[:5] + added[:5])
    index.close()


def test_blocks_end_where_the_next_begins(path):
    """Keys on the edges of blocks and of the type are the ones a search would miss."""
    rng = random.Random(7)
    keys = sorted({rng.randrange(-(2**63), 2**63) for _ in range(BLOCK * 3)} | set(ENDS))
    index = EntityIndex(path)
    index.build(chunks(keys, 1000))
    edges = [keys[i] for i in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK, len(keys) - 1)] + ENDS
    absent = [key + 1 for key in keys if key + 1 not in set(keys) and key < 2**63 - 1]

    assert index.find(edges) == set(edges)
    assert index.find(absent) == set()
    index.close()


def test_merging_the_recent_part_into_the_file_loses_nothing(path):
    """Over a million new keys the index writes itself anew from both parts."""
    old = list(range(-1000, 3 * entity_index.MERGE_AT, 5))
    new = list(range(-5003, 2 * entity_index.MERGE_AT, 2))
    index = EntityIndex(path)
    index.build(chunks(old, 300_000))
    index.add(new)
    index.add([2**62])
    known = {*old, *new, 2**62}
    rng = random.Random(7)
    asked = [*rng.sample(range(-6000, 3 * entity_index.MERGE_AT), 5_000), 2**62, old[-1], new[-1], old[0], new[0]]

    assert index.find(asked) == {key for key in asked if key in known}
    assert len(index) == len(known)
    index.close()


def test_closing_removes_the_file_and_building_again_starts_over(path):
    index = EntityIndex(path)
    index.build(chunks([1, 2]))
    index.build(chunks([3]))

    assert index.find([1, 2, 3]) == {3}
    index.close()
    assert not path.exists()
