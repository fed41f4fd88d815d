"""The laws of RULES as properties: product against oracle, and product against itself.

Belongs here: what must hold for every stream. Does not: single readings (`cases`), nor what
a stream is made of (`generators`). `INVENTORY_EXAMPLES=5000` hunts with new seeds; without
it the examples are the same in every run.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inventory_assets.domain.stock.hierarchy import nodes_of
from inventory_assets.domain.stock.rollup import MEASURES, parent_links
from tests.hunting import EXAMPLES, some
from tests.rules.generators import (
    NOWHERE,
    Document,
    Steps,
    bursts,
    cut,
    in_order,
    late_skus,
    options,
    read,
    streams,
    without_conflicts,
)
from tests.rules.oracle import Oracle
from tests.rules.playing import play
from tests.rules.product import ProductEngine

REPOSITORY = Path(__file__).resolve().parents[2]
# What depends on how a stream was cut into bursts: our own version numbers.
VERSIONS = frozenset({"state_version", "version"})


def law(examples: int) -> settings:
    """Settings of one law: `some` of its examples in CI, the same ones every time."""
    return settings(
        max_examples=some(examples),
        deadline=None,
        derandomize=not EXAMPLES,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        # To shrink takes minutes: whoever hunts has them.
        phases=list(Phase) if EXAMPLES else [Phase.explicit, Phase.generate],
    )


def played(steps: Steps, made_with: dict[str, Any]) -> ProductEngine:
    """The product after a stream."""
    engine = ProductEngine(**made_with)
    play(engine, steps)
    return engine


def by_key(transitions: list[dict]) -> dict:
    """Transitions per key: RULES order them within a key only."""
    found: dict[tuple, list] = {}
    for transition in transitions:
        found.setdefault((transition["warehouse_id"], transition["sku"]), []).append(transition)
    return found


def by_id(alerts: list[dict], names: set[str]) -> dict:
    """Alerts by id, with the facts that both sides state."""
    return {alert["alert_id"]: {name: alert[name] for name in sorted(names)} for alert in alerts}


def unversioned(value: Any) -> Any:
    """Plain data without our own version numbers."""
    if isinstance(value, dict):
        return {name: unversioned(item) for name, item in value.items() if name not in VERSIONS}
    return [unversioned(item) for item in value] if isinstance(value, list) else value


def stock_of(engine: ProductEngine) -> dict:
    """Everything about stock and place that is a function of the set of events (RULES 18).

    The frontier is not: it is of the events that stepped, a fact of arrival.
    """
    states = {
        key: {**msgspec.structs.asdict(state), "frontier": None, "frontier_at": None}
        for key, state in engine.state.keys.items()
    }
    places = {sku: (place.parents, place.levels) for sku, place in engine.state.skus.items()}
    rules = {scope: stored.rule for scope, stored in engine.state.rules.items()}
    limits = {key: engine.resolved(*key) for key in states}
    return {"states": states, "places": places, "rules": rules, "limits": limits, "rollups": engine.rollups()}


def alerts_of(engine: ProductEngine) -> dict:
    """Alerts whole, trend and lineage too, and every transition, per key."""
    records = {name: unversioned(msgspec.to_builtins(a)) for name, a in engine.known_alerts.items()}
    return {"alerts": records, "transitions": by_key(engine.transitions())}


# --- 1. Product and oracle ----------------------------------------------------------------


@law(120)
@given(bursts(), options())
def test_product_agrees_with_the_oracle(steps, made_with):
    """Two programs written from RULES by two people must say the same of any stream.

    How the alerts of late events came about, RULES 25 leaves open; not what fires in the end.
    """
    oracle, product = Oracle(**made_with), ProductEngine(**made_with)

    expected, actual = play(oracle, steps), play(product, steps)

    assert expected == actual
    assert oracle.states() == product.states()
    assert oracle.rollups() == product.rollups()
    for key in oracle.states():
        assert oracle.resolved(*key) == product.resolved(*key)
    late = late_skus(steps)
    assert by_key(in_time(oracle.transitions(), late)) == by_key(in_time(product.transitions(), late))
    assert firing(oracle.alerts()) == firing(product.alerts())
    names = set().union(*oracle.alerts())
    assert by_id(in_time(oracle.alerts(), late), names) == by_id(in_time(product.alerts(), late), names)


def in_time(rows: list[dict], late: set[str]) -> list[dict]:
    """Those of SKUs whose events came in order."""
    return [row for row in rows if row["sku"] not in late]


def firing(alerts: list[dict]) -> set[tuple]:
    """What fires in the end, and where."""
    return {(a["warehouse_id"], a["sku"], a["alert_type"]) for a in alerts if a["state"] == "firing"}


# --- 2. RULES 18: a function of the set ---------------------------------------------------


@law(60)
@given(streams(max_size=24), options(), st.randoms(use_true_random=False), st.data())
def test_order_repeats_and_cuts_do_not_change_state(stream, made_with, rng, data):
    """Pub/Sub may deliver in any order and more than once; bursts end anywhere."""
    stream = without_conflicts(stream)
    expected = stock_of(played([stream], made_with))

    again = stream + rng.choices(stream, k=3) if stream else []
    rng.shuffle(again)
    actual = stock_of(played(cut(data.draw, again), made_with))
    assert expected == actual


# --- 3. RULES 25: in position order, any cut ----------------------------------------------


def phases(stream: list[Document]) -> list[list[Document]]:
    """Runs of only rules and only stock: within a burst rules go first, so a cut may not mix them."""
    found: list[list[Document]] = []
    kinds: list[bool] = []
    for document in stream:
        event = read(document)
        is_rule = event is not None and event.kind == "rule"
        if not found or kinds[-1] != is_rule:
            found.append([])
            kinds.append(is_rule)
        found[-1].append(document)
    return found


@law(50)
@given(streams(max_size=24), options(), st.data())
def test_every_cut_of_an_ordered_stream_gives_the_same_alerts(stream, made_with, data):
    """Alerts follow the running stock, not the burst's end."""
    whole = phases(in_order(without_conflicts(stream)))
    expected = played(whole, made_with)

    anywhere = played([burst for phase in whole for burst in cut(data.draw, phase)], made_with)
    singly = played([[document] for phase in whole for document in phase], made_with)
    assert alerts_of(expected) == alerts_of(anywhere) == alerts_of(singly)
    assert stock_of(expected) == stock_of(anywhere) == stock_of(singly)


