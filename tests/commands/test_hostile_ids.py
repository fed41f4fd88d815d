"""RULES 4 allows brackets and colons in ids: every command prints them as they are, whatever a terminal makes of them."""

import re

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import command, level, messages, rule
from tests.commands.test_commands import ALL
from tests.conftest import copy_home

# A closing tag without its opening one stops Rich; a pair of them vanishes; `:x:` becomes a picture.
SKUS = ("x[/foo]", "[bold red]X[/bold red]", ":x:")
WAREHOUSE, CATEGORY = "W[/b]", "[/c]:cat:"
POLICY = '[channels.terminal]\nkind = "console"\n[[routes]]\nchannels = ["terminal"]\n'
ALERT = f"alt-20220420-{WAREHOUSE}-{SKUS[0]}-STOCKOUT-"
LINE = f"pln-20220423-{WAREHOUSE}-{SKUS[0]}"

# What each is asked, and which ids it must say: all of it that prints an id from the lake.
PRINTS = {
    ("alerts",): (*SKUS, f"alt-20220420-{WAREHOUSE}-"),
    ("alerts", "list"): (*SKUS, WAREHOUSE),
    ("alerts", "show", ALERT): (SKUS[0], WAREHOUSE, ALERT),
    ("alerts", "note", ALERT, "seen"): (ALERT,),
    ("alerts", "ack", ALERT): (ALERT,),
    ("alerts", "silence", ALERT, "--minutes", "5", "--reason", "r"): (ALERT,),
    ("alerts", "unsilence", ALERT): (ALERT,),
    ("alerts", "escalate", ALERT, "--reason", "r"): (ALERT,),
    ("alerts", "inhibit", WAREHOUSE, "--reason", "r"): (ALERT,),
    ("alerts", "uninhibit", WAREHOUSE): (ALERT,),
    ("alerts", "stats", "--by", "warehouse"): (WAREHOUSE,),
    ("alerts", "notifications", ALERT): ("terminal",),  # the last eight characters of ids only
    ("explain", "{alert}"): (SKUS[0], WAREHOUSE, ALERT, CATEGORY),
    ("explain", "{incident}"): (CATEGORY, *SKUS, WAREHOUSE),
    ("explain", "{notification}"): (SKUS[0], WAREHOUSE, ALERT),
    ("incidents",): (CATEGORY,),
    ("why-not", WAREHOUSE, SKUS[0]): (ALERT, CATEGORY),
    ("dead-letters",): ("[nothing]",),
    ("sql", "SELECT warehouse_id, sku, category_id FROM core.sku_state"): (*SKUS, WAREHOUSE, CATEGORY),
    ("stock-at", "2022-04-21", "--warehouse", WAREHOUSE): (*SKUS, WAREHOUSE),
    ("coverage", "--refresh", "--as-of", "2022-04-23"): (*SKUS, WAREHOUSE),
    ("plan", "--refresh", "--date", "2022-04-23", "--all"): (*SKUS, WAREHOUSE),
    ("plan", "explain", LINE): (LINE,),
    ("plan", "accept", LINE, "--quantity", "5", "--reason", "r"): (LINE,),
    ("plan", "accepted"): (LINE, SKUS[0], WAREHOUSE),
    ("plan", "snooze", LINE, "--days", "5", "--reason", "r"): (LINE,),
    ("plan", "dismiss", LINE, "--reason", "r"): (LINE,),
    ("thresholds", "list"): (CATEGORY, WAREHOUSE),
    ("thresholds", "show", "CATEGORY", CATEGORY, "--warehouse", WAREHOUSE): (CATEGORY, WAREHOUSE),
    ("thresholds", "resolve", WAREHOUSE, SKUS[0]): (SKUS[0], WAREHOUSE, CATEGORY),
    ("thresholds", "history"): (f"CATEGORY/{CATEGORY}@{WAREHOUSE}",),
    ("thresholds", "validate"): (SKUS[1],),
    ("thresholds", "export"): (CATEGORY, WAREHOUSE),
    ("thresholds", "diff", "{rules}"): (CATEGORY, WAREHOUSE),
    ("thresholds", "set", "CATEGORY", CATEGORY, "--warehouse", WAREHOUSE, "--min", "0", "--reorder", "0", "--dry-run"):
        (CATEGORY, WAREHOUSE),
    ("thresholds", "delete", "CATEGORY", CATEGORY, "--warehouse", WAREHOUSE, "--dry-run"): (CATEGORY, WAREHOUSE),
    ("thresholds", "import", "{rules}", "--prune", "--dry-run"): (CATEGORY, WAREHOUSE),
    ("thresholds", "backtest", "{rules}", "--list", "lost"): (SKUS[0], WAREHOUSE),
    ("publish", "{rows}", "--topic", "inventory-topic", "--format-in", "csv", "--dry-run"): (*SKUS, WAREHOUSE),
    ("quality", "--rule", "warehouses_are_known", "--record"): ("W[nowhere]",),
    ("quality", "history"): ("W[nowhere]",),
    ("alerts", "resolve", ALERT, "--reason", "r"): (ALERT,),
}  # fmt: skip
PRINTS_NO_ID = {
    "run", "emulator", "topics", "topics apply", "drain", "simulate", "stats", "products",
    "products import", "velocity", "replay-dead-letters", "verify", "rebuild", "maintain", "lake", "lake downgrade",
    "lake new-journal", "alerting",
    "alerting check", "alerting test", "deliver", "thresholds dynamic", "incidents find", "alerts sweep",
    "snapshots", "snapshots build", "snapshots status", "export", "serve", "serve api", "serve-push",
    "archive", "archive restore", "exchange", "exchange pull", "exchange push", "marts", "marts build", "marts status",
    "reports", "reports build", "reports list", "reports serve", "products clean-up",
    # What it lists is tested in `tests/commands/lake/test_archive.py`.
    "products discontinued",
    "connector", "connector run", "connector check", "connector init-db", "connector snapshot", "connector status",
    # In `tests/commands/connector/test_listing.py` and `tests/commands/connector/test_reconcile.py`.
    "connector list", "connector reconcile",
    # No lake's: `tests/commands/run/test_tail.py`.
    "tail",
    # Names of files: `tests/commands/run/test_drop.py`.
    "drop",
    "completion",
    # Names of its own, in a home of its own: `tests/commands/access/test_tokens.py`.
    "tokens", "tokens make", "tokens list", "tokens revoke", "tokens audit",
    "schema", "schema show", "schema validate", "schema diff",
    # Its lists need a history: `tests/commands/plan/test_backtest.py`.
    "plan backtest",
    # What differs, where something does: `tests/commands/plan/test_group.py`.
    "plan verify",
}  # fmt: skip


