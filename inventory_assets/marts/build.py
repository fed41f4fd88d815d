"""Run dbt on the marts, in a process of its own: it is long, and needs none of the engine's memory or locks.

Belongs here: where the project is, what dbt is told, what came of it. Does not
belong: what a mart holds (`dbt_project`).
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inventory_assets.clock import clock_of
from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.fresh import land_all
from inventory_assets.project_files import project_dir
from inventory_assets.settings import Settings, load_settings

PROJECT_DIR = project_dir() / "dbt_project"
# What parsing depends on; all else there is dbt's own output, or for people.
SOURCES = (".sql", ".yml")
FAILED = ("error", "fail", "runtime error")
# What dbt keeps of a parse. With it the next one, of any home, parses only what has changed since:
# half of a build's first five seconds. dagster-dbt looks for it where we keep it, too.
PARTIAL_PARSE = "partial_parse.msgpack"
SHOWN_LINES = 20
# As dbt says that one of its steps is begun or done: number, of how many, what.
_STEP = re.compile(r"\b(\d+) of (\d+) (START|OK|PASS|ERROR|FAIL|WARN|SKIP)\w* (.+?)(?: \.{2,}|$)")


class MartsBuildError(LakeError):
    """dbt could not build at all; its last words are in the message."""


@dataclass(frozen=True, slots=True)
class Step:
    """One model or test of a build.

    `kind` is model, test or unit_test; `status` is dbt's own word. `query` is
    what a failed test ran: its rows are what is wrong.
    """

    kind: str
    name: str
    status: str
    seconds: float
    message: str
    failures: int | None
    query: str

    @property
    def is_failed(self) -> bool:
        """Whether this is why a build exits 1."""
        return self.status in FAILED


@dataclass(frozen=True, slots=True)
class Build:
    """What came of a build."""

    steps: tuple[Step, ...]
    seconds: float
    log_path: Path

    @property
    def failed(self) -> list[Step]:
        """Models and tests that failed."""
        return [step for step in self.steps if step.is_failed]


def dbt_executable() -> str:
    """The dbt of this environment, whatever the PATH says."""
    return str(Path(sys.executable).with_name("dbt"))


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Environment variables by which a dbt process finds the lake of these settings, wherever it is started."""
    return {
        "INVENTORY_HOME": str(settings.home.resolve()),
        "INVENTORY_CATALOG": settings.catalog,
        "INVENTORY_DATA_PATH": settings.data_path,
        "INVENTORY_MARTS": str(settings.marts_path.resolve()),
        "INVENTORY_SNAPSHOTS_PATH": settings.snapshots_path,
        "INVENTORY_GCS_KEY_ID": settings.gcs_key_id,
        "INVENTORY_GCS_SECRET": settings.gcs_secret,
        "INVENTORY_GCS_ENDPOINT": settings.gcs_endpoint,
        "INVENTORY_TODAY": clock_of(settings).today().isoformat(),
        "DBT_PROFILES_DIR": str(PROJECT_DIR),
        "DO_NOT_TRACK": "1",
    }


def target_path(settings: Settings) -> Path:
    """Where dbt keeps what it compiled, its logs and results: beside the marts, never in the repository."""
    return settings.marts_path / "dbt"


def build_marts(
    settings: Settings,
    *,
    select: Sequence[str] = (),
    command: str = "build",
    progress: Callable[[str], None] = lambda step: None,
) -> Build:
    """Build and test the marts, or the selected ones.

    Args:
        settings: Whose lake is read and whose marts are written.
        select: dbt's own selectors; none is all.
        command: dbt's own: build, run or test.
        progress: Told what is done now.

    Raises:
        LakeMissingError: There is no lake.
        MartsBuildError: dbt ended without results: another build runs, or the project does not parse.
    """
    connect(settings, read_only=True).close()  # says in our words that there is no lake
    progress("bringing what was committed last into the lake")
    land_all(settings)
    progress("starting dbt")
    target = target_path(settings)
    results = target / "run_results.json"
    results.unlink(missing_ok=True)
    if not (target / PARTIAL_PARSE).exists():
        _copy(_parsed(PROJECT_DIR) / PARTIAL_PARSE, target / PARTIAL_PARSE)
    arguments = [command, "--target-path", str(target), "--log-path", str(target / "logs")]
    done = _dbt([*arguments, *(("--select", *select) if select else ())], dbt_environment(settings), progress)
    if not results.exists():
        raise MartsBuildError(f"dbt built nothing:\n{_last_lines(done.stdout)}\nIts log is {target / 'logs/dbt.log'}.")
    found = json.loads(results.read_text())
    steps = tuple(_step(result) for result in found["results"])
    return Build(steps, found["elapsed_time"], target / "logs" / "dbt.log")


