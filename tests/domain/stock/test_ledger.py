"""Counted stock against the ledger, reckoned a second way: the fold of what lies before each count."""

from hypothesis import given

from inventory_assets.domain.events.kinds import Level, Tombstone, Transaction, order_key
from inventory_assets.domain.stock.fold import KeyState, affected_keys, apply_level, apply_tombstone, apply_transaction
from inventory_assets.domain.stock.history import run_stock
from inventory_assets.domain.stock.ledger import find_drift
from tests.builders import envelope, level, transaction
from tests.domain.histories import accepted, documents, history_of, live
from tests.hunting import tried

NEVER = 2**60


def fold(events, key):
    """A key's stock after some events."""
    state, transactions = KeyState(*key), {}
    for event in sorted(events, key=order_key):
        if isinstance(event, Transaction):
            known = transactions.get(event.transaction_id, ())
            apply_transaction(state, known, event)
            transactions[event.transaction_id] = (*known, event)
        elif isinstance(event, Level):
            apply_level(state, transactions.values(), event)
        else:
            assert isinstance(event, Tombstone)
            apply_tombstone(state, event)
    return state


def expected(events, key):
    """Counts that differ from the fold of all before them, and of what they contain at their own position."""
    own = [event for event in events if key in affected_keys(event)]
    found = []
    for count in sorted((event for event in own if isinstance(event, Level)), key=order_key):
        earlier = [event for event in own if order_key(event) < order_key(count)]
        if not any(isinstance(event, Level) for event in earlier) or not fold(earlier, key).is_active:
            continue
        contained = [
            event
            for event in own
            if isinstance(event, Transaction) and event.position == count.position
            and event.has_cluster_time and count.has_cluster_time
        ]  # fmt: skip
        ledger = fold([*earlier, *contained], key).on_hand
        if ledger != count.on_hand:
            found.append((count.event_id, count.on_hand, ledger))
    return found


@tried(80)
@given(documents())
def test_a_count_differs_where_the_fold_before_it_does(found):
    events = accepted(live(found, NEVER))
    frame, keys = history_of(events)

    drift = find_drift(frame, run_stock(frame))

    names = frame["event_id"].to_list()
    actual = [(names[row], *rest) for row, *rest in zip(drift.row, drift.stated, drift.ledger, strict=True)]
    assert [each for key in keys for each in expected(events, key)] == actual


def test_a_drift_names_the_count_before_it():
    found = [
        level(50, "07:00"),
        transaction("T1", quantity=-4, at="08:00"),
        level(46, "09:00"),
        transaction("T2", quantity=-1, at="10:00"),
        level(40, "11:00"),
        level(40, "12:00"),
    ]
    frame, _ = history_of(accepted(live(found, NEVER)))

    drift = find_drift(frame, run_stock(frame))

    assert ([4], [2], [40], [45]) == tuple(part.tolist() for part in drift)


def test_what_a_count_contains_at_its_own_instant_is_no_drift():
    found = [
        envelope(level(50), 100),
        envelope(transaction("T1", quantity=-4), 200),
        envelope(level(46, "09:00"), 200),
    ]
    frame, _ = history_of(accepted(live(found, NEVER)))

    assert [] == find_drift(frame, run_stock(frame)).row.tolist()
