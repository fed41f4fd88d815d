"""Surfaces ask: what a query says is in `queries/` or a capability, or where a surface keeps its own (docs/architecture.md)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SURFACES = ("reports", "console", "commands", "assets", "push", "../sensors")
# What one surface alone shows, in one place of it.
OWN = ("reports/read/", "console/questions.py", "assets/metadata.py")
# Queries to look at and to copy; nobody runs them here.
SHOWN = ("assets/specs.py", "assets/snapshots.py")
QUERY = re.compile(
    r"(?s)\bSELECT\b.+\bFROM\b|\bFROM\s+\(?\s*(raw|core|out|meta|snapshots)\.|^\s*FROM\s*\(|\bSELECT\b\s*$"
)
# As a person types it.
TYPED = 'inventory sql "'


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The string literals of a module, f-strings whole, without docstrings."""
    tree = ast.parse(path.read_text())
    bodies = [node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list)]
    alone = {id(line.value) for body in bodies for line in body if isinstance(line, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in alone or id(node) in parts:
            continue
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def queries(root: Path) -> Iterator[str]:
    for surface in SURFACES:
        for path in sorted((root / surface).rglob("*.py")):
            name = path.resolve().relative_to(root.parent.resolve()).as_posix().removeprefix("inventory_assets/")
            for line, text in texts(path):
                if QUERY.search(text) and TYPED not in text:
                    yield f"{name}:{line}"


def is_allowed(place: str) -> bool:
    return place.startswith((*OWN, *SHOWN))


def test_surfaces_have_no_queries_but_where_they_keep_their_own():
    found = list(queries(Path("inventory_assets")))

    assert [place for place in found if not is_allowed(place)] == []
    assert {each for each in (*OWN, *SHOWN) if not any(place.startswith(each) for place in found)} == set()


def test_a_query_is_recognized(tmp_path):
    """Else the rule above holds of nothing."""
    module = tmp_path / "inventory_assets" / "commands" / "some.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        '"""SELECT a FROM b: a docstring."""\nx = f"SELECT {1} FROM {2}"\ny = "say inventory sql \\"SELECT 1 FROM a\\""\n'
        'z = """\n    SELECT a\n    FROM core.sku_state"""\nw = "FROM (a)"\nv = "selected from a list"\n'
    )

    assert list(queries(tmp_path / "inventory_assets")) == [f"commands/some.py:{line}" for line in (2, 4, 7)]
