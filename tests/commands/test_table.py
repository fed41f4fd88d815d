"""Tables fit: at 80 columns, and at 40, whatever names others gave; a pipe loses nothing."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from inventory_assets.commands.table import wrapped
from inventory_assets.ingest.engine import Engine
from inventory_assets.refresh.products import import_products, read_products
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule, transaction
from tests.commands.conftest import run_process
from tests.commands.test_commands import ALL, command_at
from tests.conftest import copy_home

SKUS = ("S" * 60, "倉庫棚卸商品番号壱弐参四五六七八九十" * 2, "A-LONG-NAME-WITH-JOINTS-" * 3 + "END", "S4")
WAREHOUSE = "WAREHOUSE-OF-THE-NORTH-EAST-倉庫"
NAMES = "sku,product_name,supplier_id\n" + "".join(
    f"{sku},{'Un nom très long 📦 ' * 4},SUPPLIER-{'X' * 30}\n" for sku in SKUS
)
LISTS = [
    ("alerts",), ("alerts", "list"), ("alerts", "--state", "all"), ("alerts", "show", "{alert}"), ("alerts", "stats"),
    ("alerts", "stats", "--by", "warehouse"), ("alerts", "notifications"), ("explain", "{alert}"),
    ("why-not", WAREHOUSE, SKUS[0]), ("incidents", "--state", "all"), ("dead-letters",), ("stats",), ("coverage",),
    ("thresholds", "list"), ("thresholds", "history"), ("thresholds", "validate"), ("thresholds", "show", "GLOBAL"),
    ("thresholds", "resolve", WAREHOUSE, SKUS[1]), ("products", "discontinued"), ("quality", "--light"),
    ("quality", "history"), ("reports", "list"), ("tokens", "list"), ("tokens", "audit"), ("plan",),
    ("replay-dead-letters", "--dry-run"), ("sql", "SELECT * FROM core.sku_state"), ("sql", "SELECT * FROM core.events"),
    ("snapshots", "status", "--days"), ("stock-at", "2022-04-21"),
]  # fmt: skip


def width(line: str) -> int:
    """Columns that a terminal draws a line in."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in line
    )


@pytest.fixture(scope="module")
def home(empty_home, tmp_path_factory):
    home = copy_home(empty_home, tmp_path_factory.mktemp("wide") / "home")
    engine = Engine(Settings(home=home))
    names = home / "names.csv"
    names.write_text(NAMES)
    import_products(engine, read_products(names))
    engine.commit_burst(messages(rule(10, 20), *(level(50, sku=sku, warehouse_id=WAREHOUSE) for sku in SKUS)))
    engine.commit_burst(
        messages(*(transaction(f"T{sku}", quantity=-45, sku=sku, warehouse_id=WAREHOUSE) for sku in SKUS), b"broken")
    )
    engine.close()
    return home


@pytest.mark.parametrize("columns", [80])
@pytest.mark.parametrize("words", LISTS, ids=lambda words: " ".join(words[:2]))
def test_no_list_is_wider_than_the_terminal(run, home, monkeypatch, words, columns):
    """A line that a terminal breaks is broken in the middle of a word, and columns are no longer below each other."""
    alert = run("alerts", "--format", "json", at=home).rows[0]["alert_id"] if "{alert}" in words else ""
    monkeypatch.setenv("COLUMNS", str(columns))

    found = run(*[word.replace("{alert}", alert) for word in words], at=home)

    assert found.code == 0, found.err
    assert {line: width(line) for line in found.out.splitlines() if width(line) > columns} == {}
    # A command to copy is one line, however long.
    said = [line for line in found.err.splitlines() if "inventory " not in line]
    assert {line: width(line) for line in said if width(line) > columns} == {}


def test_what_there_is_no_room_for_is_named(run, home, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    found = run("alerts", at=home)

    header = found.out.splitlines()[1]
    assert all(name in header for name in ("alert", "warehouse", "product", "what to do"))
    assert "trend" not in header
    said = " ".join(found.err.split())
    assert "no room at 80 columns for: " in said and "trend" in said and "--format json" in said


def test_a_pipe_has_every_column(run, home, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)

    found = run("sql", "SELECT * FROM core.sku_state", at=home)

    assert "category_id" in found.out and "version" in found.out
    assert "no room" not in found.err


@pytest.mark.parametrize("columns", ["0", "-5", "wide", "", "²", "99999999999999999999", "1"])
def test_a_width_that_is_none_is_nobodys_problem(run, home, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)

    assert run("alerts", at=home).code == 0


def test_a_list_that_ends_early_says_how_to_see_the_rest(run, home):
    found = run("alerts", "--limit", "1", at=home)

    assert f"{len(SKUS) - 1} more: --limit {len(SKUS)}" in found.err


# They print one thing, a row for each table, topic, rule or setting, or what they did.
ENDS_BY_ITSELF = {
    "alerting check", "alerts ack", "alerts escalate", "alerts inhibit", "alerts note", "alerts resolve", "alerts show",
    "alerts silence", "alerts sweep", "alerts uninhibit", "alerts unsilence", "archive", "archive restore",
    "connector check", "connector init-db", "connector status", "deliver", "drain", "drop", "exchange pull",
    "exchange push", "explain", "export", "incidents find", "marts build", "marts status", "plan accept",
    "plan backtest", "plan dismiss", "plan explain", "plan snooze", "plan verify", "publish", "quality", "rebuild",
    "replay-dead-letters", "reports build", "schema diff", "schema validate", "stats", "thresholds delete",
    "thresholds dynamic", "thresholds export", "thresholds import", "thresholds resolve", "thresholds set",
    "thresholds show", "topics apply", "velocity", "verify", "why-not",
}  # fmt: skip


def test_every_list_has_a_limit():
    """Ten thousand rows in a terminal are none; a new command has a limit, or its reason here."""
    options = {" ".join(path): {option.opts[0] for option in command_at(path).params} for path in ALL}

    without = {name for name, has in options.items() if "--format" in has and "--limit" not in has}

    assert ENDS_BY_ITSELF == without


@pytest.mark.parametrize(("no_color", "expected"), [("", True), ("1", False)])
def test_no_colour_is_no_colour(shop_home, no_color, expected):
    found = run_process(
        "alerts", "--state", "all", home=shop_home, FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR=no_color
    )

    assert 0 == found.code
    assert expected is bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", found.out + found.err))


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("order 100 from SUPP-APPLE-1", 12, ["order 100", "from", "SUPP-APPLE-1"]),
        ("IPHONE13-PRO-256-SILVER", 13, ["IPHONE13-PRO-", "256-SILVER"]),
        ("倉庫倉庫", 5, ["倉庫", "倉庫"]),
        ("first\nsecond line", 6, ["first", "second", "line"]),
        ("fits", 4, ["fits"]),
    ],
)
def test_a_cell_breaks_between_words_then_at_joints_then_anywhere(text, columns, expected):
    assert expected == wrapped(Text(text), columns).plain.split("\n")


@given(st.text(alphabet="ab -/倉\n", max_size=60), st.integers(2, 20))
def test_wrapping_loses_nothing_but_spaces(text, columns):
    shown = wrapped(Text(text), columns).plain

    assert "".join(text.split()) == "".join(shown.split())
    assert all(width(line) <= columns for line in shown.split("\n"))
