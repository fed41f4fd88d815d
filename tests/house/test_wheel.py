"""An installed wheel is the product: nothing is looked for beside the package, in a checkout that is not there."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.messaging.brokers import REPOSITORY

BESIDE_CODE = (
    "inventory_assets/project/workspace.yaml",
    "inventory_assets/project/deploy/dagster.yaml",
    "inventory_assets/project/dbt_project/dbt_project.yml",
    "inventory_assets/console/static/console.css",
    "inventory_assets/console/templates/base.html",
    "inventory_assets/reports/templates/style.css",
    "inventory_assets/messaging/topology.toml",
    "inventory_assets/simulator/default_thresholds.yaml",
    "inventory_assets/connector/schemas/inventory/1.0.json",
    "sensors/bursts.py",
    "resources/inventory.py",
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from what git has, unpacked where no checkout is."""
    work = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        source, target = REPOSITORY / name, work / "source" / name
        if source.exists() and not name.startswith(("tests/", "docs/")):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q",
         "-w", str(work), str(work / "source")],
        check=True, capture_output=True,
    )  # fmt: skip
    [wheel] = work.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work / "site")
    return work / "site"


def run(unpacked: Path, work: Path, *arguments: str) -> str:
    """Run Python with the unpacked wheel before everything else, far from the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "INVENTORY_HOME": str(work / "home")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=work, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_the_wheel_has_what_the_code_reads(unpacked):
    assert [name for name in BESIDE_CODE if not (unpacked / name).is_file()] == []
    assert not (unpacked / "inventory_assets/project/dbt_project/target").exists()


def test_help_runs_from_it(unpacked, tmp_path):
    assert "why-not" in run(unpacked, tmp_path, "-m", "inventory_assets.cli", "--help")


@pytest.mark.big
def test_dbt_and_dagster_find_their_files_in_it(unpacked, tmp_path):
    code = (
        "from inventory_assets.marts.build import load_manifest\n"
        "from inventory_assets.project_files import project_dir\n"
        "print(project_dir(), 'model.inventory.alert_responses' in load_manifest()['nodes'])"
    )
    assert run(unpacked, tmp_path, "-c", code).split() == [str(unpacked / "inventory_assets" / "project"), "True"]
