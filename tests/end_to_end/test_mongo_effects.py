"""The instruments of the kill tests, tried on a forwarder of thirty lines that loses and doubles on cue."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from bson import json_util

from inventory_assets.connector.source.reconcile_source import ReconcileSource
from inventory_assets.domain.quality.source_check import Kind
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.quality.source.check import Report, SourceCheck
from inventory_assets.settings import Settings
from inventory_assets.simulator import Simulation
from inventory_assets.simulator.mongo import MongoShop, shop_settings
from tests.builders import cut, message
from tests.connector.mongo import ExternalMongo, MongoServer, new_database
from tests.end_to_end.mongo_effects import (
    COLLECTIONS,
    Fact,
    Observer,
    compare,
    dead_letters_of,
    doubled_outcomes,
    effects_of,
    fact_of,
    stock_of,
    updated,
)

TOPICS = {
    "inventory": "inventory-updates-topic",
    "transactions": "inventory-transactions-topic",
    "thresholds": "thresholds-topic",
}
Envelope = dict[str, Any]


class Load:
    """A small shop's changes: as facts, and as the envelopes a faithful connector makes of them."""

    def __init__(
        self, facts: list[Fact], envelopes: list[Envelope], simulation: Simulation, source: ReconcileSource
    ) -> None:
        self.facts = facts
        self.envelopes = envelopes
        self.simulation = simulation
        self.source = source

    def place(self, collection: str, operation: str) -> int:
        """The last envelope of a kind."""
        return max(
            number
            for number, e in enumerate(self.envelopes)
            if e["namespace"].endswith(collection) and e["operation"] == operation
        )


@pytest.fixture(scope="module")
def load(mongo: MongoServer | ExternalMongo) -> Iterator[Load]:
    with (
        mongo.client() as client,
        new_database(client) as name,
        client[name].watch() as stream,
    ):
        observer = Observer(client, name)
        shop = MongoShop(
            client,
            name,
            shop_settings(seed=8, skus=5, warehouses=2, events_per_second=0.5, rule_change_rate=0.05),
            delete_rate=0.05,
        )
        shop.open()
        list(islice(shop.play(), 120))
        facts = observer.facts()
        yield Load(facts, list(forwarded(stream)), shop.simulation, ReconcileSource(client, name))


def forwarded(stream: Any) -> Iterator[Envelope]:
    """The toy: watch, keep every document, wrap it as RULES 1 says."""
    kept: dict[Any, Any] = {}
    while (change := stream.try_next()) is not None:
        collection, operation = change["ns"]["coll"], change["operationType"]
        if collection not in COLLECTIONS or operation not in ("insert", "update", "replace", "delete"):
            continue
        place = (collection, change["documentKey"]["_id"])
        if operation == "update":
            document = kept[place] | change["updateDescription"]["updatedFields"]
        else:
            document = kept.get(place) if operation == "delete" else change["fullDocument"]
        kept[place] = document
        at = change["clusterTime"]
        yield {
            "source": "mongodb", "connector_id": "toy", "warehouse_id": document.get("warehouse_id"),
            "namespace": f"shop.{collection}", "operation": operation, "source_epoch": 1,
            "cluster_time": {"t": at.time, "i": at.inc}, "schema_version": 1,
            "document_key": change["documentKey"], "document": document,
        }  # fmt: skip


def take_in(settings: Settings, envelopes: list[Envelope]) -> None:
    """Publish and drain, less the broker between."""
    options = json_util.RELAXED_JSON_OPTIONS
    received = [
        message(
            json.loads(json_util.dumps(e, json_options=options)),
            topic=TOPICS[e["namespace"].rpartition(".")[2]],
            published_at=datetime.now(UTC),
        )
        for e in envelopes
    ]
    engine = Engine(settings)
    # Somebody else's message, no UTF-8: it must not be in the way of reading the others.
    engine.commit_burst([message(b"\xff", topic="inventory-updates-topic")])
    for burst in cut(received, 200):
        engine.commit_burst(burst)
    engine.close()


def moved(envelope: Envelope, seconds: int) -> Envelope:
    """The envelope at another position."""
    at = envelope["cluster_time"]
    return envelope | {"cluster_time": {"t": at["t"] + seconds, "i": at["i"]}}


def told(envelope: Envelope) -> Fact | None:
    """What an envelope says."""
    at = envelope["cluster_time"]
    collection = envelope["namespace"].rpartition(".")[2]
    is_delete = envelope["operation"] == "delete"
    return fact_of(collection, envelope["document"], (at["t"], at["i"]), is_delete=is_delete)


def reconciled(load: Load, settings: Settings) -> Report:
    """What `inventory connector reconcile` finds."""
    names = load.source.warehouse_ids()
    now = int(datetime.now(UTC).timestamp() * 1e6)
    check = SourceCheck(LakeReader(settings), load.source, database="shop", warehouse_ids=names, now=now)
    return check.run(limit=100, pause=lambda: None)