def _dbt(
    arguments: Sequence[str], environment: Mapping[str, str], progress: Callable[[str], None] = lambda step: None
) -> subprocess.CompletedProcess[str]:
    command, lines = [dbt_executable(), "--no-use-colors", *arguments], []
    with subprocess.Popen(
        command, cwd=PROJECT_DIR, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    ) as process:  # fmt: skip
        assert process.stdout is not None  # asked for above
        try:
            for line in process.stdout:
                lines.append(line)
                if step := read_step(line):
                    progress(step)
        except BaseException:
            process.terminate()
            raise
    return subprocess.CompletedProcess(command, process.returncode, "".join(lines))


def read_step(line: str) -> str | None:
    """What a line of dbt's says of a step: `12 of 131: sql table model main.fill_rates`; None where it says of none."""
    found = _STEP.search(line)
    return None if found is None else f"{found[1]} of {found[2]}: {found[4].removeprefix('created ').strip()}"


def _step(result: dict[str, Any]) -> Step:
    kind, _, name = result["unique_id"].split(".", 2)
    return Step(
        kind, _short(kind, name), result["status"], result["execution_time"], (result["message"] or "").strip(),
        result["failures"], (result.get("compiled_code") or "").strip(),
    )  # fmt: skip


def _short(kind: str, name: str) -> str:
    # A generic test's id ends with a hash of its arguments.
    head, _, tail = name.rpartition(".")
    return head if kind == "test" and len(tail) == 10 and head else name


def _last_lines(text: str) -> str:
    return "\n".join([line for line in text.splitlines() if line.strip()][-SHOWN_LINES:])


def load_manifest(project_dir: Path = PROJECT_DIR) -> dict[str, Any]:
    """dbt's manifest of the project, as `parsed_manifest` has it."""
    return json.loads(parsed_manifest(project_dir)[0].read_text())


def parsed_manifest(project_dir: Path = PROJECT_DIR) -> tuple[Path, str]:
    """Where dbt's manifest of the project is, and the digest of what it was parsed from.

    It is parsed anew only where a source has changed since it was last.

    A bare machine parses once, without a lake or a network, in about five seconds.

    Raises:
        MartsBuildError: The project does not parse.
    """
    target = _parsed(project_dir)
    target.mkdir(parents=True, exist_ok=True)
    manifest, digest = target / "manifest.json", target / "manifest.digest"
    wanted = _digest(project_dir)
    # Several processes may load the definitions at once; one parses, and the others find it done.
    with (target / "manifest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not manifest.exists() or not digest.exists() or digest.read_text() != wanted:
            _parse(project_dir, manifest)
            digest.write_text(wanted)
        return manifest, wanted


def _parsed(project_dir: Path) -> Path:
    """Where what dbt parsed is kept: in the project, for every home; or in this one, where the project is read-only."""
    return project_dir / "target" if os.access(project_dir, os.W_OK) else load_settings().marts_path / "project"


def _parse(project_dir: Path, manifest: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="inventory-dbt-") as made:
        arguments = ["parse", "--project-dir", str(project_dir), "--target-path", made, "--log-path", made]
        done = _dbt(arguments, {"DBT_PROFILES_DIR": str(project_dir), "DO_NOT_TRACK": "1"})
        if done.returncode:
            raise MartsBuildError(f"dbt could not parse {str(project_dir)!r}:\n{_last_lines(done.stdout)}")
        _copy(Path(made) / PARTIAL_PARSE, manifest.with_name(PARTIAL_PARSE))
        shutil.copyfile(Path(made) / "manifest.json", manifest)


def _copy(source: Path, to: Path) -> None:
    """Copy a file, whole or not at all, if it is there."""
    if not source.exists():
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    fresh = to.with_name(f"{to.name}.{os.getpid()}")
    shutil.copyfile(source, fresh)
    fresh.replace(to)


def _digest(project_dir: Path) -> str:
    found = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    for path in sorted(project_dir.rglob("*")):
        inner = path.relative_to(project_dir)
        if path.suffix in SOURCES and inner.parts[0] not in ("target", "logs", ".venv"):
            found.update(f"{inner}\0".encode() + path.read_bytes())
    return found.hexdigest()
