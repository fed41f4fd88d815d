"""What every command promises: help, exit codes, one clear line on an error, JSON and nothing else."""

import json
import os
import re
import subprocess
import sys

import click
import pytest

from inventory_assets.cli import cli
from tests.builders import level, messages, rule
from tests.commands.conftest import COMMAND, Ran
from tests.commands.tree import subcommands
from tests.messaging.brokers import REPOSITORY


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in subcommands(group).items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


ALL = commands(cli)


def command_at(path: tuple[str, ...]) -> click.Command:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = subcommands(command)[name]
    return command


PRINTS_ROWS = [
    ("alerts", "list"), ("alerts", "stats"), ("alerts", "notifications"), ("incidents", "--state", "all"),
    ("sql", "SELECT 1 AS one"), ("alerts", "--state", "all"), ("stats",), ("verify",), ("why-not", "W1", "S1"),
    ("replay-dead-letters", "--dry-run"), ("thresholds", "list"), ("thresholds", "show", "GLOBAL"),
    ("thresholds", "history"), ("thresholds", "validate"), ("thresholds", "resolve", "W1", "S1"),
    ("quality",), ("quality", "--light"), ("quality", "history"),
]  # fmt: skip


TAKE_DAYS = [
    ("velocity", "--as-of"), ("coverage", "--refresh", "--as-of"), ("plan", "--refresh", "--date"), ("thresholds", "dynamic", "--as-of"),
    ("reports", "build", "weekly", "--date"), ("reports", "build", "--date"),
    ("snapshots", "build", "--from"), ("snapshots", "build", "--from", "2022-04-20", "--to"),
    ("thresholds", "backtest", __file__, "--until"), ("plan", "backtest", "--until"), ("plan", "accepted", "--since"), ("archive", "restore", "--from"),
    ("archive", "restore", "--to"),
]  # fmt: skip