@law(50)
@given(streams(max_size=24, places=NOWHERE), options(), st.data())
def test_order_between_keys_does_not_change_alerts(stream, made_with, data):
    """Ordering keys order one key's messages; those of another may overtake them.

    A transfer ties two keys together, and so does a level that moves its SKU: neither here.
    """
    stream = in_order(without_conflicts(stream))
    rules = [document for document in stream if read(document).kind == "rule"]
    stock = [document for document in stream if len(read(document).keys) == 1]
    expected = played([rules, stock], made_with)

    lanes: dict[tuple, list[Document]] = {}
    for document in stock:
        lanes.setdefault(read(document).keys[0], []).append(document)
    merged = [document for key in data.draw(st.permutations(sorted(lanes))) for document in lanes[key]]
    actual = played([rules, *cut(data.draw, merged)], made_with)
    assert alerts_of(expected) == alerts_of(actual)


# --- 4. RULES 20: rollups are sums over leaves --------------------------------------------


def summed(engine: ProductEngine) -> dict:
    """The rollups of the active keys, added up anew."""
    nodes: dict[tuple, dict[str, int]] = {}
    skus: dict[tuple, set[str]] = {}
    for (warehouse_id, sku), state in engine.state.keys.items():
        if not state.is_active:
            continue
        for node in nodes_of(warehouse_id, sku, engine.state.skus[sku].parents):
            sums = nodes.setdefault(node, dict.fromkeys(MEASURES, 0))
            for name in MEASURES[:-1]:
                sums[name] += getattr(state, name)
            skus.setdefault(node, set()).add(sku)
            sums["sku_count"] = len(skus[node])
    return nodes


