"""RULES 18 in the lake: any order, duplication and cut of a set of events gives the same rows.

`tests/rules` holds the law for the domain; here it goes through commits,
recall with almost no memory, reloads and the lake's own types.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import cut, level, messages, moment, rule, transaction
from tests.conftest import copy_home
from tests.facts import ROLLUPS, STATE, differences, doubled_events, rows
from tests.hunting import some

# One row per fact, nothing of when it came.
THRESHOLDS = "SELECT * EXCLUDE (version, rule_version) FROM core.resolved_thresholds ORDER BY ALL"

WAREHOUSES = ("W1", "W2")
SKUS = ("S1", "S2", "S3")
PLACES = ({}, {"category_id": "C1", "brand_id": "B1"}, {"category_id": "C2", "brand_id": "B1", "product_id": "P"})


@st.composite
def documents(draw):
    """A set without conflicts: each event once, each transaction in one place (RULES 11)."""
    found = [rule(10, 20), rule(5, 9, level_type="CATEGORY", level_id="C1")]
    for warehouse_id in WAREHOUSES:
        for sku in SKUS:
            for at in draw(st.sets(st.integers(400, 600), max_size=2)):
                key = {"warehouse_id": warehouse_id, "sku": sku}
                reserved = draw(st.sampled_from(({}, {"reserved_stock": 3})))
                found.append(level(draw(st.integers(-5, 40)), at, **key, **reserved, **draw(st.sampled_from(PLACES))))
    for number in range(draw(st.integers(1, 8))):
        type_ = draw(st.sampled_from(("ORDER", "RESTOCK", "TRANSFER", "RESERVE")))
        statuses = ("PENDING", "SHIPPED", "COMPLETED") if type_ == "TRANSFER" else ("PENDING", "COMPLETED", "CANCELLED")
        where = draw(st.sampled_from(WAREHOUSES))
        more = {"to_warehouse_id": "W2" if where == "W1" else "W1"} if type_ == "TRANSFER" else {}
        for status in draw(st.sets(st.sampled_from(statuses), min_size=1)):
            quantity = draw(st.integers(1, 12)) * (-1 if type_ == "ORDER" else 1)
            found.append(
                transaction(
                    f"T{number}", type_, quantity, status=status, warehouse_id=where,
                    sku=draw(st.just(SKUS[number % 3])), updated_at=moment(draw(st.integers(400, 600))), **more,
                )
            )  # fmt: skip
    return found


@contextmanager
def lake(empty_home, tmp_path_factory, **changes) -> Iterator[Engine]:
    """An engine on a lake of its own."""
    home = tmp_path_factory.mktemp("lake")
    copy_home(empty_home, home)
    engine = Engine(replace(Settings(home=home), **changes))
    yield engine
    engine.close()


@settings(max_examples=some(3), deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), st.randoms(use_true_random=False), st.integers(4, 12), st.booleans())
def test_order_duplication_and_cuts_do_not_matter(
    empty_home, tmp_path_factory, found, rng: random.Random, size, is_restarting
):
    shuffled = [*found, *rng.choices(found, k=len(found) // 3)]
    rng.shuffle(shuffled)
    homes = (empty_home, tmp_path_factory)
    with lake(*homes) as whole, lake(*homes, cached_entities=3) as pieces:
        whole.commit_burst(messages(*found))
        for burst in cut(shuffled, size):
            pieces.commit_burst(messages(*burst))
            if is_restarting:
                pieces.drop_state()

        for query in (STATE, ROLLUPS, THRESHOLDS):
            assert rows(whole.lake, query) == rows(pieces.lake, query)
        assert doubled_events(pieces.lake) == []
        assert differences(pieces) == []
