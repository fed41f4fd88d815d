"""Fixtures of the stages' suite.

Belongs here: lakes that several modules start from. Does not belong: facts
about them.

Opening a lake takes a second, so a module whose tests only read shares one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from inventory_assets.domain.alerts import Product
from inventory_assets.domain.burst import Message
from inventory_assets.settings import Settings
from inventory_assets.stages.engine import Engine
from inventory_assets.stages.products import import_products
from tests import builders


@pytest.fixture(scope="module")
def sample_messages() -> list[Message]:
    """R0's rule, level and transaction, and the order that leads to its alert."""
    return builders.messages(
        builders.SAMPLE_RULE, builders.SAMPLE_LEVEL, builders.SAMPLE_TRANSACTION, builders.SAMPLE_ORDER
    )


@pytest.fixture(scope="module")
def sample_engine(tmp_path_factory: pytest.TempPathFactory, sample_messages: list[Message]) -> Iterator[Engine]:
    """An engine that took in R0's samples, one message a burst, with the product record. Read it only."""
    engine = Engine(Settings(home=tmp_path_factory.mktemp("samples")))
    import_products(engine, [Product(**builders.SAMPLE_PRODUCT)])
    for message in sample_messages:
        engine.commit_burst([message])
    yield engine
    engine.close()


@pytest.fixture
def undone() -> Callable:
    """Statements whose effect ends with the block, on an engine's own connection."""

    @contextmanager
    def tamper(engine: Engine, *statements: str) -> Iterator[None]:
        connection = engine.lake.connection
        connection.execute("BEGIN")
        try:
            for statement in statements:
                connection.execute(statement)
            yield
        finally:
            connection.execute("ROLLBACK")

    return tamper
