"""Every sentence, number format and picture has one home, and speaks the trade's English."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.test_folders import modules
from tests.messaging.brokers import REPOSITORY

PRODUCT = ("inventory_assets", "resources", "sensors")
# They know nothing of ours, so what is said there is said there.
STRANGERS = {"connector", "emulator", "simulator"}

SECOND_HOMES = {
    "block characters": r"[▁▂▃▄▅▆▇█]",
    "SVG by hand": r"<svg",
    "a plural by hand": r"""f?(["'])\w*\1 if [\w.()\[\]"']+ (?:==|!=|>) 1 else|else (["'])e?s\2|(["'])e?s\3 if """,
    "a format of its own": r"def _?(?:sparkline|duration|span|plural|counted?|count_of|number|figure)\(\w+: ?(?:int|float)",
    "a time of its own": r":%Y-%m-%d %H:%M",
    "an environment of templates": r"(?<!: )\bEnvironment\(",
}
# Module: why it may have a second one.
EXCUSED = {
    "inventory_assets/domain/values.py": "`span`, of which `words.times` makes its own: the lake keeps sentences with it",
    "inventory_assets/domain/thresholds/findings.py": "its findings are sentences, and the domain imports nothing above",
    "inventory_assets/quality/pipeline.py": "a time in SQL",
}

WITHDRAWN = re.compile(
    r"\b(?:un)?told\b|\btellings?\b|\btaken by\b|\bnot taken\b|\bnobody took\b|\bheld (?:by|back|during)\b|\bno longer held\b",
    re.IGNORECASE,
)
# (Module, word): why it may say so.
STILL_SAID = {
    ("inventory_assets/queries/alerts.py", "told"): "a field of JSON that others rely on",
    ("inventory_assets/lake/tables.py", "told"): "a column of out.alert_quality",
    ("inventory_assets/domain/alerts/reconcile.py", "untold"): "a code that alerts carry",
    ("inventory_assets/notify/explain.py", "telling"): "a field of JSON that others rely on",
    ("inventory_assets/notify/history.py", "telling"): "a value of JSON that others rely on",
}


def product() -> list[Path]:
    """The product's modules."""
    return [path for path in modules() if path.parts[0] in PRODUCT]


def pages() -> list[Path]:
    """Templates and scripts, as paths from the repository's root."""
    found = (REPOSITORY / "inventory_assets").rglob("*")
    return [path.relative_to(REPOSITORY) for path in found if path.suffix in (".html", ".j2", ".js")]


@pytest.mark.parametrize("what", SECOND_HOMES)
def test_a_format_has_one_home(what):
    """Two of a kind drift apart: an age was `3d 4h` on one page and `3 days` on the next."""
    pattern = re.compile(SECOND_HOMES[what])
    found = [
        f"{path}:{number}"
        for path in product()
        if path.parts[1] not in {"words", *STRANGERS} and str(path) not in EXCUSED
        for number, line in enumerate((REPOSITORY / path).read_text().splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []


def test_what_was_withdrawn_is_not_said():
    """Alertmanager and ERP systems say notified, acknowledged, inhibited; so do we (docs/glossary.md)."""
    said = {(str(path), found.lower()) for path in product() for text in sentences(path) for found in withdrawn(text)}
    said |= {(str(path), found.lower()) for path in pages() for found in withdrawn((REPOSITORY / path).read_text())}

    assert said == set(STILL_SAID)


def withdrawn(text: str) -> list[str]:
    """The withdrawn words in a text."""
    return WITHDRAWN.findall(text)


def sentences(path: Path) -> Iterator[str]:
    """A module's texts that somebody may read: all but the docstrings of what is no command, asset, sensor or check."""
    tree = ast.parse((REPOSITORY / path).read_text())
    unseen = {id(node.body[0]) for node in ast.walk(tree) if _is_documented(node) and not _is_seen(node)}
    unseen = {id(node.value) for node in ast.walk(tree) if id(node) in unseen and isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unseen:
            yield node.value


def _is_documented(node: ast.AST) -> bool:
    return isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and bool(node.body)


def _is_seen(node: ast.AST) -> bool:
    decorators = " ".join(map(ast.unparse, getattr(node, "decorator_list", ())))
    return re.search(r"command|group|asset|sensor|check|op\b", decorators) is not None
