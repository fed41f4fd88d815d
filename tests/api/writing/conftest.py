"""A lake with a little trade, and a stock service that writes to it."""

from collections.abc import Iterator

import pytest

from inventory_assets.ingest.engine import Engine
from tests.api.writing.writer import Writing
from tests.builders import level, messages, transaction
from tests.conftest import OpenFilled
from tests.messaging.memory import InMemoryBroker


def _trade(engine: Engine) -> None:
    parents = {"product_id": "P1", "brand_id": "B1", "category_id": "C1", "department_id": "D1"}
    engine.commit_burst(messages(
        level(100, reserved_stock=0, min_threshold=10, reorder_threshold=20, **parents),
        level(50, sku="S2", warehouse_id="W2"),
    ))  # fmt: skip
    engine.commit_burst(messages(
        transaction("T1", quantity=-95), transaction("T2", quantity=-2, status="PENDING", at="08:01")
    ))  # fmt: skip


@pytest.fixture
def writing(open_filled: OpenFilled, broker: InMemoryBroker) -> Iterator[Writing]:
    """A service over 5 units of S1 in W1, 2 of them reserved, and 50 of S2 in W2."""
    found = Writing(open_filled(_trade), broker)
    found.show()
    yield found
    found.service.close()
