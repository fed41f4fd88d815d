"""Run the documents once, in a home and against an emulator of their own.

Belongs here: how a block is run. Does not belong: what must come of it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from inventory_assets.cli import cli
from tests.docs.markdown import DOCUMENTS, Block, blocks
from tests.messaging.brokers import EmulatorProcess

ROOT = Path(__file__).resolve().parents[2]
# The `inventory` script of this environment, by whatever Python the tests run on.
_SHIM = f'#!/bin/sh\nexec {sys.executable} -m inventory_assets.cli "$@"\n'


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
    (work / "bin").mkdir()
    (work / "bin" / "inventory").write_text(_SHIM)
    (work / "bin" / "inventory").chmod(0o755)
    emulator = EmulatorProcess(None)
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("INVENTORY_", "GOOGLE_"))}
    environment = {
        **outside,
        "PATH": f"{work / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PUBSUB_EMULATOR_HOST": emulator.host,
        "INVENTORY_HOME": str(work / "home"),
    }
    try:
        yield [
            _run(block, work, environment)
            for document in DOCUMENTS
            for block in blocks(document)
            if block.language in ("bash", "python", "sql")
        ]
    finally:
        emulator.stop()


def _run(block: Block, work: Path, environment: dict[str, str]) -> Ran:
    if block.language == "sql":
        # In this process: ten more interpreters would take half a minute.
        result = CliRunner().invoke(
            cli, ["sql", "--format", "json", block.code], env={**environment, "INVENTORY_HOME": str(work / "home")}
        )
        return Ran(block, result.exit_code, result.output + (repr(result.exception) if result.exception else ""))
    command = ["bash", "-euo", "pipefail", "-c"] if block.language == "bash" else [sys.executable, "-c"]
    done = subprocess.run(
        [*command, block.code], cwd=work, env=environment, capture_output=True, text=True, timeout=120
    )
    return Ran(block, done.returncode, done.stdout + done.stderr)


def plain(text: str) -> list[str]:
    """Lines without box drawing and repeated space, so that a table may be narrower in a document."""
    lines = (" ".join(re.sub(r"[│┃]", " ", line).split()) for line in text.splitlines())
    return [line for line in lines if line]
