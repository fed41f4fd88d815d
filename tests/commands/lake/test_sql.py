"""`inventory sql`: every table by its plain name, read-only, values that keep their type."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tempfile

import duckdb
import polars as pl
import pytest

from inventory_assets.lake.tables import APPEND_TABLES, VERSIONED_TABLES
from tests.builders import level, messages
from tests.messaging.brokers import eventually


@pytest.fixture
def ask(run, shop_home):
    return lambda query, *options: run("sql", query, "--format", "json", *options, at=shop_home)


def test_schemas_resolve_without_a_catalog(ask):
    names = [table.full_name for table in (*APPEND_TABLES, *VERSIONED_TABLES)]

    counts = [f'(SELECT count(*) FROM {name}) AS "{name}"' for name in names]
    [row] = ask(f"SELECT {', '.join(counts)}").rows

    assert list(row) == names
    assert row["raw.messages"] == 6


def test_integers_are_integers_and_times_are_rfc_3339(ask):
    [row] = ask(
        "SELECT max(on_hand) AS most, sum(on_hand) AS total, 170141183460469231731687303715884105727 AS huge, "
        "max(last_event_at) AS at, TIMESTAMPTZ '2022-04-20 09:00:00+02' AS zoned, 0.5 AS half, NULL AS none, "
        "true AS yes, DATE '2022-04-20' AS day FROM core.sku_state"
    ).rows

    assert row == {
        "most": 10**12 + 5, "total": 10**12 + 55, "huge": 2**127 - 1, "at": "2022-04-20T09:00:00.000000Z",
        "zoned": "2022-04-20T07:00:00.000000Z", "half": 0.5, "none": None, "yes": True, "day": "2022-04-20",
    }  # fmt: skip
    assert type(row["total"]) is int


def test_what_attach_prints_opens_the_lake_elsewhere(run, shop_home):
    """As one script, in a DuckDB that knows nothing of ours; its answers are ours."""
    printed = run("sql", "--attach", at=shop_home)
    question = "SELECT sku, on_hand FROM stock_at('2022-04-20 08:59:59') ORDER BY sku"

    elsewhere = duckdb.connect()
    elsewhere.execute(printed.out)

    ours = run("sql", question, "--format", "json", at=shop_home).rows
    assert 0 == printed.code
    assert 2 == len(ours)
    assert [tuple(row.values()) for row in ours] == elsewhere.sql(question).fetchall()


def test_attach_asks_nothing(run, shop_home):
    found = run("sql", "--attach", "SELECT 1", at=shop_home)

    assert 2 == found.code
    assert "asks no QUERY" in found.err


@pytest.mark.parametrize("format_", ["json", "csv", "table"])
def test_columns_of_one_name_keep_their_own_values(run, shop_home, format_):
    """A self join showed the last one's value under both."""
    found = run("sql", "SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS A", "--format", format_, at=shop_home).out

    if format_ == "json":
        assert json.loads(found) == [{"a": 1, "a_2": 2, "a_1": 3, "A_3": 4}]
    elif format_ == "csv":
        assert found == "a,a_2,a_1,A_3\n1,2,3,4\n"
    else:
        assert [line.split() for line in found.splitlines() if "1" in line][-1][1::2] == ["1", "2", "3", "4"]


def test_an_infinite_time_is_no_year(ask):
    """The client gives 9999-12-31 for it, which is a date that rows may have."""
    query = (
        "SELECT TIMESTAMP 'infinity' AS a, DATE '-infinity' AS b, TIMESTAMPTZ 'infinity' AS c, "
        "DATE '9999-12-31' AS d, TIMESTAMP '9999-12-31 23:59:59.999999' AS e, NULL::DATE AS f, 1 AS g, 2 AS g;"
    )

    assert ask(query).rows == [
        {
            "a": "infinity", "b": "-infinity", "c": "infinity", "d": "9999-12-31", "e": "9999-12-31T23:59:59.999999Z",
            "f": None, "g": 1, "g_1": 2,
        }
    ]  # fmt: skip


def test_there_is_no_row_limit(ask):
    assert len(ask("SELECT * FROM range(50000)").rows) == 50_000


