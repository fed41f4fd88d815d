"""What a stranger relies on before the first command: short, whole, and true of the checks and rules that are there."""

import re
from collections.abc import Iterator
from itertools import chain

import pytest
import yaml

from tests.docs.markdown import ROOT, prose

RULES = ROOT / "docs" / "rules.md"
# `RULES 5`, `RULES 9-11, 13`, `RULES 15 and 16`, `RULES 37a`; the list ends where the numbers do.
_CITED = re.compile(r"\bRULES (\d+a?(?:(?:-|, | and )\d+a?)*)")
_LAST = 43
_TOPS = (
    "inventory_assets", "sensors", "resources", "tests", "docs", "examples", "deploy", "dbt_project", "benchmarks",
)  # fmt: skip
_TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".sql", ".tf"}


def numbered() -> list[str]:
    """The numbers that `docs/rules.md` has a heading for, in its order."""
    return re.findall(r"^### (\d+a?)\. ", prose(RULES), re.MULTILINE)


def cited() -> dict[str, set[str]]:
    """Every number cited in the repository's files, with where."""
    files = chain(ROOT.glob("*.*"), *((ROOT / top).rglob("*") for top in _TOPS))
    found: dict[str, set[str]] = {}
    for path in files:
        if path.suffix in _TEXT and path.is_file():
            for match in _CITED.finditer(path.read_text()):
                for number in numbers(match[1]):
                    found.setdefault(number, set()).add(str(path.relative_to(ROOT)))
    return found


def numbers(text: str) -> Iterator[str]:
    """Each number of a list such as `9-11, 13`."""
    for part in re.split(r", | and ", text):
        first, _, last = part.partition("-")
        yield from map(str, range(int(first), int(last) + 1)) if last else (first,)


def test_rules_are_numbered_without_gap():
    expected = [str(number) for number in range(1, _LAST + 1)]
    expected.insert(expected.index("38"), "37a")

    assert expected == numbered()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("RULES 21", "21"), ("RULES 9-11, 13", "9 10 11 13"), ("RULES 15 and 16", "15 16"), ("RULES 37a, as", "37a")],
)
def test_a_list_of_rules_is_read(text, expected):
    assert expected.split() == list(chain.from_iterable(numbers(match[1]) for match in _CITED.finditer(text)))


def test_every_rule_cited_is_stated():
    places = cited()

    assert len(places) > 30
    assert {} == {number: where for number, where in places.items() if number not in numbered()}


def test_documents_name_no_source_that_a_reader_cannot_open():
    """Of the rules' sources only `docs/rules.md` speaks by name."""
    folders = [ROOT / top for top in ("docs", "examples", "deploy", "dbt_project")]
    found = (path for folder in folders for path in folder.rglob("*") if path.suffix in _TEXT)
    # What dbt compiles is in `target`, in folders that are named as the files it read.
    read = [*ROOT.glob("*.md"), *(path for path in found if "target" not in path.parts)]

    named = {str(path.relative_to(ROOT)): re.findall(r"\bR ?\d\b|\bDESIGN\b", path.read_text()) for path in read}

    assert ["docs/rules.md"] == [name for name, found in named.items() if found]


def test_no_surface_names_a_source():
    """Help, pages and reports are read by people who have never seen this repository."""
    surfaces = [ROOT / "inventory_assets" / name for name in ("commands", "console", "reports", "notify", "words")]
    files = [path for folder in surfaces for path in folder.rglob("*") if path.suffix in {".py", ".html", ".j2", ".js"}]

    named = {str(path.relative_to(ROOT)): re.findall(r"\bR[0-4]\b|\bDESIGN\b", path.read_text()) for path in files}

    assert {} == {name: found for name, found in named.items() if found}


def test_the_hooks_are_the_checks_of_make_lint():
    recipe = re.search(r"^lint: .*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    checks = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    [local] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]

    assert "local" == local["repo"]
    assert checks == [hook["entry"] for hook in local["hooks"]]
    assert {"system"} == {hook["language"] for hook in local["hooks"]}


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200
