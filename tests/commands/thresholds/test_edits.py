"""`inventory thresholds`: what a planner types, and what comes back."""

import csv
import io
import json

import pytest

from tests.builders import SAMPLE_RULE, level, messages, rule

JSON = ("--format", "json")


@pytest.fixture
def shop(filled, home):
    """A home whose lake has a global rule, a category's, and three keys."""
    return filled(_set_up, home)


def _set_up(engine):
    engine.commit_burst(
        messages(
            rule(10, 20), SAMPLE_RULE, level(15), level(30, sku="S2"),
            level(60, sku="S3", category_id="SMARTPHONES", warehouse_id="WH-EAST-1"),
        )
    )  # fmt: skip


def thresholds(run, *arguments):
    return run("thresholds", *arguments)


def test_list_show_and_export_have_the_alert_settings(run, shop):
    listed = thresholds(run, "list", *JSON).rows
    [shown] = thresholds(run, "show", "CATEGORY", "SMARTPHONES", "--warehouse", "WH-EAST-1", *JSON).rows
    exported = json.loads(thresholds(run, "export", "--format", "json").out)

    assert [row["level_type"] for row in listed] == ["GLOBAL", "CATEGORY"]
    assert shown["alert_settings"] == exported[1]["alert_settings"] == SAMPLE_RULE["alert_settings"]
    assert (shown["keys"], shown["updated_at"]) == (1, "2022-04-15T00:00:00.000000Z")
    assert "EMAIL to 1" in thresholds(run, "list").out
    assert "inventory@example.com" in thresholds(run, "show", "category", "SMARTPHONES", "--warehouse", "WH-EAST-1").out


def test_list_filters(run, shop):
    assert thresholds(run, "set", "SKU", "S2", "--disabled").code == 0

    found = {
        name: len(thresholds(run, "list", *arguments, *JSON).rows)
        for name, arguments in {
            "level": ("--level", "category"), "warehouse": ("--warehouse", "WH-EAST-1"), "muted": ("--muted",),
        }.items()
    }  # fmt: skip

    assert found == {"level": 1, "warehouse": 1, "muted": 1}


def test_set_changes_what_is_named_and_keeps_the_rest(run, shop):
    done = thresholds(
        run, "set", "CATEGORY", "SMARTPHONES", "--warehouse", "WH-EAST-1", "--min", "70", "--min-days", "none",
        "--author", "ann", "--reason", "spring sale", *JSON,
    )  # fmt: skip

    assert done.code == 0, done.err
    [row] = done.rows
    assert (row["action"], row["change"]) == ("changed", "min 50 -> 70, min days 7 -> none")
    assert "1 rule changed, 1 key with other limits" in done.err
    [rule_] = thresholds(run, "list", "--level", "CATEGORY", *JSON).rows
    assert (rule_["min_threshold_qty"], rule_["reorder_threshold_qty"], rule_["reorder_threshold_days"]) == (
        70,
        100,
        14,
    )
    assert (rule_["author"], rule_["reason"], rule_["alert_settings"]) == (
        "ann", "spring sale", SAMPLE_RULE["alert_settings"],
    )  # fmt: skip


@pytest.mark.big
def test_a_dynamic_rule_is_set_shown_and_made_static_again(run, shop):
    set_ = ("set", "SKU", "S1", "--min", "5")
    done = thresholds(run, *set_, "--mode", "dynamic", "--service-level", "0.98", "--floor", "2", "--ceiling", "90")

    assert done.code == 0, done.err
    [row] = thresholds(run, "list", "--level", "SKU", *JSON).rows
    assert {name: row[name] for name in ("mode", "service_level", "floor_qty", "ceiling_qty")} == {
        "mode": "dynamic", "service_level": 0.98, "floor_qty": 2, "ceiling_qty": 90,
    }  # fmt: skip
    shown = thresholds(run, "list").out
    assert "dynamic 0.98" in shown and "2 to 90" in shown
    assert thresholds(run, "set", "SKU", "S1", "--ceiling", "none").code == 0
    assert "from 2" in thresholds(run, "list").out
    assert thresholds(run, "set", "SKU", "S1", "--mode", "static").code == 0
    [row] = thresholds(run, "list", "--level", "SKU", *JSON).rows
    assert (row["mode"], row["floor_qty"], row["min_threshold_qty"]) == ("static", None, 5)
    assert run("verify").code == 0


def test_set_says_that_what_it_set_off_is_owed(run, shop):
    done = thresholds(run, "set", "GLOBAL", "--min", "20", "--reorder", "40")

    assert "1 notification owed" in done.err or "2 notifications owed" in done.err
    assert "inventory drain" in done.err
    owed = "SELECT count(*) AS n FROM out.alerts WHERE notification_count > 0 AND alert_id NOT IN (SELECT subject_id FROM out.deliveries)"
    assert run("sql", owed, *JSON).rows[0]["n"] >= 1
    assert run("verify").code == 0


