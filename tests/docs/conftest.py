"""Run the documents once, in a home and against an emulator of their own.

Belongs here: how a block is run. Does not belong: what must come of it.

`inventory` runs in this process, as an interpreter for each of fifty commands
takes over a minute; all else in a block is bash's.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from inventory_assets.cli import cli
from tests.connector.mongo import MongoServer
from tests.docs.markdown import DOCUMENTS, ROOT, Block, blocks
from tests.messaging.brokers import EmulatorProcess, unclaimed_port

Result = tuple[int, str]
CONNECTOR = ROOT / "docs" / "connector.md"


@dataclass(frozen=True, slots=True)
class Ran:
    """A block that was run, and what came of it."""

    block: Block
    exit_code: int
    output: str


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Ran]]:
    """Every runnable block of every document, run in order."""
    work = tmp_path_factory.mktemp("docs")
    alone = tmp_path_factory.mktemp("connector")
    with _surroundings(work):
        yield [
            each
            for document in DOCUMENTS
            for each in (_ran_beside_mongodb(document, alone) if document == CONNECTOR else _ran(document))
        ]


def _ran(document: Path) -> list[Ran]:
    return [Ran(block, *_run(block)) for block in blocks(document) if block.language in ("bash", "python", "sql")]


def _ran_beside_mongodb(document: Path, work: Path) -> list[Ran]:
    """A lake of its own, too: what a shop's database streams is no part of what the others ask about."""
    mongo = MongoServer()
    try:
        with _surroundings(work) as patch:
            patch.setenv("MONGODB_URI", mongo.uri.replace("/?", "/inventory?"))
            patch.setenv("HEALTH_PORT", str(unclaimed_port()))
            return _ran(document)
    finally:
        _end_of(work / "connector.pid")
        mongo.close()


@contextmanager
def _surroundings(work: Path) -> Iterator[pytest.MonkeyPatch]:
    """A home and an emulator, and nothing that is set outside."""
    emulator = EmulatorProcess(None)
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("INVENTORY_", "GOOGLE_")):
                patch.delenv(name)
        patch.setenv("PUBSUB_EMULATOR_HOST", emulator.host)
        patch.setenv("INVENTORY_HOME", str(work / "home"))
        patch.setenv("PYTHONPATH", str(ROOT))
        # Where a block runs `inventory` by bash, as in the background.
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        patch.chdir(work)
        # What documents name from the repository's root.
        (work / "examples").symlink_to(ROOT / "examples")
        try:
            yield patch
        finally:
            emulator.stop()


def _end_of(pid_file: Path) -> None:
    """End what a block has left running, where a later one that ends it failed."""
    with suppress(OSError, ValueError, psutil.NoSuchProcess):
        process = psutil.Process(int(pid_file.read_text()))
        if "connector" in process.cmdline():
            process.kill()


def _run(block: Block) -> Result:
    if block.language == "sql":
        return _inventory(["sql", "--format", "json", block.code])
    if block.language == "python":
        return _process([sys.executable, "-c", block.code])
    output = ""
    for is_ours, lines in groupby(block.code.splitlines(), _is_ours):
        for command in list(lines) if is_ours else ["\n".join(lines)]:
            arguments = shlex.split(os.path.expandvars(command))[1:] if is_ours else []
            code, printed = _inventory(arguments) if is_ours else _bash(command)
            output += printed
            if code:
                return code, f"{output}$ {command}"
    return 0, output


def _is_ours(line: str) -> bool:
    return line.startswith("inventory ") and not re.search(r" [|<>&]", re.sub(r"'[^']*'|\"[^\"]*\"", "", line))


def _inventory(arguments: list[str]) -> Result:
    if arguments == ["drain"]:
        # A busy machine may need more than the second in which a reader's has answered.
        arguments = ["drain", "--wait", "3"]
    result = CliRunner().invoke(cli, arguments)
    error = "" if result.exception is None else repr(result.exception)
    return result.exit_code, result.output + error


def _bash(script: str) -> Result:
    return _process(["bash", "-euo", "pipefail", "-c", script])


def _process(command: list[str]) -> Result:
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    return done.returncode, done.stdout + done.stderr


def plain(text: str) -> list[str]:
    """Lines without box drawing and repeated space, so that a table may be narrower in a document."""
    lines = (" ".join(re.sub(r"[│┃]", " ", line).split()) for line in text.splitlines())
    return [line for line in lines if line]
