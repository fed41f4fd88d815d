"""The house stays one that a stranger finds his way in: small rooms, no attic, tests where the code is."""

import subprocess
from pathlib import Path

from tests.messaging.brokers import REPOSITORY

MOST_MODULES = 22
# Folder: why it may hold more.
LARGER: dict[str, str] = {}
# What the layout of an earlier round left: rooms for whatever had no room.
ATTICS = {"stages", "delivery", "utils", "helpers", "common", "misc"}
# Suites that hold no one folder to its word: laws over the whole, and what users run.
ACROSS = {"docs", "end_to_end", "faults", "house", "rules"}


def modules() -> list[Path]:
    """The Python files that git knows or would take, as paths from the repository's root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [path for line in listed.splitlines() if (REPOSITORY / (path := Path(line))).exists()]


def test_no_folder_holds_more_modules_than_one_looks_through():
    counts: dict[str, int] = {}
    for path in modules():
        if path.name != "__init__.py":
            counts[str(path.parent)] = counts.get(str(path.parent), 0) + 1

    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES and folder not in LARGER} == {}
    assert set(LARGER) <= {folder for folder, count in counts.items() if count > MOST_MODULES}


def test_no_folder_is_an_attic():
    assert {str(path) for path in modules() if ATTICS & set(path.parts)} == set()


def test_tests_mirror_the_tree():
    """Who changes `ingest/engine.py` looks for `tests/ingest/`, and finds it."""
    folders = {path.parent for path in modules() if path.parts[0] == "tests"}
    strays = [
        str(folder) for folder in folders
        if len(folder.parts) > 1 and not ACROSS & set(folder.parts) and not _mirrored(folder)
    ]  # fmt: skip

    assert strays == []


def _mirrored(folder: Path) -> bool:
    inside = Path(*folder.parts[1:])
    return any((REPOSITORY / base / inside).is_dir() for base in ("inventory_assets", "."))
