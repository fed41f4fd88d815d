"""Run the command line as a user does: arguments, environment, exit code, both outputs.

Belongs here: how a command is run. Does not belong: what it must do.
"""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inventory_assets import cli
from inventory_assets.ingest.engine import Engine
from tests.builders import level, messages, rule, transaction
from tests.messaging.brokers import REPOSITORY, our_emulator

COMMAND = Path(sys.executable).with_name("inventory")


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Its JSON output; fails if anything else is there."""
        found = json.loads(self.out)
        assert isinstance(found, list)
        return found


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Callable[..., Ran]:
    """Run a command in this process: a second cheaper than a process of its own."""

    def run_(*arguments: str, at: Path = home, stdin: bytes = b"") -> Ran:
        monkeypatch.setenv("INVENTORY_HOME", str(at))
        monkeypatch.setattr(sys, "argv", ["inventory", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return run_


def run_process(*arguments: str, home: Path, stdin: bytes = b"", **environment: str) -> Ran:
    """Run the installed command."""
    done = subprocess.run(
        [str(COMMAND), *arguments], input=stdin, capture_output=True, cwd=REPOSITORY, timeout=240, check=False,
        env={**os.environ, "INVENTORY_HOME": str(home), **environment},
    )  # fmt: skip
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """Host of an emulator in memory."""
    with our_emulator() as host:
        yield host


@pytest.fixture(scope="module")
def shop_home(filled: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose lake has a few versions, an alert, a dead letter. Read it only."""
    return filled(_trade, tmp_path_factory.mktemp("shop"))


def _trade(engine: Engine) -> None:
    engine.commit_burst(messages(rule(10, 20), level(100, sku="S1"), level(50, sku="=S2", warehouse_id="W2")))
    engine.commit_burst(messages(transaction("T1", quantity=-95), b"broken"))
    engine.commit_burst(messages(transaction("T2", "RESTOCK", 10**12, "09:00")))
