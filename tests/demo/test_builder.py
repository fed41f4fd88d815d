"""The process that builds the past: it takes all in, and says when it cannot."""

import pytest

from inventory_assets.demo.builder import BuilderError, build_in_process
from inventory_assets.demo.chunks import chunks_of
from inventory_assets.ingest.loop import LoopLock
from inventory_assets.simulator import products_csv
from inventory_assets.simulator.pulse import Pulse
from tests.demo.retail import RETAILER
from tests.facts import value

pytestmark = pytest.mark.big


@pytest.fixture
def builder_home(home, monkeypatch):
    """The home that a builder's environment names."""
    home.mkdir(mode=0o700)
    monkeypatch.setenv("INVENTORY_HOME", str(home))
    return home


def build():
    simulation = RETAILER.simulation()
    return build_in_process(products_csv(simulation.catalog), chunks_of(RETAILER, Pulse(simulation)))


def test_it_takes_every_chunk_in_and_leaves_the_lake_whole(builder_home, open_engine):
    expected = [(chunk.taken, chunk.night) for chunk in chunks_of(RETAILER, Pulse(RETAILER.simulation()))]

    assert expected == [(chunk.taken, chunk.night) for chunk in build()]

    engine = open_engine()
    assert value(engine.lake, "SELECT count(*) FROM raw.messages") == expected[-1][0]


def test_a_home_whose_messages_somebody_takes_in_is_left_alone(builder_home):
    """Two who make versions at once would each work the other's out again."""
    lock = LoopLock(builder_home / "loop.lock")
    try:
        with pytest.raises(BuilderError, match="exit code 1"):
            list(build())
    finally:
        lock.release()