def test_dry_runs_change_nothing_and_say_what_would(run, shop, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("- {level_type: GLOBAL, min_threshold_qty: 20, reorder_threshold_qty: 40}\n")
    before = run("sql", "SELECT max(version) AS v FROM meta.versions", *JSON).rows

    for keys, arguments in (
        (3, ("import", str(path), "--prune")),  # the category's key falls to GLOBAL as well
        (2, ("set", "GLOBAL", "--min", "20")),
        (2, ("delete", "GLOBAL")),
    ):
        done = thresholds(run, *arguments, "--dry-run", *JSON)

        assert done.code == 0, done.err
        assert done.rows[0]["keys"] == keys
        assert "would change" in done.err and "Nothing was changed" in done.err
    assert run("sql", "SELECT max(version) AS v FROM meta.versions", *JSON).rows == before


def test_delete_and_prune(run, shop, tmp_path):
    path = tmp_path / "rules.csv"
    path.write_text("level_type,level_id,min_threshold_qty\nBRAND,APPLE,5\n")

    [row] = thresholds(run, "delete", "GLOBAL", "--reason", "gone", *JSON).rows
    pruned = thresholds(run, "import", str(path), "--prune", *JSON).rows

    assert (row["action"], row["level_type"]) == ("removed", "GLOBAL")
    assert [(r["action"], r["level_type"]) for r in pruned] == [("removed", "CATEGORY"), ("added", "BRAND")]
    assert [r["level_type"] for r in thresholds(run, "list", *JSON).rows] == ["BRAND"]


@pytest.mark.parametrize("name", ["rules.yaml", "rules.json", "rules.csv"])
def test_an_export_imports_as_nothing_to_do_and_into_another_lake_as_the_same(run, shop, tmp_path, name):
    path, other = tmp_path / name, tmp_path / "other"
    assert thresholds(run, "export", str(path)).code == 0

    again = thresholds(run, "import", str(path), *JSON)
    elsewhere = run("thresholds", "import", str(path), at=other)

    assert again.rows == [] and "nothing changed" in again.err
    assert elsewhere.code == 0, elsewhere.err
    exported = [run("thresholds", "export", "--format", "csv", at=at).out for at in (shop, other)]
    assert exported[0] == exported[1]


def test_an_id_like_a_formula_is_escaped_in_csv_and_comes_back(run, shop, tmp_path):
    path = tmp_path / "rules.csv"
    assert thresholds(run, "set", "SKU", "=1+1", "--min", "3", "--recipient", "+49 30 1").code == 0

    thresholds(run, "export", str(path))

    [_, _, row] = csv.DictReader(io.StringIO(path.read_text()))
    assert (row["level_id"], row["recipients"]) == ("'=1+1", "'+49 30 1")
    assert thresholds(run, "import", str(path), *JSON).rows == []


def test_a_bad_file_lists_every_problem_and_changes_nothing(run, shop, tmp_path):
    path = tmp_path / "rules.csv"
    path.write_text("level_type,level_id,min_threshold_qty\nBRAND,APPLE,5\nBRAND,B,-1\nSHELF,C,1\n")

    done = thresholds(run, "import", str(path))

    assert (done.code, done.out) == (1, "")
    assert "line 3: min_threshold_qty was -1" in done.err and "line 4: level_type was 'SHELF'" in done.err
    assert len(thresholds(run, "list", *JSON).rows) == 2


def test_diff_names_added_changed_and_removed(run, shop, tmp_path):
    path = tmp_path / "rules.json"
    path.write_text('[{"level_type":"GLOBAL","min_threshold_qty":11,"reorder_threshold_qty":20},'
                    '{"level_type":"SKU","level_id":"S1","min_threshold_qty":1}]')  # fmt: skip

    done = thresholds(run, "diff", str(path), *JSON)

    assert done.code == 0
    assert [(row["action"], row["level_type"], row["change"]) for row in done.rows] == [
        ("changed", "GLOBAL", "min 10 -> 11"), ("removed", "CATEGORY", ""), ("added", "SKU", "min 1"),
    ]  # fmt: skip
    assert "1 added, 1 changed, 1 removed, 0 the same" in done.err


def test_history_and_its_check(run, shop, engine):
    thresholds(run, "set", "GLOBAL", "--min", "11", "--author", "ann", "--reason", "because")

    [_, changed] = thresholds(run, "history", "--scope", "GLOBAL", *JSON).rows
    good = thresholds(run, "history", "--check")
    [head] = [word for word in good.err.split() if len(word) == 64]

    assert (changed["author"], changed["reason"], changed["action"]) == ("ann", "because", "changed")
    assert (changed["before"]["min_threshold_qty"], changed["after"]["min_threshold_qty"]) == (10, 11)
    assert thresholds(run, "history", "--check", "--head", head).code == 0
    assert thresholds(run, "history", "--check", "--head", "0" * 64).code == 1
    assert thresholds(run, "history", "--scope", "SKU/none").code == 1
    engine.lake.connection.execute("UPDATE core.threshold_audit SET author = 'eve' WHERE version = 2")
    engine.close()
    bad = thresholds(run, "history", "--check", *JSON)
    assert bad.code == 1
    assert "hashes to" in bad.rows[0]["finding"]
    assert run("verify").code == 1
    assert run("rebuild").code == 0
    assert thresholds(run, "history", "--check", "--head", head).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("set", "SKU"), 2, "needs a LEVEL_ID"),
        (("set", "GLOBAL", "X", "--min", "1"), 2, "takes no LEVEL_ID"),
        (("set", "GLOBAL"), 2, "nothing to set"),
        (("set", "SHELF", "X"), 2, "SHELF"),
        (("set", "GLOBAL", "--recipient", "bad address"), 2, "a mail address such as"),
        (("set", "GLOBAL", "--recipient", "a@b.example", "--recipient", "a@b, c@d"), 2, "'a@b, c@d'"),
        (("set", "GLOBAL", "--floor", "1"), 1, "--floor belongs to a dynamic rule"),
        (("set", "GLOBAL", "--mode", "static", "--service-level", "0.9"), 2, "--service-level belongs"),
        (("set", "GLOBAL", "--mode", "dynamic", "--service-level", "95"), 1, "below 1"),
        (("set", "GLOBAL", "--mode", "dynamic", "--floor", "9", "--ceiling", "1"), 1, "at most the ceiling's 1"),
        (("set", "GLOBAL", "--min", "lots"), 2, "plain digits"),
        (("set", "SKU", "a\nb", "--min", "1"), 2, "control characters"),
        (("set", "GLOBAL", "--min", "1", "--author", " "), 2, "--author"),
        (("set", "SKU", "S9", "--min", "20", "--reorder", "10"), 1, "at most the reorder's 10"),
        (("set", "SKU", "S9", "--min", "-1"), 1, "0 to 1,000,000,000,000"),
        (("set", "SKU", "S9", "--min", "1.5"), 1, "expected an integer"),
        (("set", "SKU", "S9", "--min", "9" * 30), 1, "0 to 1,000,000,000,000"),
        (("delete", "SKU", "S9"), 1, "no rule SKU/S9"),
        (("show", "SKU", "S9"), 1, "no rule SKU/S9"),
        (("history", "--head", "x"), 2, "--check"),
        (("export", "rules.txt"), 2, "--format"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else None,
)  # fmt: skip
def test_what_cannot_be_done_says_why(run, shop, arguments, code, says):
    done = thresholds(run, *arguments)

    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert "Traceback" not in done.err