@law(60)
@given(bursts(max_size=24), options())
def test_rollups_are_sums_over_the_leaves_after_every_burst(steps, made_with):
    """No key lost, none counted twice; and the rows a burst writes are all that changed."""
    engine = ProductEngine(**made_with)
    written: dict[tuple, dict[str, int]] = {}

    for step in steps:
        play(engine, [step])
        change = engine.results[-1].draft.rollup_change
        for row in engine.state.rollups.frame(change).iter_rows(named=True):
            node = (row["warehouse_id"], row["level"], row["level_id"])
            written[node] = {name: row[name] for name in MEASURES}

        expected = summed(engine)
        assert expected == engine.rollups()
        present = {node: sums for node, sums in written.items() if any(sums.values())}
        assert {node: sums for node, sums in expected.items() if any(sums.values())} == present


@law(30)
@given(bursts(max_size=24), options())
def test_a_node_names_its_parent_where_it_has_one(steps, made_with):
    """A brand in two categories has no parent to show."""
    engine = played(steps, made_with)

    parents: dict[tuple, set[str]] = {}
    for sku, place in engine.state.skus.items():
        for node, parent_id in parent_links(sku, place.parents):
            parents.setdefault(node, set()).add(parent_id)
    known = engine.state.rollups._parents
    actual = {node: {p for p, count in counts.items() if count} for node, counts in known.items()}
    assert parents == {node: found for node, found in actual.items() if found}


# --- 5. Replay ----------------------------------------------------------------------------


def recorded(engine: ProductEngine) -> bytes:
    """Everything that a stream left behind, as bytes."""
    bursts_left = [
        {
            "arrivals": [[str(a.outcome), a.event, a.rejection, a.available] for a in result.arrivals],
            "transitions": result.transitions,
            "notified": result.notified,
            "alerts": list(result.changed_alerts.items()),
            "keys": list(result.draft.keys.changed.items()),
            "thresholds": list(result.draft.thresholds.changed.items()),
            "rules": list(result.draft.rules.changed.values()),
            "rollups": engine.state.rollups.frame(result.draft.rollup_change).rows(),
        }
        for result in engine.results
    ]
    return msgspec.json.encode([bursts_left, engine.alerts(), engine.log])


@law(40)
@given(bursts(max_size=24), options())
def test_replaying_recorded_bursts_reproduces_every_byte(steps, made_with):
    """A replay that differs in one byte explains another history."""
    assert recorded(played(steps, made_with)) == recorded(played(steps, made_with))


@law(30)
@given(bursts(max_size=24), options())
def test_a_burst_processed_twice_before_its_commit_is_processed_once(steps, made_with):
    """A crash before the commit leaves the state as it was (RULES 33)."""
    expected = recorded(played(steps, made_with))

    crashing = ProductEngine(**made_with, crashes=True)
    play(crashing, steps)
    assert expected == recorded(crashing)


def digest(count: int) -> str:
    """A hash over what the first examples of the generator leave behind."""
    found = hashlib.sha256()

    @settings(max_examples=count, deadline=None, derandomize=True, database=None)
    @given(bursts(max_size=24), options())
    def record(steps, made_with):
        found.update(recorded(played(steps, made_with)))

    record()
    return found.hexdigest()


@pytest.mark.law
def test_another_process_reproduces_every_byte():
    """Sets and hashes order things by a seed that changes with the process."""
    count = some(30)

    run = subprocess.run(
        [sys.executable, "-c", f"from tests.rules.test_laws import digest; print(digest({count}))"],
        env={**os.environ, "PYTHONHASHSEED": "4242"}, cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert digest(count) == run.stdout.strip()