def test_no_rows_are_an_empty_array(ask):
    assert ask("SELECT * FROM core.sku_state WHERE false").rows == []


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM core.sku_state_changes", "DELETE FROM raw.messages", "UPDATE raw.messages SET outcome = 'x'",
        "INSERT INTO meta.watermarks VALUES ('x', 1, 1)", "DROP TABLE raw.messages", "DROP VIEW core.sku_state",
        "CREATE TABLE core.mine AS SELECT 1", "ALTER TABLE raw.messages ADD COLUMN x INT", "SELECT 1; DROP TABLE raw.messages",
        "CALL ducklake_expire_snapshots('lake', older_than => now())", "CALL ducklake_merge_adjacent_files('lake')",
        "FROM ducklake_expire_snapshots('lake', older_than => now())",
        "COPY (SELECT 1) TO '{target}'", "COPY core.sku_state TO '{target}'", "EXPORT DATABASE '{target}'",
        "FROM enable_logging(storage => 'file', storage_config => {{'path': '{target}'}})",
        "FROM query('FROM enable_logging(storage => ''file'', storage_config => {{''path'': ''{target}''}})')",
        "WITH x AS (FROM \"Enable_Logging\"('HTTP')) FROM x", "SELECT (SELECT count(*) FROM force_checkpoint('lake'))",
        "FROM ducklake_merge_adjacent_files('lake')", "FROM ducklake_flush_inlined_data('lake')", "FROM checkpoint('lake')",
        "SELECT write_log('x')", "PIVOT (FROM ducklake_merge_adjacent_files('lake')) ON 1 USING count(*)",
        "EXPLAIN ANALYZE FROM ducklake_merge_adjacent_files('lake')", "FROM json_execute_serialized_sql('{{}}')",
        "ATTACH '{target}'", "EXPLAIN ANALYZE COPY (SELECT 1) TO '{target}'", "INSTALL spatial", "SET memory_limit = '1GB'",
    ],
)  # fmt: skip
def test_write_attempts_exit_1_and_write_no_file(ask, tmp_path, query):
    """Read-only means files too: a query pasted from somewhere must not write beside the lake."""
    target = tmp_path / "target"

    found = ask(query.format(target=target))

    assert found.code == 1
    assert found.out == ""
    assert "Traceback" not in found.err
    assert not target.exists()


def test_attempts_to_write_leave_the_lake_as_it_was(ask):
    everything = "SELECT * EXCLUDE (data) FROM raw.messages ORDER BY ALL"
    before = ask(everything).rows
    for attempt in ("DELETE FROM raw.messages", "DROP TABLE core.events", "DROP VIEW core.sku_state"):
        assert ask(attempt).code == 1

    assert ask(everything).rows == before
    assert ask("SELECT (SELECT count(*) FROM core.events) + (SELECT count(*) FROM core.sku_state) AS n").rows == [
        {"n": 7}
    ]


@pytest.mark.parametrize("query", ["SELEC 1", "SELECT * FROM core.nonsense", "SELECT nonsense", "SELECT 'x'::INT", ""])
def test_a_wrong_query_exits_1_with_its_error(ask, query):
    found = ask(query)

    assert (found.code, found.out) == (1, "")
    assert found.err
    assert "Traceback" not in found.err


@pytest.mark.parametrize("query", ["DESCRIBE core.sku_state", "SHOW ALL TABLES", "EXPLAIN SELECT 1", "FROM core.products",
                                   "WITH x AS (SELECT 1) FROM x", "VALUES (1)", "SUMMARIZE core.sku_state"])  # fmt: skip
def test_questions_of_every_form_are_answered(ask, query):
    assert ask(query).code == 0


def test_at_version_shows_the_lake_as_it_was(ask):
    available = "SELECT available FROM core.sku_state WHERE sku = 'S1'"

    found = [ask(available, "--at-version", str(version)).rows[0]["available"] for version in (1, 2, 3)]

    assert found == [100, 5, 10**12 + 5]
    assert ask("SELECT state FROM out.alerts", "--at-version", "2").rows == [{"state": "firing"}]
    assert ask("SELECT state FROM out.alerts", "--at-version", "1").rows == []
    assert ask(available, "--at-version", "4").code == 1


def test_at_time_is_the_last_version_by_then(ask):
    times = ask("SELECT version, committed_at FROM meta.versions ORDER BY 1").rows
    available = "SELECT available FROM core.sku_state WHERE sku = 'S1'"

    assert ask(available, "--at", times[1]["committed_at"]).rows == [{"available": 5}]
    assert ask(available, "--at", "2001-01-01T00:00:00Z").code == 1


def test_a_lake_without_a_version_exits_1(run, engine):
    engine.lake.watermark()

    found = run("sql", "SELECT 1")

    assert found.code == 1
    assert "no version yet" in found.err


