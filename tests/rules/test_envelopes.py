"""One fact, many envelopes: what carries it changes neither stock nor alerts (RULES 18, 38-41).

Belongs here: the laws, and which envelope can say which fact. Does not: what one
message means (`tests/domain/events`), nor how it is written (`tests/envelopes`).
`INVENTORY_EXAMPLES=5000` hunts, as in `test_laws`.
"""

import json
import random
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.events.envelopes import ENCODING
from inventory_assets.domain.values import to_datetime
from tests.builders import DAY, level, message, rule, transaction
from tests.docs.markdown import ROOT
from tests.envelopes import ENVELOPES, SAYS, Fact, facts_of, say
from tests.hostile_envelopes import BAD_ENVELOPES
from tests.hunting import EXAMPLES, some
from tests.rules.oracle import Oracle
from tests.rules.product import ProductEngine
from tests.rules.reading import Message
from tests.rules.test_laws import firing, law, unversioned

WAREHOUSES = ("W1", "W2")
SKUS = ("S1", "S2")
TYPES = (
    "ORDER",
    "ORDER",
    "RESTOCK",
    "RETURN",
    "ADJUSTMENT",
    "ADJUSTMENT",
    "ADJUSTMENT",
    "TRANSFER",
    "RESERVE",
    "RELEASE",
)
UNITS = (1, 2, 5, 9, 10, 20)
RARE = {"adjustment": 20, "structured": 3, "binary": 3, "service": 2}
PLACE = {"department_id": "D1", "category_id": "C1", "brand_id": "B1", "product_id": "P1"}
# What no field of any envelope is, or only some are.
ODD = (
    None,
    0,
    -1,
    7,
    1.5,
    True,
    "",
    "x",
    " S1",
    "5",
    [],
    {},
    "2022-04-20T07:00:00Z",
    "2099-01-01T00:00:00Z",
    10**12 + 1,
)
OTHERS = ("structured", "binary", "service", "adjustment")
# Ids differ by envelope, and with them what is made of ids.
IDS = ("alert_id", "opening_event_id", "event_id", "event_ids", "source", "transaction_id")


@st.composite
def documents(draw: Any, number: int) -> dict[str, Any]:
    """A fact as a bare document of R0's; no two at one second, as a tie goes by the id."""
    at = f"{DAY + timedelta(hours=7, minutes=7 * number):%H:%M:%S}"
    key = {"warehouse_id": draw(st.sampled_from(WAREHOUSES)), "sku": draw(st.sampled_from(SKUS))}
    if draw(st.integers(0, 2)) == 0:
        more = draw(st.sampled_from(({}, {"reserved_stock": 0}, {"reserved_stock": 3}, PLACE, {"restock_in_progress": True},
                                     {"min_threshold": 5, "reorder_threshold": 30, "reserved_stock": 1})))  # fmt: skip
        return level(draw(st.sampled_from((-3, 0, 5, 9, 15, 25, 60))), at, **key, **more)
    type_ = draw(st.sampled_from(TYPES))
    sign = -1 if type_ == "ORDER" else draw(st.sampled_from((1, -1))) if type_ == "ADJUSTMENT" else 1
    more = {}
    if type_ == "TRANSFER":
        more["to_warehouse_id"] = "W2" if key["warehouse_id"] == "W1" else "W1"
    # A few transactions come in versions: only some envelopes can say that two are of one.
    is_version = draw(st.integers(0, 3)) == 0
    name = f"V-{type_}-{key['sku']}-{key['warehouse_id']}" if is_version else f"T{number}"
    status = draw(st.sampled_from(("PENDING", "COMPLETED", "CANCELLED"))) if is_version else "COMPLETED"
    return transaction(name, type_, sign * draw(st.sampled_from(UNITS)), at, status=status, **key, **more)


@st.composite
def streams(draw: Any) -> list[dict[str, Any]]:
    """Documents in order of time, no transaction twice at one status."""
    made = [draw(documents(number)) for number in range(draw(st.integers(4, 14)))]
    seen: set[tuple] = set()
    kept = []
    for document in made:
        name = (document.get("transaction_id"), document["warehouse_id"], document.get("status"))
        if name[0] is None or name not in seen:
            kept.append(document)
        seen.add(name)
    return kept


def received(messages: list[Any]) -> list[Message]:
    return [Message(m.topic, m.data, to_datetime(m.publish_at), m.attributes) for m in messages]


def played(messages: list[Any]) -> ProductEngine:
    """The product after a rule and then these, in one burst."""
    engine = ProductEngine(grace_minutes=0)
    outcomes = engine.burst(
        received([say(rule(), "document", 0), *messages]), committed_at=to_datetime(messages[-1].publish_at)
    )
    assert [reason for _, reason in outcomes if reason is not None] == []
    return engine


def without_ids(value: Any) -> Any:
    """Plain data without what is made of event ids."""
    if isinstance(value, dict):
        return {name: without_ids(each) for name, each in value.items() if name not in IDS}
    return [without_ids(each) for each in value] if isinstance(value, list) else value


