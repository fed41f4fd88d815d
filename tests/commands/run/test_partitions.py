"""Daily partitions begin where the history begins."""

from datetime import UTC, date, datetime, timedelta

import pytest

from inventory_assets.clock import clock_of
from inventory_assets.commands.run.partitions import VARIABLE, first_day, partitions_environment
from inventory_assets.settings import Settings
from tests.builders import level, message


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.parametrize("at", ["2025-11-30T08:00:00Z", "2026-06-01T00:00:00Z"])
def test_it_is_the_day_of_the_first_event(engine, at):
    """An older one than the default, and a younger."""
    documents = (level(5, at=at), level(5, sku="S2", at="2026-06-02T08:00:00Z"))
    engine.commit_burst([message(each, published_at=datetime(2026, 6, 3, tzinfo=UTC)) for each in documents])
    engine.land()

    assert {VARIABLE: at[:10]} == partitions_environment(engine.settings)


def test_where_nobody_knows_the_default_stands(tmp_path, engine):
    assert first_day(Settings(home=tmp_path / "nowhere")) is None
    assert {} == partitions_environment(engine.settings)


def test_who_knows_it_before_the_lake_does_says_so(engine):
    assert {VARIABLE: "2026-04-04"} == partitions_environment(engine.settings, date(2026, 4, 4))


def test_one_absurd_day_does_not_make_thousands(engine):
    today = clock_of(engine.settings).today()

    assert {VARIABLE: str(today - timedelta(days=732))} == partitions_environment(engine.settings, date(2010, 1, 1))


def test_the_users_own_stands(engine, monkeypatch):
    monkeypatch.setenv(VARIABLE, "2020-01-01")

    assert {} == partitions_environment(engine.settings, date(2026, 4, 4))
