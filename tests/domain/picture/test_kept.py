"""Kept rows: any version that can still be asked for shows what it showed, whatever came since."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.picture.kept import Kept


class _Row(msgspec.Struct, frozen=True):
    key: str
    version: int
    is_gone: bool = False


_CHANGES = st.lists(st.dictionaries(st.sampled_from("abcdef"), st.booleans(), max_size=4), max_size=30)


def _rows(changes: dict[str, bool], version: int) -> list[_Row]:
    return [_Row(key, version, is_gone=is_gone) for key, is_gone in changes.items()]


@given(st.sets(st.sampled_from("abcdef")), _CHANGES, st.integers(0, 12))
def test_every_version_since_the_horizon_shows_what_it_showed(begin, changes, most):
    kept: Kept[_Row] = Kept(most, "key", is_listed=True)
    shown = {1: {key: _Row(key, 1) for key in begin}}
    kept.start(shown[1].values(), 1)
    for version, change in enumerate(changes, start=2):
        rows = _rows(change, version)
        shown[version] = {**shown[version - 1], **{row.key: row for row in rows}}
        kept.put(rows)

    for version in range(max(kept.horizon, 1), len(changes) + 2):
        expected = {key: row for key, row in shown[version].items() if not row.is_gone}
        assert {key: row for key in "abcdef" if (row := kept.at(key, version)) is not None} == expected
        many = dict(zip("abcdef", kept.many("abcdef", version), strict=True))
        assert {key: row for key, row in many.items() if row is not None and not row.is_gone} == expected
    newest = shown[len(changes) + 1]
    assert {row.key: row for row in kept} == {key: row for key, row in newest.items() if not row.is_gone}


@given(st.sets(st.sampled_from("abcdef")), _CHANGES, _CHANGES, st.integers(1, 3), st.data())
def test_pages_of_one_version_give_each_changed_key_once_while_more_comes_in(begin, changes, later, limit, data):
    kept: Kept[_Row] = Kept(1_000, "key", is_listed=True)
    kept.start([_Row(key, 1) for key in begin], 1)
    shown = {key: _Row(key, 1) for key in begin}
    for version, change in enumerate(changes, start=2):
        rows = _rows(change, version)
        kept.put(rows)
        shown |= {row.key: row for row in rows}
    upto = len(changes) + 1
    since = data.draw(st.integers(0, upto))

    pages, after = [], None
    for version, change in enumerate([*later, *({},) * 60], start=upto + 1):
        page = kept.changed(since, upto, after=after, limit=limit)
        if not page:
            break
        pages += page
        after = (page[-1].version, page[-1].key)
        kept.put(_rows(change, version))

    expected = sorted((row for row in shown.values() if row.version > since), key=lambda row: (row.version, row.key))
    assert pages == expected


def test_what_is_kept_is_bounded_however_much_changes():
    kept: Kept[_Row] = Kept(50, "key", is_listed=True)
    kept.start([_Row(str(number), 1) for number in range(10)], 1)

    for version in range(2, 2_000):
        kept.put([_Row(str(version % 10), version), _Row("gone", version, is_gone=version % 2 == 0)])

    assert len(list(kept._order or ())) < 250
    assert sum(map(len, kept._before.values())) <= 50
    assert kept.at("3", kept.horizon) is not None


@pytest.mark.parametrize("after", [None, (5, "a")])
def test_nothing_changed_is_an_empty_page(after):
    kept: Kept[_Row] = Kept(10, "key", is_listed=True)
    kept.start([_Row("a", 5)], 5)

    assert kept.changed(5, 5, after=after, limit=10) == []


@given(st.sets(st.sampled_from("abcdef")), _CHANGES, st.integers(0, 30), st.integers(0, 40))
def test_begun_with_what_was_replaced_of_late_it_says_what_changed_as_one_that_was_there(begin, changes, ago, most):
    """A process that is started anew knows what another knew."""
    there: Kept[_Row] = Kept(1_000, "key", is_listed=True)
    there.start([_Row(key, 1) for key in begin], 1)
    for version, change in enumerate(changes, start=2):
        there.put(_rows(change, version))
    newest = len(changes) + 1
    since = max(1, newest - ago)

    anew: Kept[_Row] = Kept(most, "key", is_listed=True)
    later = [
        row for version, change in enumerate(changes, start=2) if version > since for row in _rows(change, version)
    ]
    earlier = [row for row in there if row.version <= since]
    anew.start([*earlier, *later], newest, since=since)

    assert {row.key: row for row in anew} == {row.key: row for row in there}
    assert (newest, newest) == (anew.horizon, anew.newest)
    for known in range(anew.told_from, newest + 1):
        for upto in range(known, newest + 1):
            assert there.changed(known, upto, limit=99) == anew.changed(known, upto, limit=99)
