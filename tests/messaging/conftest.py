"""Fixtures of the messaging tests: brokers, each test in a project of its own.

Belongs here: fixtures. Does not belong: how a broker is run (`brokers`).
"""

from collections.abc import Iterator

import pytest

from tests.messaging.brokers import Broker, google_emulator, google_emulator_absence, our_emulator
from tests.messaging.known_differences import KNOWN_DIFFERENCES


@pytest.fixture(scope="session")
def emulator_host() -> Iterator[str]:
    """Our emulator, in memory."""
    with our_emulator() as host:
        yield host


@pytest.fixture(scope="session")
def google_host() -> Iterator[str]:
    """Google's emulator; skips where it is not installed."""
    absence = google_emulator_absence()
    if absence:
        pytest.skip(absence)
    with google_emulator() as host:
        yield host


@pytest.fixture(params=["ours", pytest.param("google", marks=pytest.mark.big)])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Either emulator; the contract holds for both but for KNOWN_DIFFERENCES."""
    if request.param == "google":
        difference = KNOWN_DIFFERENCES.get(request.node.originalname)
        if difference:
            request.applymarker(pytest.mark.xfail(reason=difference.reason, run=difference.can_run, strict=True))
        if difference and not difference.can_run:
            pytest.xfail(difference.reason)
    host = request.getfixturevalue("emulator_host" if request.param == "ours" else "google_host")
    found = Broker(host)
    yield found
    found.close()


@pytest.fixture
def ours(emulator_host: str) -> Iterator[Broker]:
    """Our emulator only."""
    found = Broker(emulator_host)
    yield found
    found.close()
