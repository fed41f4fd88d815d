"""Whatever is installed for the product or a check of it is pinned by hash."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.messaging.brokers import REPOSITORY

LOCKS = {
    "requirements.lock": 100, "dbt_project/bigquery.lock": 50, "tests/api/schemathesis.lock": 20,
    "tests/browser/browser.lock": 7, "deploy/connector/requirements.lock": 10,
}  # fmt: skip


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_package_by_hash(lock: str):
    lines = [line for line in (Path(REPOSITORY) / lock).read_text().splitlines() if not line.startswith("#")]
    packages = re.split(r"\n(?=\S)", "\n".join(lines))

    assert len(packages) > LOCKS[lock]
    assert [] == [
        each for each in packages if not re.match(r"[\w.-]+(\[\w+\])?==\S+", each) or "--hash=sha256:" not in each
    ]


def test_every_lock_is_known_here():
    listed = subprocess.run(["git", "ls-files", "*.lock"], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert set(listed.stdout.split()) == set(LOCKS)
