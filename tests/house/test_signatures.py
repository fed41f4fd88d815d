"""How long a module gets, what a time is called, how many arguments go by their place: what the documents say of it."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from tests.house.test_rows import product_modules
from tests.messaging.brokers import REPOSITORY

MOST_LINES = 400
# Why each is longer: cut, one would read two to follow one thing.
LONGER = {
    "inventory_assets/domain/ingest/process.py": "one burst, step by step",
    "inventory_assets/domain/ingest/state.py": "what is warm, and the draft over it",
    "inventory_assets/ingest/engine.py": "one commit, whichever kind",
    "inventory_assets/ingest/ingest.py": "the burst loop",
    "inventory_assets/ingest/warm.py": "loading all of the state",
    "inventory_assets/lake/tables.py": "the columns of every table",
    "inventory_assets/lake/transaction.py": "a writer's handle, and its transactions",
    "inventory_assets/api/hub.py": "one loop that tells all streams",
    "inventory_assets/messaging/prefetch.py": "threads that pull, and what they share",
    "inventory_assets/settings.py": "every setting",
    "inventory_assets/simulator/world.py": "the retailer's days",
}
# Generated.
NOT_OURS = "_pb2.py"
MOST_BY_PLACE = 3
# They were written before the rule was held, or beside it on its first day; may it only fall.
OLDER_BY_PLACE = 281


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in product_modules():
        if not path.name.endswith(NOT_OURS):
            yield str(path), ast.parse((REPOSITORY / path).read_text())


def is_of_click(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether options become its arguments, by name."""
    return any(
        each in ast.unparse(line) for line in function.decorator_list for each in ("click.", "option", "command")
    )


def test_a_module_has_about_300_lines_or_a_reason():
    lines = {str(path): (REPOSITORY / path).read_text().count("\n") for path in product_modules()}
    longer = {path for path, count in lines.items() if count > MOST_LINES and not path.endswith(NOT_OURS)}

    assert longer == set(LONGER)


def test_beyond_three_arguments_they_are_keywords_in_what_is_new():
    found = [
        f"{path}:{function.lineno}"
        for path, tree in trees()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and not is_of_click(function)
        and len([each for each in function.args.args if each.arg not in ("self", "cls")]) > MOST_BY_PLACE
    ]  # fmt: skip

    assert len(found) <= OLDER_BY_PLACE


def annotated(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(name, type) of fields and arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            yield node.arg, ast.unparse(node.annotation)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, ast.unparse(node.annotation)


def test_in_the_domain_a_name_of_a_time_is_of_one_type():
    types = defaultdict(set)
    for path, tree in trees():
        if path.startswith("inventory_assets/domain/"):
            for name, type_ in annotated(tree):
                types[name].add(type_.removesuffix(" | None"))
    both = {name: found for name, found in types.items() if name.endswith("_at") and len(found) > 1}
    spans = {name: found for name, found in types.items() if name.endswith("_us") and found != {"int"}}

    assert (both, spans) == ({}, {})
    assert types["event_at"] == {"int"}
