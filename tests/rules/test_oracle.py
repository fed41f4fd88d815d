"""The oracle against the hand-computed table, and the laws it must keep itself."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.cases import CASES, Case, Sweep, envelope, level, message, txn
from tests.rules.oracle import Oracle, sort_key
from tests.rules.reading import read_event


def play(case: Case) -> tuple[Oracle, list]:
    oracle = Oracle(
        products=case.products,
        velocity=case.velocity,
        default_min=case.default_min,
        default_reorder=case.default_reorder,
    )
    outcomes = []
    for step in case.steps:
        if isinstance(step, Sweep):
            oracle.sweep(datetime.fromisoformat(step.now))
        else:
            outcomes += oracle.burst([message(document) for document in step])
    return oracle, outcomes


def spell(transition: dict) -> str:
    """`<type> <transition> <reason> <time of day>[ late]`, as the table writes them."""
    clock = transition["at"][11:16]
    parts = [transition["alert_type"], transition["transition"], transition["reason"], clock]
    return " ".join([*parts, "late"] if transition["is_late"] else parts)


def spell_outcome(outcome: str, reason: str | None) -> str:
    return reason or outcome


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_oracle_agrees_with_the_hand_computed_case(case):
    """Two readings of one rule, by hand and by program, must agree."""
    oracle, outcomes = play(case)

    if case.outcomes is not None:
        assert case.outcomes == [spell_outcome(*outcome) for outcome in outcomes]
    for key, expected in case.states.items():
        actual = oracle.states()[key]
        assert expected == {name: actual[name] for name in expected}
    for node, expected in case.rollups.items():
        actual = oracle.rollups().get(node)
        assert expected == (actual and {name: actual[name] for name in expected})
    for key, expected in case.resolved.items():
        actual = oracle.resolved(*key)
        assert expected == {name: actual[name] for name in expected}
    if case.alerts is not None:
        actual = oracle.alerts()
        assert len(case.alerts) == len(actual)
        for expected, alert in zip(case.alerts, actual, strict=True):
            assert expected == {name: alert[name] for name in expected}
    for key, expected in case.transitions.items():
        actual = [t for t in oracle.transitions() if (t["warehouse_id"], t["sku"]) == key]
        assert expected == [spell(t) for t in actual]


def test_every_rule_from_8_to_30_has_a_case():
    """A rule without a case is a rule nobody read."""
    assert set(range(8, 31)) <= {rule for case in CASES for rule in case.rules}


def test_case_names_are_unique():
    assert len(CASES) == len({case.name for case in CASES})


# Event sets without conflicts: content is a function of the identity.
@st.composite
def documents(draw):
    number = draw(st.integers(0, 5))
    second = draw(st.integers(0, 8))
    warehouse = "W1" if number % 2 else "W2"
    sku = "S1" if number < 4 else "S2"
    time = f"07:00:{second:02d}"
    kind = draw(st.sampled_from(["level", "transaction", "tombstone"]))
    is_bare = draw(st.booleans())
    place = {"t": 1650438000 + second, "i": draw(st.integers(1, 2))}
    if kind == "level":
        stock = second * 6  # of the identity (warehouse, sku, second) only
        more = {"reserved_stock": second} if second % 2 else {}
        more["category_id"] = f"C{second % 3}"
        document = level(stock, time, warehouse_id=warehouse, sku=sku, **more)
        if is_bare:
            return document
        document["current_stock"] += place["i"]
        return envelope(document, **place)
    if kind == "tombstone":
        key = {"warehouse_id": warehouse, "sku": sku}
        return envelope(None, **place, operation="delete", document_key=key)
    status = draw(st.sampled_from(["PENDING", "COMPLETED", "CANCELLED", "SHIPPED"]))
    types = ["ORDER", "RESTOCK", "TRANSFER", "RESERVE", "ADJUSTMENT", "TRANSFER"]
    name = types[number]
    if status == "SHIPPED" and name != "TRANSFER":
        status = "PENDING"
    quantity = -(number + 1) if name == "ORDER" else number + 1
    more = {"to_warehouse_id": "W3"} if name == "TRANSFER" else {}
    # Without a cluster time the id is the status alone, so the time must follow from it.
    order = ["PENDING", "SHIPPED", "COMPLETED", "CANCELLED"]
    when = time if not is_bare else f"07:00:0{order.index(status) * 2}"
    document = txn(f"T{number}", name, quantity, when, status=status, warehouse_id=warehouse, sku=sku, **more)
    return document if is_bare else envelope(document, **place)


def deliver(bursts: list[list]) -> Oracle:
    oracle = Oracle(default_min=20, default_reorder=45)
    for burst in bursts:
        oracle.burst([message(document) for document in burst])
    return oracle


@settings(deadline=None, max_examples=150)
@given(st.lists(documents(), max_size=12), st.randoms(use_true_random=False))
def test_arrival_order_repeats_and_cuts_do_not_change_state(docs, rng):
    """RULE 18: state is a function of the set."""
    expected = deliver([docs])

    again = docs + rng.choices(docs, k=3) if docs else []
    rng.shuffle(again)
    cut = rng.randint(0, len(again))
    actual = deliver([again[:cut], again[cut:]])
    assert expected.states() == actual.states()
    assert expected.rollups() == actual.rollups()


@settings(deadline=None, max_examples=150)
@given(st.lists(documents(), max_size=12), st.data())
def test_every_cut_of_an_ordered_stream_gives_the_same_alerts(docs, data):
    """RULE 25: events in order, any cut: same alerts, transitions and ids."""
    docs = in_order(docs)
    cut = data.draw(st.integers(0, len(docs)))

    expected = deliver([docs])
    actual = deliver([docs[:cut], docs[cut:]])
    singly = deliver([[document] for document in docs])
    assert expected.transitions() == actual.transitions() == singly.transitions()
    assert expected.alerts() == actual.alerts() == singly.alerts()


@settings(deadline=None, max_examples=100)
@given(st.lists(documents(), max_size=12))
def test_rollups_sum_the_active_keys(docs):
    """RULE 20: no key lost, none counted twice."""
    oracle = deliver([docs])

    active = [state for state in oracle.states().values() if state["is_active"]]
    nodes = oracle.rollups()
    for name in ("on_hand", "reserved", "available", "inbound"):
        total = sum(n[name] for (w, lvl, _), n in nodes.items() if w is None and lvl == "SKU")
        assert sum(state[name] for state in active) == total
    for state in oracle.states().values():
        assert state["available"] == state["on_hand"] - state["reserved"]


@given(st.permutations(["PENDING", "SHIPPED", "COMPLETED"]), st.integers(1, 3))
def test_a_transfer_conserves_units_at_every_moment(statuses, upto):
    """RULE 16: sum of on_hand and transfers inbound, whatever has arrived."""
    docs = [level(100, "06:00"), level(10, "06:00", warehouse_id="W2")]
    docs += [txn("T", "TRANSFER", 7, "07:00", status=status, to_warehouse_id="W2") for status in statuses[:upto]]

    states = deliver([docs]).states().values()
    assert sum(state["on_hand"] + state["inbound"] for state in states) == 110


def in_order(docs: list) -> list:
    """The documents in evaluation order, repeats and dead letters left out."""
    unique = {}
    for document in docs:
        event = read_event(message(document))
        unique.setdefault(event.event_id, (sort_key(event), document))
    return [document for _, document in sorted(unique.values(), key=lambda pair: pair[0])]


def test_the_clock_of_the_table_is_utc():
    """The table's default publish time is aware, so RULE 6 compares like with like."""
    assert message(level(1, "07:00")).publish_time.tzinfo is UTC
