"""What listeners are told: whoever begins with a snapshot and applies it ends with the picture."""

from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.picture.stream import Listeners, News, Pending, Wanted, knows, news
from tests.streaming import SKUS, WAREHOUSES, Follower, begun, go_on, shown, versions, wanted


@given(versions, wanted, st.integers(0, 30), st.integers(1, 6), st.integers(1, 6), st.data())
def test_whoever_was_away_ends_with_the_picture(changes, mine, kept, most_rows, most_seen, data):
    """However often it comes back, and however little is kept and told at once; or it is told that it cannot be."""
    picture = begun(kept_changes=kept)
    follower = Follower()
    follower.begin(picture, mine)
    for change in changes:
        go_on(picture, change)
        for _ in range(data.draw(st.integers(0, 2))):
            if knows(picture, mine, follower.version):
                follower.take(news(picture, mine, follower.version, most_rows=most_rows, most_seen=most_seen))
            else:
                follower.begin(picture, mine)
    while follower.version < picture.version:
        if not knows(picture, mine, follower.version):
            follower.begin(picture, mine)
        else:
            follower.take(news(picture, mine, follower.version, most_rows=most_rows, most_seen=most_seen))

    assert shown(picture, mine) == (follower.stock, follower.alerts)
    assert follower.versions == sorted(follower.versions)


@given(versions, wanted, st.integers(1, 6), st.data())
def test_each_message_shows_exactly_its_version(changes, mine, most_rows, data):
    picture = begun()
    shows = {1: shown(picture, mine)}
    for change in changes:
        go_on(picture, change)
        shows[picture.version] = shown(picture, mine)
    since = data.draw(st.integers(1, picture.version))
    follower = Follower(since, *({**rows} for rows in shows[since]))

    while follower.version < picture.version:
        before = follower.version
        follower.take(news(picture, mine, before, most_rows=most_rows))

        assert before < follower.version
        assert shows[follower.version] == (follower.stock, follower.alerts)


@given(versions, wanted, st.integers(1, 6), st.data())
def test_a_message_is_small_unless_one_version_is_not(changes, mine, most_rows, data):
    picture = begun()
    for change in changes:
        go_on(picture, change)
    since = data.draw(st.integers(1, picture.version))

    told = news(picture, mine, since, most_rows=most_rows)

    assert len(told.stock) + len(told.alerts) <= most_rows or told.version == since + 1


@given(st.lists(st.tuples(wanted, st.booleans()), max_size=12))
def test_a_listener_is_found_for_what_it_wants_and_for_nothing_else(listening):
    found: Listeners[int] = Listeners()
    for number, (mine, _) in enumerate(listening):
        found.add(mine, number)
    for number, (mine, is_leaving) in enumerate(listening):
        if is_leaving:
            found.remove(mine, number)

    for key in ((warehouse, sku) for warehouse in WAREHOUSES for sku in SKUS):
        expected = [number for number, (mine, leaves) in enumerate(listening) if not leaves and mine.takes(key)]
        assert expected == sorted(found.of(key))


def test_who_left_leaves_nothing_behind():
    found: Listeners[int] = Listeners()
    for mine in (Wanted(), Wanted(skus=frozenset({"A", "B"})), Wanted(warehouses=frozenset({"W1"}))):
        found.add(mine, 1)
        found.remove(mine, 1)

    assert [{}, {}, {}] == [found._of_all, found._of_warehouse, found._of_sku]


def test_pending_changes_of_a_key_are_one():
    pending: Pending[str] = Pending({}, {})
    assert not pending

    for row in ("first", "second"):
        pending.stock["W1", "A"] = row

    assert pending
    assert {("W1", "A"): "second"} == pending.stock


def test_what_a_picture_never_had_it_does_not_claim_to_know():
    """A process that has just begun, or a lake that was rebuilt: no version before is told of as if all were there."""
    picture = begun(version=7)

    assert [False, True] == [knows(picture, Wanted(), since) for since in (6, 7)]
    assert News(7, [], []) == news(picture, Wanted(), 7)
