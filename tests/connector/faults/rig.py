"""A whole connector between a MongoDB and a broker, in a thread or a process.

Belongs here: its settings, starting it, asking it. Does not belong: its two ends (`ends`), faults, assertions.
"""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from pymongo.database import Database

from inventory_assets.cli import cli
from inventory_assets.connector.config import ConnectorConfig, load_config
from inventory_assets.connector.runtime import Parts, run_connector
from tests.messaging.brokers import PATIENCE_SECONDS, REPOSITORY, Broker, eventually


def settings_for(database: Database, uri: str, broker: Broker, home: Path, **more: Any) -> dict[str, str]:
    """A connector's environment: impatient, so that what is waited for comes soon."""
    place, _, options = uri.partition("?")
    base = {
        "CONNECTOR_ID": "c-1", "MONGODB_URI": f"{place}{database.name}?{options}&serverSelectionTimeoutMS=500",
        "PUBSUB_PROJECT": broker.project, "PUBSUB_EMULATOR_HOST": broker.host, "IMAGES": "pre_images",
        "RESUME_TOKEN_PATH": str(home / "tokens.db"), "INVENTORY_HOME": str(home), "HEALTH_PORT": "0",
        "HEARTBEAT_SECONDS": "0.5", "BACKOFF_FIRST_SECONDS": "0.05", "BACKOFF_CAP_SECONDS": "0.3",
        "CIRCUIT_FAILURES": "3", "CIRCUIT_RESET_SECONDS": "0.3", "LOG_SAMPLE": "1",
    }  # fmt: skip
    return base | {name: str(value) for name, value in more.items()}


class Running:
    """A connector in a thread of the test: everything but the start of a process and its signals."""

    def __init__(
        self,
        settings: dict[str, str],
        *,
        parts: Parts | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.config: ConnectorConfig = load_config(None, settings)
        self._parts = parts
        self._now = now
        self._log = io.StringIO()
        self._stop = threading.Event()
        self.exit_code: int | None = None
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.exit_code = run_connector(
                self.config, stop=self._stop, log=self._log, parts=self._parts, now=self._now
            )
        except Exception as error:
            self.error = error

    @property
    def output(self) -> str:
        """Everything it has logged."""
        return self._log.getvalue()

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Its log lines of one event, or all."""
        # The last may be half written.
        lines = [json.loads(line) for line in self.output.rpartition("\n")[0].splitlines()]
        return [line for line in lines if name is None or line["event"] == name]

    def await_event(self, name: str, *, count: int = 1) -> dict[str, Any]:
        """Wait for the nth line of an event."""
        return self.await_(lambda: self.events(name)[count - 1 : count])[0]

    def await_(self, condition: Callable[[], Any]) -> Any:
        """Wait for something; fails at once with the log when the connector has ended meanwhile."""

        def look() -> Any:
            had_ended = not self._thread.is_alive()
            found = condition()
            assert found or not had_ended, f"the connector ended: {self.error!r}\n{self.output[-3000:]}"
            return found

        try:
            return eventually(look)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output[-6000:]}") from None

    def ask(self, path: str) -> tuple[int, Any]:
        """Status and body of /health or /readiness."""
        base = self.await_event("serving")["message"].split()[-1].removesuffix("/health")
        return ask(base + path)

    def await_readiness(self, is_ready: bool) -> dict[str, Any]:
        """Wait until it says that it is, or is not, ready; the body."""
        return self.await_(lambda: _if(self.ask("/readiness"), is_ready))

    def end(self) -> int:
        """Stop it, or see it end; the exit code."""
        self._stop.set()
        return self.join()

    def abandon(self) -> None:
        """Stop it, whatever became of it."""
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)

    def join(self) -> int:
        """Wait for its end; the exit code."""
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), self.output[-3000:]
        if self.error is not None:
            raise self.error
        assert self.exit_code is not None
        return self.exit_code


def _if(answer: tuple[int, Any], is_ready: bool) -> Any:
    return answer[1] if (answer[0] == 200) is is_ready else None


def ask(url: str) -> tuple[int, Any]:
    """GET a JSON document."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class ConnectorProcess:
    """A connector as its operator starts it: `inventory connector run`."""

    def __init__(self, settings: dict[str, str], directory: Path) -> None:
        self._out = directory / "connector.out"
        self._err = directory / "connector.err"
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self.process = subprocess.Popen(
                command("run"), env=environment(settings), stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    @property
    def output(self) -> str:
        """Both of its outputs."""
        return self._out.read_text() + self._err.read_text()

    @property
    def errors(self) -> str:
        """What is on standard error."""
        return self._err.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its log lines of one event."""
        lines = [json.loads(line) for line in self._out.read_text().rpartition("\n")[0].splitlines()]
        return [line for line in lines if line["event"] == name]

    def await_event(self, name: str, *, count: int = 1) -> dict[str, Any]:
        """Wait for the nth line of an event."""

        def look() -> list[dict[str, Any]]:
            found = self.events(name)[count - 1 : count]
            assert found or self.process.poll() is None, self.output[-3000:]
            return found

        return eventually(look)[0]

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def join(self) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def resident_bytes(self) -> int:
        """Memory it has now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def close(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_SECONDS)


def command(*arguments: str) -> list[str]:
    """`inventory connector …` of this environment."""
    return [sys.executable, "-m", "inventory_assets.cli", "connector", *arguments]


def environment(settings: dict[str, str]) -> dict[str, str]:
    """A process's environment; nothing of the test's own settings."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), **settings}


def run_command(*arguments: str, settings: dict[str, str]) -> Result:
    """Run a command of `inventory connector` to its end, in this process; nothing that is set outside counts."""
    outside: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith(("PUBSUB_", "GOOGLE_", "MONGODB_"))
    }
    return CliRunner().invoke(cli, ["connector", *arguments], env=outside | settings)
