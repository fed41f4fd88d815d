"""Cut the connector's lock out of the product's: `.venv/bin/python deploy/connector/make_lock.py`.

The image then holds what a connector runs, and neither Dagster and dbt nor what is for tests only.
Versions and hashes stay those of `requirements.lock`. Run it after that file changes; a test says so.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "requirements.lock"
TARGET = Path(__file__).with_name("requirements.lock")
# Direct dependencies that only the lake, the UI, reports and `inventory schema` need.
LEFT_OUT = {
    "dagster", "dagster-dbt", "dagster-gcp", "dagster-webserver", "dbt-core", "dbt-duckdb", "gcsfs",
    "google-cloud-storage", "grpcio-tools", "psycopg", "pyarrow", "sqlalchemy",
    "duckdb-extension-ducklake", "duckdb-extension-sqlite-scanner", "duckdb-extension-postgres-scanner",
    "duckdb-extension-httpfs",
}  # fmt: skip
# Builds our own package in the image.
TO_BUILD = "setuptools"
HEAD = "# Cut out of ../../requirements.lock by make_lock.py: what a connector runs. Do not edit.\n"


def needed() -> set[str]:
    """Canonical names of all that a connector needs, as the installed packages say."""
    waiting = [(canonicalize_name("inventory-assets"), frozenset({"firestore"})), (TO_BUILD, frozenset[str]())]
    found: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in found or name in LEFT_OUT:
            continue
        found.add((name, extras))
        for text in metadata.requires(name) or []:
            each = Requirement(text)
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                waiting.append((canonicalize_name(each.name), frozenset(each.extras)))
    return {name for name, _ in found} - {"inventory-assets"}


def cut(source: str, names: set[str]) -> str:
    """The lock's entries of these packages, as they stand there."""
    # More than one where the version depends on Python's.
    chosen: dict[str, list[str]] = {}
    for entry in re.findall(r"^\S+==.*?(?:\\\n.*?)*$", source, flags=re.MULTILINE):
        chosen.setdefault(canonicalize_name(entry.partition("==")[0].partition("[")[0]), []).append(entry)
    if missing := names - chosen.keys():
        sys.exit(f"error: {SOURCE.name} has no entry for {', '.join(sorted(missing))}")
    return HEAD + "\n".join(entry for name in sorted(names) for entry in chosen[name]) + "\n"


if __name__ == "__main__":
    TARGET.write_text(cut(SOURCE.read_text(), needed()))
