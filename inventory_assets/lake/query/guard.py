"""Keep a question a question: no file but the lake's own, no switch, no function that writes, and an end in time.

Two fences, as each alone has gaps: DuckDB's own switches keep a query to our directories, and the
functions that it may read from are a list, as some write through the lake they are given.
"""

import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from inventory_assets.lake.errors import LakeError
from inventory_assets.settings import Settings

# What may stand after FROM: series, what is in a value, and what the lake says of itself.
FUNCTIONS = frozenset({
    "duckdb_columns", "duckdb_constraints", "duckdb_databases", "duckdb_functions", "duckdb_keywords",
    "duckdb_schemas", "duckdb_settings", "duckdb_tables", "duckdb_types", "duckdb_views",
    "ducklake_current_snapshot", "ducklake_last_committed_snapshot", "ducklake_list_files", "ducklake_options",
    "ducklake_settings", "ducklake_snapshots", "ducklake_table_changes", "ducklake_table_deletions",
    "ducklake_table_info", "ducklake_table_insertions", "current_snapshot", "last_committed_snapshot", "options",
    "snapshots", "table_changes", "table_deletions", "table_info", "table_insertions",
    "generate_series", "histogram", "histogram_values", "icu_calendar_names", "json_each", "json_tree",
    "pg_timezone_names", "pragma_collations", "pragma_show", "pragma_table_info", "pragma_version", "range", "repeat",
    "repeat_row", "stock_at", "summary", "unnest",
})  # fmt: skip
# With `--files`, for a person at a terminal.
FILE_FUNCTIONS = frozenset({
    "glob", "parquet_file_metadata", "parquet_full_metadata", "parquet_kv_metadata", "parquet_metadata",
    "parquet_scan", "parquet_schema", "read_blob", "read_csv", "read_csv_auto", "read_json", "read_json_auto",
    "read_json_objects", "read_json_objects_auto", "read_ndjson", "read_ndjson_auto", "read_ndjson_objects",
    "read_parquet", "read_text", "sniff_csv",
})  # fmt: skip
# Scalar ones with an effect: they write into DuckDB's log, or only wait.
_REFUSED_SCALARS = frozenset({"write_log", "sleep_ms"})
_SPILL = "inventory-sql-"


class QuestionRefusedError(LakeError):
    """A query does more than read the lake."""


def only_read(
    connection: duckdb.DuckDBPyConnection, settings: Settings, *, files: bool = False, written: Path | None = None
) -> None:
    """Fence a connection in, for good: after this nothing can be attached or set.

    Args:
        connection: With the lake attached, and all that is to be shown beside it.
        settings: Whose directories may be read.
        files: Other files may be read, too.
        written: The one file that an answer is written to.
    """
    if not files:
        if written is not None:
            connection.execute("SET allowed_paths = ?", [[str(part_of(written))]])
        places = (settings.data_uri, settings.snapshots_uri, settings.archive_uri, str(settings.marts_path))
        connection.execute("SET allowed_directories = ?", [[f"{place.rstrip('/')}/" for place in places]])
        connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def part_of(path: Path) -> Path:
    """Where a file is written until it is whole: each process its own, so that two never write into one."""
    return path.absolute().with_name(f".{path.name}.{os.getpid()}.part")


def check_question(connection: duckdb.DuckDBPyConnection, query: str, *, files: bool = False) -> None:
    """See that every statement of a query only reads, and from what it may read.

    Raises:
        QuestionRefusedError: One does not.
        duckdb.Error: It is no SQL.
    """
    statements = connection.extract_statements(query)
    if not statements:
        raise QuestionRefusedError('the query was empty; expected SQL such as "SELECT * FROM core.sku_state".')
    allowed = FUNCTIONS | FILE_FUNCTIONS if files else FUNCTIONS
    for statement in statements:
        if statement.type == duckdb.StatementType.EXPLAIN:
            # ANALYZE runs what it explains.
            explained = re.sub(r"(?is)^.*?\bexplain\b(\s*\([^)]*\)|\s+analyze\b)?", "", statement.query, count=1)
            check_question(connection, explained, files=files)
        elif statement.type == duckdb.StatementType.CREATE and not statement.query:
            continue  # PIVOT is rewritten into a temporary type and a SELECT
        elif statement.type != duckdb.StatementType.SELECT:
            raise QuestionRefusedError(f"{statement.type.name} was refused: a question only reads. Ask with SELECT.")
        else:
            _check_functions(connection, statement.query, query, allowed)