@pytest.fixture(scope="module")
def home(empty_home, tmp_path_factory):
    home = copy_home(empty_home, tmp_path_factory.mktemp("hostile") / "home")
    engine = Engine(Settings(home=home))
    engine.commit_burst(
        messages(
            rule(10, 20, level_type="CATEGORY", level_id=CATEGORY, warehouse_id=WAREHOUSE),
            # Of no SKU there is: `validate` names it.
            rule(1, 2, level_type="SKU", level_id=SKUS[1], warehouse_id="W[nowhere]"),
            *(level(0, sku=sku, warehouse_id=WAREHOUSE, category_id=CATEGORY) for sku in SKUS),
        )
    )
    engine.commit_burst(messages(command("note", alert_id="[nothing]")))
    engine.close()
    (home / "alerting.toml").write_text(POLICY)
    return home


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text("- {level_type: GLOBAL, alert_settings: {enabled: false}}\n")
    return path


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    path.write_text("sku,warehouse,qty,time\n" + "".join(f"{sku},{WAREHOUSE},1,2022-04-20T07:00:00Z\n" for sku in SKUS))
    return path


@pytest.mark.big
def test_ids_are_printed_as_they_are(run, home, rules, rows):
    """One lake, in the order of the table: a step may need the one before."""
    assert run("incidents", "find", "--as-of", "2022-04-20T12:00:00Z").code == 0
    assert run("deliver", "--once").code == 0
    asked = {
        "alert": f"SELECT alert_id FROM out.alerts WHERE starts_with(alert_id, '{ALERT}')",
        "incident": "SELECT incident_id FROM out.incidents",
        "notification": f"SELECT notification_id FROM out.notifications WHERE contains(members, '{ALERT}')",
    }
    names = {name: next(iter(run("sql", query, "--format", "json").rows[0].values())) for name, query in asked.items()}
    names |= {"rules": str(rules), "rows": str(rows)}

    failed, missing = {}, {}
    for words, expected in PRINTS.items():
        found = run(*[names.get(word.strip("{}"), word) if word[:1] == "{" else word for word in words])

        if found.code:
            failed[words] = found.err
        # A narrow column breaks a long id over lines.
        printed = re.sub(r"\s|[│┃]", "", found.out + found.err)
        missing[words] = [each for each in expected if re.sub(r"\s", "", each) not in printed]

    assert failed == {}
    assert {words: ids for words, ids in missing.items() if ids} == {}


def test_no_command_is_forgotten():
    named = {" ".join(path) for path in ALL if any(words[: len(path)] == path for words in PRINTS)}

    assert {" ".join(path) for path in ALL} - named == PRINTS_NO_ID