def told(engine: ProductEngine) -> list[Any]:
    """Alerts and every step, but for what is made of ids, in an order that ids have no part in."""
    return sorted(map(repr, map(without_ids, map(unversioned, [*engine.alerts(), *engine.transitions()]))))


@pytest.mark.law
def test_what_carries_a_fact_changes_neither_stock_nor_alerts():
    """Each in an envelope drawn among those that can say it, repeated only in that one; in order, and shuffled."""
    drawn: Counter[str] = Counter()

    @law(60)
    @given(streams(), st.integers(0, 2**32))
    def holds(stream: list[dict[str, Any]], seed: int) -> None:
        rng = random.Random(f"{seed} {stream}")  # the same for the same example, and not seed 0 each time
        plain = played([say(document, "document", number) for number, document in enumerate(stream)])
        chosen = [(document, draw_envelope(rng, document)) for document in stream]
        drawn.update(envelope for _, envelope in chosen)
        carried = [say(document, envelope, number) for number, (document, envelope) in enumerate(chosen)]

        in_order = played([each for message in carried for each in [message] * rng.choice((1, 1, 2))])
        assert (plain.states(), plain.rollups()) == (in_order.states(), in_order.rollups())
        assert told(plain) == told(in_order)

        again = carried + rng.choices(carried, k=3)
        rng.shuffle(again)
        shuffled = played(again)
        assert (plain.states(), plain.rollups()) == (shuffled.states(), shuffled.rollups())

    holds()

    print(f"\n{sum(drawn.values()):,} facts: " + ", ".join(f"{name} {count:,}" for name, count in drawn.most_common()))
    assert set(ENVELOPES) == set(drawn)
    assert EXAMPLES or min(drawn.values()) >= some(10)


def mutated(rng: random.Random, sent: Any) -> Any:
    """A message of the same attributes with one field of its body changed or left out, its data's included."""
    body = json.loads(sent.data)
    place = body["data"] if type(body.get("data")) is dict and rng.random() < 0.6 else body
    field = rng.choice(sorted(place))
    if rng.random() < 0.2:
        del place[field]
    else:
        place[field] = rng.choice(ODD)
    return msgspec.structs.replace(sent, data=json.dumps(body).encode())


@law(60)
@given(streams(), st.integers(0, 2**32))
def test_product_agrees_with_the_oracle_on_other_envelopes(stream, seed):
    """Two programs written from RULES by two people: each message's outcome and reason, the stock, what fires.

    The oracle knows no protobuf, which says what documents say.
    """
    rng = random.Random(f"{seed} {stream}")
    known = set(ENVELOPES) - {"JSON", "BINARY"}
    chosen = [rng.choice(sorted(can_say(document) & known)) for document in stream]
    carried = [say(document, name, number) for number, (document, name) in enumerate(zip(stream, chosen, strict=True))]
    others = [each for each, name in zip(carried, chosen, strict=True) if name in OTHERS]
    carried += [mutated(rng, each) for each in rng.choices(others, k=8)] if others else []
    carried += rng.choices(carried, k=2)
    bad = [each for each in BAD_ENVELOPES.values() if ENCODING not in each.attributes]
    carried += [message(each.body, topic=each.topic, **each.attributes) for each in rng.choices(bad, k=6)]
    rng.shuffle(carried)
    oracle, product = Oracle(grace_minutes=0), ProductEngine(grace_minutes=0)
    at = to_datetime(carried[0].publish_at)

    expected, actual = (
        engine.burst(received([say(rule(), "document", 0), *carried]), committed_at=at) for engine in (oracle, product)
    )

    assert [(m.topic, m.data, m.attributes, a) for m, a in zip(carried, expected[1:], strict=True)] == [
        (m.topic, m.data, m.attributes, a) for m, a in zip(carried, actual[1:], strict=True)
    ]
    assert (oracle.states(), oracle.rollups()) == (product.states(), product.rollups())
    assert firing(oracle.alerts()) == firing(product.alerts())


def draw_envelope(rng: random.Random, document: dict[str, Any]) -> str:
    """One that can say the document; those that can say little more often, as they are asked seldom."""
    names = sorted(can_say(document))
    return rng.choices(names, [RARE.get(name, 1) for name in names])[0]


def can_say(document: dict[str, Any]) -> set[str]:
    """The envelopes that can say all of a document."""
    return set.intersection(*(SAYS[fact] for fact in facts_of(document)))


def test_the_table_of_the_guide_is_the_one_that_the_law_is_drawn_from():
    text = (ROOT / "docs" / "events.md").read_text()
    header, _, *lines = re.findall(r"^\|.*\|$", text.split("## Who can say what")[1].split("\n## ")[0], re.MULTILINE)
    names = [cell.strip().strip("`") for cell in header.strip("|").split("|")][1:]
    table = {}
    for line in lines:
        fact, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        table[fact] = {name for name, cell in zip(names, cells, strict=True) if cell.startswith("yes")}

    assert {str(fact): {ENVELOPES[name] for name in SAYS[fact]} for fact in Fact} == table