def test_validate_exits_1_on_errors_and_0_on_warnings(run, shop, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("- {level_type: CATEGORY, level_id: SMARTPHONE, min_threshold_qty: 1}\n")
    warned = thresholds(run, "validate", str(path), *JSON)
    alone = run("thresholds", "validate", str(path), *JSON, at=tmp_path / "nowhere")
    path.write_text("- {level_type: CATEGORY, level_id: SMARTPHONE, min_threshold_qty: 3, reorder_threshold_qty: 1}\n")
    refused = thresholds(run, "validate", str(path), *JSON)

    assert (warned.code, alone.code, refused.code) == (0, 0, 1)
    assert [(row["severity"], row["place"], row["rule"]) for row in warned.rows] == [
        ("warning", "line 1", "CATEGORY/SMARTPHONE")
    ]
    assert "did you mean SMARTPHONES?" in warned.rows[0]["next_step"]
    assert (alone.rows, [row["severity"] for row in refused.rows]) == ([], ["error"])
    assert thresholds(run, "validate", *JSON).rows == []


def test_resolve_shows_the_ladder_and_the_winner(run, shop):
    rows = thresholds(run, "resolve", "WH-EAST-1", "S3", *JSON).rows
    shown = thresholds(run, "resolve", "WH-EAST-1", "S3")

    assert len(rows) == 14
    [winner] = [row for row in rows if row["is_winner"]]
    assert (winner["level_type"], winner["level_id"], winner["warehouse_id"]) == (
        "CATEGORY",
        "SMARTPHONES",
        "WH-EAST-1",
    )
    assert "wins: the most specific rule" in shown.out
    assert thresholds(run, "resolve", "W9", "S3").code == 1


def test_without_a_lake_reading_fails_and_makes_none(run, home):
    for arguments in (
        ("list",), ("show", "GLOBAL"), ("history",), ("validate",), ("resolve", "W", "S"), ("export",),
        ("delete", "GLOBAL"), ("set", "GLOBAL", "--min", "1", "--dry-run"),
    ):  # fmt: skip
        done = thresholds(run, *arguments)

        assert (done.code, done.out) == (1, "")
        assert "no lake" in done.err
        assert not home.exists()


def test_history_of_a_broken_audit_shows_what_it_can(run, shop, engine):
    engine.lake.connection.execute("""UPDATE core.threshold_audit SET after = '{"level_type"' WHERE seq = 1""")
    engine.close()

    found = {arguments: thresholds(run, "history", *arguments) for arguments in ((), JSON, ("--check",))}

    assert [done.code for done in found.values()] == [0, 0, 1]
    assert "unreadable: see --check" in found[()].out