@pytest.mark.parametrize("day", ["2999-01-01", "0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("arguments", TAKE_DAYS)
def test_a_day_to_come_or_before_all_calendars_is_refused(run, home, arguments, day):
    """What is measured as of a time to come knows no sales of it: it erased velocities."""
    found = run(*arguments, day)

    assert found.code == 2
    assert day in found.err and "expected a day" in found.err
    assert not home.exists()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_an_archive_may_be_of_all_days_but_of_no_calendar(run, home, day):
    """A day to come takes in today's, so it is right there."""
    found = run("archive", "--before", day)

    assert 2 == found.code
    assert f"--before was {day}; expected a day from 1970-01-01 to 9998-12-31" in " ".join(found.err.split())
    assert not home.exists()


def test_every_option_that_takes_a_day_is_tried():
    """`simulate --start` has the range of a simulation (`test_option_types`)."""
    tried = {(*(word for word in arguments if word.isalpha()), arguments[-1]) for arguments in TAKE_DAYS}
    found = {
        (*path, option.opts[0])
        for path in ALL
        for option in command_at(path).params
        if isinstance(option.type, click.DateTime)
    }

    assert {("simulate", "--start"), ("archive", "--before")} == {
        each for each in found if each not in tried and each[0] != "reports"
    }


@pytest.mark.parametrize(
    "time",
    [
        "2999-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1969-12-31",
        "noon",
        "10000-01-01",
    ],
)
def test_a_time_to_come_or_of_no_calendar_is_refused(run, home, time):
    """The lake of a time to come is nobody's to know; at the calendar's ends a zone leads beyond it."""
    found = run("sql", "SELECT 1", "--at", time)

    assert 2 == found.code
    assert f"--at was {time!r}" in found.err and "expected a time from 1970-01-01 to now" in " ".join(found.err.split())
    assert not home.exists()


def test_a_silence_ends_within_a_year_from_now(run, shop_home):
    until = "9999-12-31T23:59:59-14:00"
    found = run("alerts", "silence", "--warehouse", "W1", "--until", until, "--reason", "count", at=shop_home)

    assert 1 == found.code
    assert "Traceback" not in found.err and "silence" in found.err


@pytest.mark.parametrize("arguments", [("archive", "restore"), ("snapshots", "build")])
def test_a_span_of_days_begins_before_it_ends(run, home, arguments):
    found = run(*arguments, "--from", "2022-04-21", "--to", "2022-04-20")

    assert 2 == found.code
    assert "--from was 2022-04-21, after --to, 2022-04-20" in found.err
    assert not home.exists()


@pytest.mark.parametrize("path", [(), *ALL], ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_help(run, path, flag):
    found = run(*path, flag)

    assert found.code == 0
    assert "Usage: inventory" in found.out
    # A sentence on what it is for, not options alone.
    assert re.search(r"\n\n  [A-Z].*?\.", found.out, re.DOTALL)


def test_a_command_that_does_not_connect_waits_for_no_grpc():
    """It would be half of what `inventory alerts` takes to start."""
    program = "import sys, inventory_assets.cli; print({'grpc', 'google.pubsub_v1', 'dagster'} & sys.modules.keys())"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY)

    assert "set()\n" == done.stdout


def test_the_promised_commands_are_there():
    """DESIGN section 4."""
    promised = "emulator publish drain sql alerts explain why-not replay-dead-letters rebuild verify simulate stats"

    assert {*promised.split(), "products import", "topics apply"} <= {" ".join(path) for path in ALL}


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",), ("sql",), ("sql", "--format", "xml", "SELECT 1"), ("alerts", "--state", "odd"),
        ("sql", "SELECT 1", "--at-version", "x"), ("sql", "SELECT 1", "--at", "teatime"),
        ("sql", "SELECT 1", "--at", "2022-04-20T07:00:00Z", "--at-version", "1"), ("explain",), ("why-not", "W1"),
        ("products", "import", "/nonexistent/products.csv"), ("publish", "-"), ("publish", "-", "--topic", "nonsense"),
        ("publish", "/nonexistent/file", "--topic", "control-topic"), ("emulator", "--in-memory", "--data", "x"),
        ("drain", "--wait", "soon"), ("drain", "--wait", "-1"), ("simulate", "--events", "many"), ("velocity", "--as-of", "soon"),
        ("quality", "--rule", "negative"), ("quality", "--light", "--rule", "no_key_lost"),
        ("quality", "--light", "history"), ("quality", "history", "--limit", "0"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_exits_2_and_says_what(run, arguments):
    found = run(*arguments)

    assert found.code == 2
    assert found.out == ""
    assert "Error" in found.err or "Usage" in found.err
    assert "Traceback" not in found.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("sql", "SELECT 1"), ("alerts",), ("alerts", "list"), ("alerts", "ack", "alt-x"), ("alerts", "sweep"),
        ("alerts", "stats"), ("alerts", "notifications"), ("incidents",), ("incidents", "find"), ("explain", "inc-x"), ("explain", "alt-x"), ("why-not", "W1", "S1"), ("stats",), ("verify",),
        ("rebuild",), ("maintain",), ("replay-dead-letters",), ("quality",), ("quality", "history"), ("quality", "--record"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_without_a_lake_exit_1_and_nothing_is_made(run, home, arguments):
    found = run(*arguments)

    assert found.code == 1
    assert found.out == ""
    assert "no lake" in found.err
    assert found.err.startswith("Error: ")  # as errors of usage do
    assert "inventory drain" in found.err
    assert not home.exists()


@pytest.mark.parametrize("arguments", PRINTS_ROWS, ids=" ".join)
def test_json_is_one_array_of_objects_and_nothing_else(run, shop_home, arguments):
    found = run(*arguments, "--format", "json", at=shop_home)

    assert found.code == 0, found.err
    assert all(isinstance(row, dict) for row in found.rows)


@pytest.mark.parametrize("arguments", PRINTS_ROWS, ids=" ".join)
def test_tables_show_no_traceback(run, shop_home, arguments):
    found = run(*arguments, at=shop_home)

    assert found.code == 0
    assert "Traceback" not in found.err


def test_alerts_are_in_the_wire_format_with_state_and_notified(run, shop_home):
    firing, resolved, all_ = (
        run("alerts", "--state", state, "--format", "json", at=shop_home).rows
        for state in ("firing", "resolved", "all")
    )

    assert (len(firing), len(resolved), len(all_)) == (0, 1, 1)
    [alert] = resolved
    assert (alert["alert_type"], alert["state"], alert["notified"]) == ("LOW_STOCK", "resolved", True)
    body = run("sql", "SELECT body FROM out.alerts", "--format", "json", at=shop_home).rows[0]["body"]
    assert {name: value for name, value in alert.items() if name not in ("state", "notified")} == json.loads(body)


def test_explain_of_an_alert_exits_0_and_of_an_unknown_one_1(run, shop_home):
    [alert] = run("alerts", "--state", "all", "--format", "json", at=shop_home).rows

    known = run("explain", alert["alert_id"], "--format", "json", at=shop_home)
    shown = run("explain", alert["alert_id"], at=shop_home)
    unknown = run("explain", "alt-20220420-W1-S1-LOW_STOCK-00000000", at=shop_home)

    assert (known.code, shown.code, unknown.code) == (0, 0, 1)
    assert known.rows[0]["differences"] == []
    assert "available 5 < min_threshold_qty 10" in shown.out
    assert unknown.out == ""
    assert "inventory alerts" in unknown.err


HOLD = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], isolation_level=None).execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.big
def test_a_catalog_that_stays_locked_is_one_line_with_the_next_step(run, home, engine):
    engine.commit_burst(messages(level(5)))
    engine.close()
    # In a process of its own: one process's locks do not stop itself.
    command = [sys.executable, "-c", HOLD, str(home / "lake" / "catalog.sqlite")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        found = run("rebuild")
        holder.communicate()

    assert found.code == 1
    [line] = [line for line in found.err.splitlines() if line.startswith("Error: ")]
    assert "catalog was locked" in line and "`fuser`" in line and "try again" in line
    assert "Traceback" not in found.err


def test_why_not_of_an_unknown_key_exits_1(run, shop_home):
    found = run("why-not", "W9", "S9", at=shop_home)

    assert (found.code, found.out) == (1, "")
    assert "core.sku_state" in found.err


def test_tampering_makes_verify_and_explain_exit_1_and_rebuild_mends_it(run, home, engine):
    engine.commit_burst(messages(rule(10, 20), level(5)))
    engine.lake.connection.execute("UPDATE core.sku_state_changes SET on_hand = on_hand + 1")
    engine.lake.connection.execute("UPDATE out.alerts_changes SET threshold = 11")
    engine.close()
    [alert] = run("alerts", "--format", "json").rows

    found = run("verify", "--format", "json")
    quick = run("verify", "--quick", "--format", "json")
    explained = run("explain", alert["alert_id"], "--format", "json")

    assert (found.code, explained.code) == (1, 1)
    assert {row["table"] for row in found.rows} == {"core.sku_state", "out.alerts"}
    assert 1 == quick.code
    assert ("core.sku_state", '{"warehouse_id":"W1","sku":"S1"}', "on_hand", "6", "5") in [
        tuple(row.values()) for row in quick.rows
    ]
    assert "threshold" in explained.rows[0]["differences"][0]
    assert run("rebuild").code == 0
    assert run("verify").code == 0
    assert "no difference" in run("verify", "--quick").err
    assert run("explain", alert["alert_id"]).code == 0


QUESTION = """SELECT 'caf\u00e9 \U0001f4e6' AS name"""


def shell(line: str, home, **environment):
    """A line of a shell, with the command as `inventory`."""
    done = subprocess.run(
        ["bash", "-c", f'inventory() {{ "$COMMAND" "$@"; }}; {line}'], capture_output=True, timeout=240, check=False,
        env={**os.environ, "INVENTORY_HOME": str(home), "COMMAND": str(COMMAND), "QUESTION": QUESTION, **environment},
    )  # fmt: skip
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.big
@pytest.mark.parametrize("format_", ["json", "csv", "table"])
def test_a_full_standard_output_is_one_clear_line(shop_home, format_):
    found = shell(f'inventory sql "SELECT * FROM range(9)" --format {format_} > /dev/full', shop_home)

    assert found.code == 1
    assert found.err.splitlines() == [
        "Error: standard output could not be written: No space left on device. What is there is not all of it."
    ]


@pytest.mark.big
def test_a_closed_standard_output_is_one_clear_line_and_nothing_is_done(tmp_path):
    found = shell("inventory stats >&-", tmp_path / "home")

    assert found.code == 1
    assert found.err.startswith("Error: standard output is closed") and len(found.err.splitlines()) == 1


@pytest.mark.big
def test_a_terminal_without_utf_8_has_a_table_and_programs_have_utf_8(shop_home):
    """Half a JSON and a traceback it was."""
    lines = [f'inventory sql "$QUESTION" --format {format_}' for format_ in ("json", "csv", "table")]
    found = shell("; ".join(lines), shop_home, PYTHONIOENCODING="ascii")

    json_line, *rest = found.out.splitlines()
    assert (found.code, found.err) == (0, "")
    assert json.loads(json_line) == [{"name": "caf\u00e9 \U0001f4e6"}]
    assert rest[:2] == ["name", "caf\u00e9 \U0001f4e6"]
    assert "caf\\xe9 \\U0001f4e6" in found.out