def _check_functions(connection: duckdb.DuckDBPyConnection, text: str, query: str, allowed: frozenset[str]) -> None:
    row = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchone() if text else None
    tree = json.loads(row[0]) if row else {"error": True}
    # A PIVOT cannot be taken apart: there, no such name may stand anywhere.
    used = _used_words(connection, query) if tree["error"] else set(_used(tree))
    if refused := sorted(used - allowed):
        hint = " Of files of your own, ask with --files." if refused[0] in FILE_FUNCTIONS else ""
        raise QuestionRefusedError(
            f"{refused[0]}() was refused: it is not among the functions that a question may read from.{hint}"
        )


def _used(node: Any) -> Iterator[str]:
    """The functions that a query reads from, and such scalar ones as are refused."""
    if isinstance(node, list):
        for each in node:
            yield from _used(each)
    elif isinstance(node, dict):
        if node.get("type") == "TABLE_FUNCTION":
            yield str(node["function"].get("function_name", "")).lower()
        elif str(node.get("function_name", "")).lower() in _REFUSED_SCALARS:
            yield str(node["function_name"]).lower()
        for each in node.values():
            yield from _used(each)


def _used_words(connection: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    rows = connection.execute(
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro')"
    ).fetchall()
    known = {name for (name,) in rows} | _REFUSED_SCALARS
    return {word for word in re.findall(r"\w+(?=[\"\s]*\()", query.lower()) if word in known}


@contextmanager
def bounded(connection: duckdb.DuckDBPyConnection, *, memory: str, spill: str, seconds: float) -> Iterator[None]:
    """Run a question within bounds; what spills to disk is gone afterwards, and that of a killed one as well.

    Args:
        connection: Not fenced in yet: its settings are changed.
        memory: What it may take before it spills.
        spill: What it may spill.
        seconds: How long it may take; 0 is without end.

    Raises:
        QuestionRefusedError: It took longer.
    """
    _forget_killed()
    with tempfile.TemporaryDirectory(prefix=f"{_SPILL}{os.getpid()}-") as directory:
        connection.execute("SET memory_limit = ?", [memory])
        connection.execute("SET temp_directory = ?", [directory])
        connection.execute("SET max_temp_directory_size = ?", [spill])
        is_over = threading.Event()

        def end() -> None:
            is_over.set()
            connection.interrupt()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        if seconds:
            timer.start()
        try:
            yield
        except duckdb.InterruptException:
            if not is_over.is_set():
                raise
            raise QuestionRefusedError(
                f"the query took longer than {seconds:g} s. Ask for less, or set INVENTORY_SQL_SECONDS (0: no limit)."
            ) from None
        except RuntimeError as error:
            # What DuckDB makes of a signal that came while it computed.
            if isinstance(error, duckdb.Error) or str(error) != "Query interrupted":
                raise
            raise KeyboardInterrupt from None
        except duckdb.OutOfMemoryException as error:
            raise QuestionRefusedError(
                f"the query needs more than INVENTORY_SQL_MEMORY_LIMIT ({memory}) and INVENTORY_SQL_SPILL_LIMIT "
                f"({spill}) leave it: ask for less, or raise them. ({error})"
            ) from None
        finally:
            timer.cancel()
            if timer.ident is not None:
                # Its thread must not be the last to hold the connection: closed there, DuckDB may wait for ever.
                timer.join()


def _forget_killed() -> None:
    # Who was killed could not clean up. A directory that is another user's stays.
    for path in Path(tempfile.gettempdir()).glob(f"{_SPILL}*-*"):
        pid = path.name.removeprefix(_SPILL).partition("-")[0]
        if pid.isdecimal() and not _is_running(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    return True
