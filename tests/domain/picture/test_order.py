"""Rows in order: what is kept is found after any place, and what is forgotten is not held for long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.picture import order
from inventory_assets.domain.picture.order import FORGOTTEN_SHARE, Order


def _place(row: tuple[int, str]) -> tuple[int, str]:
    return row


def _version(row: tuple[int, str]) -> int:
    return row[0]


@pytest.fixture(autouse=True, scope="module")
def _small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "PART_ROWS", 4)
        yield


@given(st.lists(st.sets(st.sampled_from("abcdef"), max_size=6), max_size=12), st.data())
def test_what_is_kept_is_found_after_any_place(versions, data):
    kept: list[tuple[int, str]] = []
    rows: Order[tuple[int, str]] = Order(_place, lambda row: row in kept)
    for version, names in enumerate(versions):
        added = [(version, name) for name in sorted(names)]
        kept += added
        rows.extend(added)
        for row in data.draw(st.sets(st.sampled_from(kept)) if kept else st.just(set())):
            kept.remove(row)
            rows.forget(row)

    for version in range(-1, len(versions) + 1):
        assert [row for row in rows.after(version, _version) if row in kept] == [
            row for row in kept if row[0] > version
        ]
        for name in "ac":
            found = [row for row in rows.after((version, name), _place) if row in kept]
            assert found == [row for row in kept if row > (version, name)]
    forgotten = [row for row in rows if row not in kept]
    assert len(forgotten) * FORGOTTEN_SHARE <= len(list(rows))
