"""A watched list draws itself anew in place, says how old it is, and ends when told to."""

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule
from tests.commands.terminal import terminal


def test_a_watched_list_shows_what_comes_and_its_age_and_ends_with_ctrl_c(filled, home):
    filled(_run_low, home)
    with terminal("alerts", "--watch", "--every", "1", home=home) as person:
        first = person.read("STOCKOUT")
        engine = Engine(Settings(home=home))
        engine.commit_burst(messages(level(0, sku="S-NEW", at="08:00")))
        engine.close()
        second = person.read("S-NEW")
        person.type("\x03")
        rest, code = person.rest()

    assert "lake version " in first and " ago" in first
    # Drawn over what was there: the screen is never cleared between two pictures.
    assert "\x1b[2J" not in second
    assert "S-NEW" in rest, "the last picture stays"
    assert 0 == code


def _run_low(engine):
    engine.commit_burst(messages(rule(10, 20), level(0)))


def test_nobody_watches_a_pipe(run, shop_home):
    found = run("alerts", "--watch", at=shop_home)

    assert 2 == found.code
    assert "standard output is none" in found.err


@pytest.mark.parametrize("words", [("--format", "json"), ("--every", "0"), ("--every", "soon")])
def test_what_cannot_be_watched_is_refused(run, shop_home, words):
    assert 2 == run("alerts", "--watch", *words, at=shop_home).code
