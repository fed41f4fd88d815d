"""Dagster as `inventory run` starts it: a code server, the guarded UI and the daemon, and nothing between them.

Belongs here: what `dagster dev` does, of what is needed. That command would stay in memory beside its children, and
put a proxy before the code server: 97 and 75 MiB, and 17 s of CPU at the start. The proxy loads code anew when
somebody presses "Reload", which is for who writes it (`dagster dev`); that its server has died, it does not see.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

from inventory_assets.commands.run.processes import Processes, wait_for_port

MODULE = "inventory_assets.definitions"
# As workspace.yaml names it, so that what was switched on there is on here.
LOCATION = "inventory"
CODE_SERVER, UI, DAEMON = "code-server", "dagster-ui", "dagster-daemon"
START_SECONDS = 120.0


class DagsterProcesses:
    """The three, children of `processes`; ended by its `stop`, and what is between them by `close`."""

    def __init__(self, processes: Processes, *, logs: Path, env: Mapping[str, str], cwd: Path) -> None:
        self._processes = processes
        self._logs = logs
        # Definitions may ask whether they are in a local Dagster; `dagster dev` says so by this.
        self._env = {**env, "DAGSTER_IS_DEV_CLI": "1"}
        self._cwd = cwd
        # Of nobody else: who may speak to the socket may start runs. Short, as a socket's path must be.
        self.folder = Path(tempfile.mkdtemp(prefix="inventory-dagster-"))
        self._socket = self.folder / "code"
        self._server: subprocess.Popen | None = None

    def start(self, port: int) -> str | None:
        """Start all; the name of what did not come up, if any."""
        workspace = self.folder / "workspace.yaml"
        server = {"location_name": LOCATION, "host": "localhost", "socket": str(self._socket)}
        workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
        self._start_server()
        if not self._is_listening(START_SECONDS):
            return CODE_SERVER
        words = ("--workspace", str(workspace))
        ui = self._start(
            UI, "inventory_assets.console.dagster_ui", "--host", "127.0.0.1", "--port", str(port),
            "--dagster-log-level", "warning", "--live-data-poll-rate", "2000", *words,
        )  # fmt: skip
        self._start(DAEMON, "dagster._daemon", "run", "--log-level", "warning", *words)
        return None if wait_for_port(port, seconds=START_SECONDS, child=ui) else UI

    def replace_dead(self) -> bool:
        """Start another code server where it has died, as after an out-of-memory kill; whether it had."""
        if self._server is None or self._server.poll() is None:
            return False
        self._start_server()
        return True

    @property
    def server_pid(self) -> int:
        """The process that holds our code."""
        assert self._server is not None
        return self._server.pid

    def close(self) -> None:
        """Take away what they met by."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_server(self) -> None:
        self._socket.unlink(missing_ok=True)
        self._server = self._start(
            CODE_SERVER, "dagster", "api", "grpc", "--lazy-load-user-code", "--socket", str(self._socket),
            "--log-level", "warning", "--inject-env-vars-from-instance", "--location-name", LOCATION,
            "-m", MODULE, "-d", str(self._cwd),
        )  # fmt: skip

    def _start(self, name: str, *words: str) -> subprocess.Popen:
        command = [sys.executable, "-m", *words]
        return self._processes.start(name, command, log=self._logs / f"{name}.log", env=self._env, cwd=self._cwd)

    def _is_listening(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._server is not None and self._server.poll() is None:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(self._socket)) == 0:
                    return True
            time.sleep(0.1)
        return False
