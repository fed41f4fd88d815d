"""Fixtures of sensors' ticks."""

from collections.abc import Iterator

import dagster as dg
import pytest


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    """One for all of a module: its database takes longer to make than a tick."""
    with dg.DagsterInstance.ephemeral() as found:
        yield found