def test_what_json_has_no_number_for_is_nothing_in_both_formats(ask, run, shop_home):
    """`NaN` and `Infinity` are no JSON: a strict reader would refuse the whole answer. A CSV says the same."""
    query = "SELECT 'nan'::DOUBLE AS a, 'inf'::DOUBLE AS b, ['-inf'::FLOAT, 1.5] AS c"

    assert ask(query).rows == [{"a": None, "b": None, "c": [None, 1.5]}]
    assert run("sql", query, "--format", "csv", at=shop_home).out == 'a,b,c\n,,"[null, 1.5]"\n'


@pytest.mark.parametrize(
    "question", ["FROM read_text('{file}')", "FROM '{file}'", "FROM read_csv('{file}')", "FROM glob('{file}')"]
)
def test_other_files_are_read_only_when_asked_for(ask, tmp_path, question):
    """A query that came by mail must not print a key file."""
    file = tmp_path / "secret.csv"
    file.write_text("word\nhush\n")

    found = ask(question.format(file=file))

    assert (found.code, "hush" in found.out + found.err) == (1, False)
    assert len(ask(question.format(file=file), "--files").rows) == 1
    assert ask("COPY (SELECT 1) TO '{target}'", "--files").code == 1


def test_what_the_lake_says_of_itself_is_no_file(ask):
    for question in ("FROM lake.snapshots()", "FROM duckdb_tables()", "FROM ducklake_table_info('lake')",
                     "PIVOT core.sku_state ON sku USING sum(on_hand)", "FROM json_each('[1]')"):  # fmt: skip
        assert ask(question).code == 0, question


def test_a_question_ends_in_time(ask, monkeypatch):
    monkeypatch.setenv("INVENTORY_SQL_SECONDS", "0.2")

    found = ask("SELECT count(*) FROM range(100000000000) a, range(1000) b")

    assert found.code == 1
    assert "longer than 0.2 s" in found.err and "INVENTORY_SQL_SECONDS" in found.err


def test_a_question_stays_within_its_memory(ask, monkeypatch):
    monkeypatch.setenv("INVENTORY_SQL_MEMORY_LIMIT", "20MB")
    monkeypatch.setenv("INVENTORY_SQL_SPILL_LIMIT", "1MB")

    found = ask("SELECT range, random() AS r FROM range(5000000) ORDER BY r")

    assert found.code == 1
    assert "INVENTORY_SQL_MEMORY_LIMIT" in found.err


def test_a_long_answer_is_not_kept_in_memory(shop_home):
    """However many rows there are, they are printed as they come; before, each was a dictionary in a list."""
    code = (
        "import resource, sys; from inventory_assets import cli\n"
        "sys.argv = ['inventory', 'sql', 'FROM range(200000)', '--format', 'csv']\n"
        "try: cli.main()\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)"
    )

    def peak(rows: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", code.replace("200000", str(rows))], capture_output=True, text=True, check=True,
            env={**os.environ, "INVENTORY_HOME": str(shop_home)}, timeout=120,
        )  # fmt: skip
        assert done.stdout.count("\n") == rows + 1
        return int(done.stderr.split()[-1])

    assert peak(200_000) - peak(1) < 25


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.big)])
def test_an_interrupted_question_ends_and_leaves_nothing(number, shop_home, tmp_path, ask):
    query = "SELECT count(*) FROM (SELECT range, random() r FROM range(1000000000) ORDER BY r)"
    ask("SELECT 1")  # what the first reader makes is there then
    before = sorted(shop_home.rglob("*"))
    with subprocess.Popen(
        [sys.executable, "-m", "inventory_assets.cli", "sql", query], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "INVENTORY_HOME": str(shop_home), "TMPDIR": str(tmp_path),
             "INVENTORY_SQL_MEMORY_LIMIT": "150MB"},
    ) as process:  # fmt: skip
        eventually(lambda: any(path.stat().st_size for path in tmp_path.rglob("*.tmp")), seconds=60)

        process.send_signal(number)

        assert process.wait(60) == 130
        assert b"Traceback" not in process.stderr.read()
    assert [] == list(tmp_path.iterdir())
    assert before == sorted(shop_home.rglob("*"))


def test_what_a_killed_question_spilled_is_forgotten_by_the_next(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f"inventory-sql-{ended.pid}-x").mkdir()
    (tmp_path / f"inventory-sql-{os.getpid()}-y").mkdir()

    assert ask("SELECT 1").code == 0

    assert [f"inventory-sql-{os.getpid()}-y"] == [path.name for path in tmp_path.iterdir()]


def test_csv_lines_end_as_a_shell_expects(run, shop_home):
    """`| while read id` would take a carriage return into the id."""
    found = run("sql", "SELECT sku FROM core.sku_state ORDER BY 1", "--format", "csv", at=shop_home)

    assert found.out == "sku\n'=S2\nS1\n"


