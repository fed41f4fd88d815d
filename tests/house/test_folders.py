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
ACROSS = {"browser", "docs", "end_to_end", "faults", "house", "rules"}

# Where each module has a test of its name, in the mirrored folder.
NAMED = (Path("inventory_assets/domain"), Path("inventory_assets/ingest"))
# Module: the test that holds it instead, as the two have one subject, or as only a lake shows it.
ELSEWHERE = {
    "domain/events/topics.py": "messaging/test_topology.py",
    "domain/events/reading.py": "domain/events/test_parse.py",
    "ingest/notes.py": "ingest/test_writers.py",
    "domain/alerts/reconcile.py": "quality/judges/test_reconcile.py",
    "domain/backtest/days.py": "domain/backtest/test_replay.py",
    "domain/backtest/score.py": "backtest/test_run.py",
    "domain/events/control.py": "domain/alerts/test_lifecycle.py",
    "domain/ingest/alerts.py": "domain/ingest/test_process.py",
    "domain/ingest/meaning.py": "ingest/test_older_lakes.py",
    "domain/ingest/handling.py": "domain/alerts/test_lifecycle.py",
    "domain/ingest/result.py": "domain/ingest/test_process.py",
    "domain/ingest/state.py": "domain/ingest/test_process.py",
    "domain/picture/picture.py": "picture/test_follow.py",
    "domain/picture/rows.py": "picture/test_follow.py",
    "domain/replenish/shelves.py": "domain/replenish/test_plan.py",
    "domain/notify/notifications.py": "notify/test_delivery.py",
    "domain/stock/stock_in_time.py": "domain/stock/test_daily_stock.py",
    "domain/thresholds/changes.py": "thresholds/test_edits.py",
    "domain/thresholds/document.py": "thresholds/test_files.py",
    "domain/thresholds/findings.py": "thresholds/test_check.py",
    "ingest/burst_rows.py": "ingest/test_engine.py",
    "ingest/meaning.py": "ingest/test_sweep.py",
    "ingest/verify.py": "ingest/test_rebuild.py",
}


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


def test_the_test_of_a_module_is_found_by_its_name():
    """Or this file names it; an exception goes when its module does, or has got a test of its own."""
    known = set(modules())
    missing = {
        str(path.relative_to("inventory_assets"))
        for path in known
        if any(room in path.parents for room in NAMED) and path.name != "__init__.py" and _test_of(path) not in known
    }

    assert missing == set(ELSEWHERE)
    assert {test for test in ELSEWHERE.values() if Path("tests", test) not in known} == set()


def _test_of(path: Path) -> Path:
    return Path("tests", *path.parts[1:-1], f"test_{path.name}")


def _mirrored(folder: Path) -> bool:
    inside = Path(*folder.parts[1:])
    return any((REPOSITORY / base / inside).is_dir() for base in ("inventory_assets", "."))
