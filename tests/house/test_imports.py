"""Doors that only one module goes through, and some that nobody does."""

import ast
from collections.abc import Iterator
from functools import cache

from tests.house.test_folders import modules
from tests.messaging.brokers import REPOSITORY

# They run what they read.
PICKLES = {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
# Dagster moves these without a word: each side has one place where that is mended.
DAGSTER_INTERNALS = {"inventory_assets/assets/dagster_internals.py", "tests/assets/dagster_internals.py"}


def imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@cache
def texts() -> dict[str, str]:
    return {str(path): (REPOSITORY / path).read_text() for path in modules()}


def trees(*words: str) -> Iterator[tuple[str, ast.Module]]:
    """The modules that have one of the words somewhere: to read all of them takes seconds."""
    for path, text in texts().items():
        if any(word in text for word in words):
            yield path, ast.parse(text)


def test_nothing_is_pickled():
    """`Connection.recv` unpickles as well: `recv_bytes` does not."""
    found = {
        path
        for path, tree in trees(*PICKLES, "recv")
        if PICKLES & {name.split(".")[0] for name in imported(tree)}
        or any(
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "recv"
            and not node.args
            for node in ast.walk(tree)
        )
    }  # fmt: skip

    assert found == set()


def test_dagster_internals_have_one_door():
    found = {
        path for path, tree in trees("dagster")
        if any(name.startswith(("dagster._", "dagster_dbt._", "dagster_gcp._")) for name in imported(tree))
    }  # fmt: skip

    assert found == DAGSTER_INTERNALS
