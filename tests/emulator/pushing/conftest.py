"""Fixtures: an endpoint on loopback, and brokers on the emulator."""

from collections.abc import Iterator

import pytest

from tests.emulator.pushing.endpoint import Endpoint, serve_endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Where messages are pushed to."""
    with serve_endpoint() as found:
        yield found
