"""The oracle against the hand-computed table, and the laws it must keep itself.

`INVENTORY_EXAMPLES=5000` hunts with new seeds, as for the product's laws.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hunting import EXAMPLES, some
from tests.rules import cases
from tests.rules.case import Committed, Sweep, level, message, txn
from tests.rules.cases import CASES
from tests.rules.generators import TIMELY, Steps, bursts, cut, in_order, options, streams, without_conflicts
from tests.rules.oracle import Oracle
from tests.rules.playing import facts, hand_computed, play

LATER = datetime(2022, 4, 25, tzinfo=UTC)
TESTS = Path(__file__).resolve().parents[1]


def law(examples: int) -> settings:
    """Settings of one law: the same examples every time, unless it hunts."""
    return settings(
        max_examples=some(examples),
        deadline=None,
        derandomize=not EXAMPLES,
        suppress_health_check=list(HealthCheck),
    )


@hand_computed(CASES)
def test_oracle_agrees_with_the_hand_computed_case(case):
    """Two readings of one rule, by hand and by program, must agree."""
    assert case.facts() == facts(Oracle, case)


def test_every_rule_the_oracle_reads_has_a_case():
    """A rule without a case is a rule nobody read."""
    assert {5, *range(8, 31), 36} <= {rule for case in CASES for rule in case.rules}


def test_every_module_of_cases_is_played_by_the_products_tests():
    """The oracle plays all of them; those of a module that no test of the product names would compare nothing."""
    played = "".join(path.read_text() for path in (TESTS / "domain").rglob("test_*.py"))

    modules = {path.stem for path in (TESTS / "rules" / "cases").glob("[!_]*.py")}
    assert modules == {module for module in modules if f"{module}.CASES" in played}
    assert modules == {module.__name__.rpartition(".")[2] for module in cases.MODULES}


def test_case_names_are_unique():
    assert len(CASES) == len({case.name for case in CASES})


@law(40)
@given(streams(), options(), st.randoms(use_true_random=False), st.data())
def test_arrival_order_repeats_and_cuts_change_nothing_that_is_of_the_set(stream, made_with, rng, data):
    """RULES 18 with sources, epochs, lines and rules."""
    stream = without_conflicts(stream)
    expected = played([stream], made_with)

    again = stream + rng.choices(stream, k=3) if stream else []
    rng.shuffle(again)
    actual = played(cut(data.draw, again), made_with)
    assert expected.states() == actual.states()
    assert expected.rollups() == actual.rollups()
    assert [expected.resolved(*key) for key in expected.states()] == [actual.resolved(*key) for key in actual.states()]


@law(40)
@given(streams(), options(), st.data())
def test_every_cut_of_an_ordered_stream_gives_the_same_alerts(stream, made_with, data):
    """RULES 25: events, rules and commands in order, any cut: same alerts, transitions and ids."""
    stream = in_order(without_conflicts(stream))
    expected = told_by(played([stream], made_with))

    assert expected == told_by(played(cut(data.draw, stream), made_with))
    assert expected == told_by(played([[document] for document in stream], made_with))


@law(40)
@given(streams(ways=TIMELY), options(), st.sampled_from((0, 1, 30, 24 * 60)), st.data())
def test_a_sweep_after_every_burst_tells_the_same_while_the_clock_stands(stream, made_with, minutes, data):
    """RULES 28: what time makes due does not depend on who finds it, nor on the cut."""
    stream = in_order(without_conflicts(stream))
    last = Sweep((LATER + timedelta(minutes=minutes)).isoformat())

    def swept(bursts):
        steps = [step for burst in bursts for step in (Committed(LATER.isoformat(), burst), Sweep(LATER.isoformat()))]
        return told_by(played([*steps, last], made_with))

    expected = told_by(played([Committed(LATER.isoformat(), stream), last], made_with))
    assert expected == swept([stream])
    assert expected == swept(cut(data.draw, stream))
    assert expected == swept([[document] for document in stream])


@law(40)
@given(bursts(), options())
def test_a_keys_transitions_are_in_order_of_time(steps, made_with):
    """RULES 25: whatever arrives when, a step's time never goes back."""
    for transitions in told_by(played(steps, made_with))[1].values():
        times = [transition["at"] for transition in transitions]

        assert sorted(times) == times


@law(40)
@given(bursts(), options())
def test_rollups_sum_the_active_keys(steps, made_with):
    """RULE 20: no key lost, none counted twice."""
    oracle = played(steps, made_with)

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

    states = played([docs], {}).states().values()
    assert sum(state["on_hand"] + state["inbound"] for state in states) == 110


def played(steps: Steps, made_with: dict) -> Oracle:
    """The oracle after a stream."""
    oracle = Oracle(**made_with)
    play(oracle, steps)
    return oracle


def told_by(oracle: Oracle) -> tuple[dict, dict]:
    """Alerts by id, and transitions by key: RULES order them within a key only."""
    steps: dict = {}
    for step in oracle.transitions():
        steps.setdefault((step["warehouse_id"], step["sku"]), []).append(step)
    return {alert["alert_id"]: alert for alert in oracle.alerts()}, steps


def test_the_clock_of_the_table_is_utc():
    """The table's default publish time is aware, so RULE 6 compares like with like."""
    assert message(level(1, "07:00")).publish_time.tzinfo is UTC