def test_csv_defuses_formulas(run, shop_home):
    """A SKU that begins with = must not compute in a planner's spreadsheet."""
    found = run("sql", "SELECT sku, on_hand FROM core.sku_state ORDER BY sku", "--format", "csv", at=shop_home)

    assert list(csv.reader(io.StringIO(found.out))) == [["sku", "on_hand"], ["'=S2", "50"], ["S1", str(10**12 + 5)]]


def test_bytes_of_a_dead_letter_are_shown_as_text(ask):
    assert ask("SELECT data FROM core.dead_letters").rows == [{"data": "broken"}]


def test_markup_in_ids_is_shown_and_not_obeyed(run, engine):
    engine.commit_burst(messages(level(5, sku="[bold red]x[/bold red]", warehouse_id="[/]")))

    found = run("sql", "SELECT warehouse_id, sku FROM core.sku_state")

    assert found.code == 0
    assert "[bold red]x[/bold red]" in found.out
    assert "[/]" in found.out
    for arguments in (("alerts",), ("why-not", "[/]", "[bold red]x[/bold red]")):
        assert run(*arguments).code == 0


def test_a_tables_columns_have_the_names_that_the_query_gave(run, shop_home):
    """To be copied into the next query."""
    found = run("sql", "SELECT max(on_hand), 1 AS sum_of_all FROM core.sku_state", at=shop_home).out

    assert "max(on_hand)" in found and "sum_of_all" in found


def test_a_parquet_file_has_the_types_of_the_lake(run, shop_home, tmp_path):
    """A sum was a float: DuckDB's is wider than any integer of Parquet's."""
    path = tmp_path / "it's stock.parquet"
    query = "SELECT warehouse_id, sum(on_hand) AS total, max(last_event_at) AS at FROM core.sku_state GROUP BY ALL"

    found = run("sql", query, "--format", "parquet", "--out", str(path), at=shop_home)

    assert (0, "") == (found.code, found.out), found.err
    assert "2 rows written" in found.err
    rows = pl.read_parquet(path)
    assert [pl.String, pl.Int64, pl.Datetime("us")] == rows.dtypes
    assert {("W1", 10**12 + 5), ("W2", 50)} == set(rows.select("warehouse_id", "total").rows())
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "query", ["SELECT error('half way') FROM range(5)", "SELECT 170141183460469231731687303715884105727", "SELECT 1; SELECT 2", "SELCT", "DROP TABLE x"]
)  # fmt: skip
def test_an_answer_that_fails_leaves_the_file_as_it_was(run, shop_home, tmp_path, query):
    path = tmp_path / "kept.parquet"
    path.write_text("as it was")

    found = run("sql", query, "--format", "parquet", "--out", str(path), at=shop_home)

    assert 1 == found.code
    assert "Traceback" not in found.err
    assert ("as it was", [path]) == (path.read_text(), list(tmp_path.iterdir()))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--format", "parquet"), 2, "--out FILE"),
        (("--format", "csv", "--out", "rows.csv"), 2, "--format csv > rows.csv"),
        (("--format", "parquet", "--out", "no/such/folder/x.parquet"), 1, "there is no folder"),
        (("--format", "parquet", "--out", "/proc/x.parquet"), 1, "could not be written"),
    ],
)
def test_a_file_that_cannot_be_is_said(run, shop_home, words, code, said):
    found = run("sql", "SELECT 1 AS a", *words, at=shop_home)

    assert code == found.code
    assert said in found.err


def test_only_the_file_asked_for_is_written(run, shop_home, tmp_path):
    """The fence has one gap, of one path."""
    other = tmp_path / "other.parquet"
    query = f"SELECT 1 AS a FROM (COPY (SELECT 1) TO '{other}')"

    assert 1 == run("sql", query, "--format", "parquet", "--out", str(tmp_path / "a.parquet"), at=shop_home).code
    assert 1 == run("sql", f"SELECT * FROM read_csv('{__file__}')", "--format", "parquet", "--out",
                    str(tmp_path / "a.parquet"), at=shop_home).code  # fmt: skip
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(("rows", "is_said"), [(5, False), (6, True)])
def test_a_table_ends_at_its_limit_and_says_so(run, shop_home, rows, is_said):
    found = run("sql", f"SELECT range AS n FROM range({rows})", "--limit", "5", at=shop_home)
    whole = run("sql", f"SELECT range AS n FROM range({rows})", "--limit", "5", "--format", "csv", at=shop_home)

    assert is_said is ("5 rows are shown, and there are more: --limit 50" in found.err)
    assert rows + 1 == len(whole.out.splitlines())
