"""`inventory connector list`, and the line that `alerts show` and `explain` have for a silent warehouse."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import heartbeat, level, message, rule

JSON = ("--format", "json")


@pytest.fixture
def make(open_engine):
    """A home with an alert at W1, and its connector heard so many minutes ago."""

    def make_(*, minutes: float | None, **more: object) -> None:
        engine = open_engine()
        # Now, as a message that comes in years after it was published is late.
        engine.commit_burst([message(each, published_at=datetime.now(UTC)) for each in (rule(10, 20), level(3))])
        if minutes is not None:
            at = datetime.now(UTC) - timedelta(minutes=minutes)
            engine.commit_burst([message(heartbeat(**more), topic="thresholds-topic", published_at=at)])
        engine.close()

    return make_


def test_a_lake_that_heard_of_no_connector_says_so(run, make):
    make(minutes=None)

    found = run("connector", "list")

    assert (0, "") == (found.code, found.out) and "no connector has been heard of" in found.err
    assert [] == run("connector", "list", *JSON).rows


def test_one_that_is_heard_is_a_row_and_all_is_well(run, make):
    make(minutes=0.2, published_until=datetime.now(UTC).isoformat(), lag_seconds=0)

    found = run("connector", "list", *JSON)

    [row] = found.rows
    assert (0, "connector-w1", "W1", "streaming", True, []) == (
        found.code, row["connector_id"], row["warehouse_id"], row["state"], row["is_current"], row["findings"],
    )  # fmt: skip
    assert row["last_heard_at"].endswith("Z") and row["silent_seconds"] < 60
    table = run("connector", "list")
    assert 0 == table.code and "connector-w1" in table.out and "ago)" in table.out


def test_a_silent_one_is_exit_1_with_the_reason_and_json_keeps_to_its_rows(run, make):
    make(minutes=25)

    table, found = run("connector", "list"), run("connector", "list", *JSON)

    assert (1, 1) == (table.code, found.code)
    assert "W1 was not heard of since" in table.out and "See whether connector-w1 runs" in table.out
    assert ["connector_silent"] == [row["finding"] for row in found.rows]
    assert "W1 was not heard of since" in found.err
    assert 1 == run("connector", "list", "--format", "csv").code


def test_ids_are_printed_as_they_are(run, make):
    """RULES 4 allows brackets and colons; a terminal would make markup of them."""
    make(minutes=25, connector_id="c[/b]:x:", warehouse_id="W[red]")

    found = run("connector", "list")

    assert "c[/b]:x:" in found.out and "W[red] was not heard of" in found.out


@pytest.mark.parametrize(
    ("minutes", "is_said"), [(25, True), (0.2, False), pytest.param(None, False, marks=pytest.mark.big)]
)
def test_an_alert_of_a_silent_warehouse_says_as_of_when_it_is(run, make, minutes, is_said):
    make(minutes=minutes)
    [alert] = run("alerts", *JSON).rows

    shown, explained = run("alerts", "show", alert["alert_id"]), run("explain", alert["alert_id"])

    assert (is_said, is_said) == ("was not heard of since" in shown.out, "was not heard of since" in explained.out)
    assert (0, 0) == (shown.code, explained.code)
