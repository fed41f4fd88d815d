"""What a row is and which row counts is said once: at the table, or in `lake.query`. Twice is how they drift apart."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from inventory_assets.domain.events.kinds import FINAL_STATUSES, STOCK_KINDS
from inventory_assets.lake.files.partition_files import SNAPSHOT_TABLES
from inventory_assets.lake.query.clauses import WORST_FIRST, counting_versions, latest
from inventory_assets.lake.tables import APPEND_TABLES, VERSIONED_TABLES
from tests.house.test_folders import modules
from tests.messaging.brokers import REPOSITORY

CLAUSES = Path("inventory_assets/lake/query/clauses.py")
# The domain knows no lake, and the simulator nothing of ours: what they give is compared with it.
APART = ("inventory_assets/domain/", "inventory_assets/simulator/")
COLUMNS = [{*table.columns} for table in (*APPEND_TABLES, *VERSIONED_TABLES, *SNAPSHOT_TABLES)]
# One or two ids are any frame's; three columns with their types are a table's.
FEW = 2


def product_modules() -> list[Path]:
    """The modules that ship."""
    return [path for path in modules() if path.parts[0] in ("inventory_assets", "sensors", "resources")]


def users_of(pattern: str) -> set[Path]:
    """The modules whose text has a pattern, whatever the lines and the case."""
    return {path for path in product_modules() if re.search(pattern, (REPOSITORY / path).read_text(), re.IGNORECASE)}


def words(values: tuple[str, ...]) -> str:
    """A pattern for all of some words in quotes one after the other, in any order."""
    each = "|".join(values)
    return rf"'(?:{each})'" + rf",\s*'(?:{each})'" * (len(values) - 1)


def test_the_latest_row_is_chosen_in_one_place():
    assert {CLAUSES} == users_of("qualify")


def test_the_version_that_counts_is_ranked_in_one_place():
    """RULES 13 in SQL: velocities, incidents and the rules of quality must mean the same one."""
    assert {CLAUSES} == users_of(r"case\s+status\s+when")


def test_the_worst_comes_first_in_one_way():
    assert {CLAUSES} == users_of(r"case\s+(\w+\.)?priority\s+when")


def test_kinds_and_final_statuses_are_listed_in_one_place():
    assert set() == users_of(words(STOCK_KINDS)) | users_of(words(FINAL_STATUSES))


def test_frames_take_their_types_from_the_table():
    """A literal of names and types beside the table's own is right until a column is added."""
    found = [
        f"{path}:{line}"
        for path in users_of(r"\bpl\.")
        if not str(path).startswith(APART)
        for line, names in _typed_literals(ast.parse((REPOSITORY / path).read_text()))
        if len(names) > FEW and any(names <= columns for columns in COLUMNS)
    ]

    assert [] == found


def _typed_literals(tree: ast.AST) -> Iterator[tuple[int, set[str]]]:
    """Literals of columns with polars types, or handed to a new frame: their line, and the names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict) and any(_is_type(value) for value in node.values):
            yield node.lineno, _names(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pl.DataFrame":
            yield from ((each.lineno, _names(each)) for each in node.args if isinstance(each, ast.Dict))


def _names(node: ast.Dict) -> set[str]:
    return {key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def _is_type(node: ast.expr) -> bool:
    return bool(re.match(r"pl\.(Int|UInt|Float|String|Boolean|Date|Datetime|Binary)", ast.unparse(node)))


def test_the_patterns_find_what_they_are_for():
    """A pattern that matches nothing keeps every house tidy."""
    assert re.search("qualify", latest("sku"), re.IGNORECASE)
    assert re.search(r"case\s+status\s+when", counting_versions("event_id", "true"), re.IGNORECASE)
    assert re.search(r"case\s+(\w+\.)?priority\s+when", WORST_FIRST, re.IGNORECASE)
    assert re.search(words(STOCK_KINDS), "kind IN ('level', 'transaction', 'tombstone')")
    assert re.search(words(FINAL_STATUSES), "status IN ('CANCELLED', 'COMPLETED')")
    literal = 'pl.DataFrame({"sku": skus, "on_hand": stock, "reserved": held})'
    typed = 'X = {"sku": pl.String, "on_hand": pl.Int64, "reserved": pl.Int64}'
    wanted = [(1, {"sku", "on_hand", "reserved"})]
    assert wanted == [*_typed_literals(ast.parse(literal))] == [*_typed_literals(ast.parse(typed))]