def books(simulation: Simulation) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {(r.warehouse_id, r.sku): (r.on_hand, r.reserved, r.inbound) for r in simulation.ledger.rows()}


def test_a_faithful_forwarder_has_no_difference_whatever_repeats(load: Load, settings: Settings) -> None:
    """At least once, in any order of bursts: repeats are recorded, and nothing is lost or doubled."""
    take_in(settings, load.envelopes + load.envelopes[::3])

    assert not compare(load.facts, effects_of(settings))
    assert doubled_outcomes(settings) == []
    assert [reason for reason, _ in dead_letters_of(settings)] == ["invalid_json"]
    assert stock_of(settings) == books(load.simulation)
    assert reconciled(load, settings).found == 0
    # The load has every kind of change, so that none is proven by absence.
    assert {fact.kind for fact in load.facts} == {"transaction", "level", "tombstone", "rule"}
    assert {e["operation"] for e in load.envelopes} == {"insert", "update", "replace", "delete"}
    assert len(load.facts) == len(set(load.facts)) == len(load.envelopes)


def test_a_copy_of_what_the_stream_states_is_no_effect_of_its_own(load: Load, settings: Settings) -> None:
    """The chunks of a snapshot are at their own cluster time, or at that of the last change."""
    level = load.envelopes[load.place("inventory", "update")]
    later = moved(level, 5) | {"operation": "snapshot"}

    take_in(settings, [level | {"operation": "snapshot"}, *load.envelopes, later])

    assert not compare(load.facts, effects_of(settings))
    assert stock_of(settings) == books(load.simulation)


FAULTS: dict[str, Callable[[list[Envelope], int], Any]] = {
    "dropped": lambda sent, number: sent.pop(number),
    "doubled": lambda sent, number: sent.append(moved(sent[number], 1)),
    "moved": lambda sent, number: sent.__setitem__(number, moved(sent[number], 1)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_seen_for_what_they_are(load: Load, settings: Settings, fault: str) -> None:
    """One of each kind of change at a time is dropped, doubled under another identity, or wrongly placed."""
    sent = list(load.envelopes)
    facts, strange = set(), set()
    chosen = [load.place("transactions", "insert"), load.place("inventory", "update")]
    chosen += [load.place("inventory", "delete"), load.place("thresholds", "update")]
    for number in sorted(chosen, reverse=True):
        envelope = load.envelopes[number]
        facts.add(told(envelope))
        strange.add(told(moved(envelope, 1)))
        FAULTS[fault](sent, number)

    take_in(settings, sent)

    found = compare(load.facts, effects_of(settings))
    assert set(found.lost) == (set() if fault == "doubled" else facts)
    assert set(found.invented) == (set() if fault == "dropped" else strange)
    assert found.doubled == []


def test_a_later_state_told_as_an_earlier_one_is_seen(load: Load, settings: Settings) -> None:
    """What a looked-up document is: right in the end, and never what the change made."""
    sent = list(load.envelopes)
    updates = [n for n, e in enumerate(sent) if e["namespace"] == "shop.inventory" and e["operation"] == "update"]
    first = updates[0]
    same = [n for n in updates if sent[n]["document_key"] == sent[first]["document_key"]]
    sent[first] = sent[first] | {"document": sent[same[-1]]["document"]}

    take_in(settings, sent)

    found = compare(load.facts, effects_of(settings))
    assert len(found.lost) == len(found.invented) == 1
    assert found.lost[0][:3] == found.invented[0][:3]


def test_a_gap_at_the_end_is_found_by_reconciling(load: Load, settings: Settings) -> None:
    """Without the changes themselves: from what the documents say and where each key's history ends."""
    cut_at = load.place("transactions", "insert")
    lost = load.envelopes[cut_at]["document"]

    take_in(settings, load.envelopes[:cut_at])

    found = {(d.subject, d.kind): d.divergence for d in reconciled(load, settings).differences}
    missing = found[f"transaction {lost['transaction_id']}", Kind.MISSING_IN_LAKE]
    assert missing.after == max(
        (1, e["cluster_time"]["t"] * 1_000_000, e["cluster_time"]["i"])
        for e in load.envelopes[:cut_at]
        if e["document"].get("sku") == lost["sku"]
        and lost["warehouse_id"] in (e["document"]["warehouse_id"], e["document"].get("to_warehouse_id"))
    )


def test_rows_of_one_event_id_count_as_doubled() -> None:
    fact = Fact("level", ("W1", "S1"), (1, 1), (5,))

    assert compare([fact], [fact, fact]).doubled == [fact]


def test_an_update_is_applied_by_its_own_description() -> None:
    document = {"a": 1, "b": {"c": [1, 2, 3]}, "d": 4}
    description = {
        "updatedFields": {"a": 2, "b.c.0": 9, "e": 5},
        "removedFields": ["d"],
        "truncatedArrays": [{"field": "b.c", "newSize": 2}],
    }

    assert updated(document, description) == {"a": 2, "b": {"c": [9, 2]}, "e": 5}
    assert document == {"a": 1, "b": {"c": [1, 2, 3]}, "d": 4}
