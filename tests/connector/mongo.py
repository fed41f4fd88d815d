"""A MongoDB-wire server for tests: a process that can be killed, or the one MONGODB_URI names.

Belongs here: processes, databases, fail points, short-hands. Does not belong: assertions, fixtures.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from tests.messaging.brokers import PATIENCE_SECONDS, eventually, unclaimed_port

URI_VARIABLE = "MONGODB_URI"
PROGRAM = "secantusd-py"


def external_uri() -> str | None:
    """The real server to test against; None where the tests start their own."""
    return os.environ.get(URI_VARIABLE) or None


def new_database_name() -> str:
    """A name no other test has, short enough for every server."""
    return f"inventory_{uuid.uuid4().hex[:12]}"


class ExternalMongo:
    """A server that is not ours: it can be used, but neither killed nor restarted."""

    can_restart = False

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def client(self, **options: Any) -> MongoClient:
        """A client of its own; the caller closes it."""
        return MongoClient(self.uri, serverSelectionTimeoutMS=int(PATIENCE_SECONDS * 1000), **options)

    def close(self) -> None:
        """Nothing was started."""


class MongoServer:
    """One server process with a directory and a port of its own, which it keeps over restarts."""

    can_restart = True

    def __init__(self, *options: str, directory: Path | None = None) -> None:
        self._directory = directory or Path(tempfile.mkdtemp(prefix="inventory-mongo-"))
        self._options = options
        self._process: subprocess.Popen | None = None
        self.port = unclaimed_port()
        # Where a fail point plays a failover the server's state does not change, so that the driver
        # learns only by its next heartbeat that there is a primary after all.
        self.uri = f"mongodb://127.0.0.1:{self.port}/?replicaSet=secantus&heartbeatFrequencyMS=500"
        # Of this server alone, whatever set it is in.
        self.host_uri = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        self.start()

    def start(self) -> None:
        """Start on the same port and data, and wait until it answers."""
        assert self._process is None
        # Beside the interpreter: what is found first on PATH may be another environment's.
        program = Path(sys.executable).parent / PROGRAM
        command = [
            str(program), "--sync-on-commit", "--enable-test-commands", "--noop-heartbeat-seconds", "1",
            "--log-level", "WARNING", "--host", "127.0.0.1", "--port", str(self.port),
            "--storage-path", str(self._directory / "data"), *self._options,
        ]  # fmt: skip
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        eventually(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"{PROGRAM} ended: {(self._directory / 'log').read_text()[-2000:]}")
        with MongoClient(self.host_uri, serverSelectionTimeoutMS=500) as client:
            try:
                client.admin.command("ping")
            except PyMongoError:
                return False
            return True

    def client(self, **options: Any) -> MongoClient:
        """A client of its own; the caller closes it."""
        return MongoClient(self.uri, serverSelectionTimeoutMS=int(PATIENCE_SECONDS * 1000), **options)

    def forget_history(self) -> None:
        """Cut the oplog to its limits now; by itself the server does so every 1,000 entries."""
        with self.client() as client:
            client.admin.command("secantusAdmin.pruneOplog")

    def kill(self) -> None:
        """kill -9."""
        self._end(is_kind=False)

    def stop(self) -> None:
        """Stop as a service manager does."""
        self._end(is_kind=True)

    def _end(self, *, is_kind: bool) -> None:
        if self._process is None:
            return
        (self._process.terminate if is_kind else self._process.kill)()
        self._process.wait(PATIENCE_SECONDS)
        self._process = None

    def close(self) -> None:
        """End it, and remove what is on disk."""
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)


def forgetful_server(*, max_entries: int | None = None, retention_seconds: int | None = None) -> MongoServer:
    """A server with a short oplog, so that history can be lost within a test (`forget_history`)."""
    options: list[str] = []
    if max_entries is not None:
        options += ["--oplog-max-entries", str(max_entries)]
    if retention_seconds is not None:
        options += ["--oplog-retention-seconds", str(retention_seconds)]
    return MongoServer(*options)


@contextmanager
def failing(
    client: MongoClient,
    commands: Sequence[str],
    *,
    times: int = 1,
    code: int | None = None,
    labels: Sequence[str] = (),
    is_disconnect: bool = False,
) -> Iterator[None]:
    """Have the server fail the next `times` commands of these names, as mongod's fail point does."""
    how: dict[str, Any] = {"failCommands": list(commands)}
    if code is not None:
        how["errorCode"] = code
    if labels:
        how["errorLabels"] = list(labels)
    if is_disconnect:
        how["closeConnection"] = True
    try:
        client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": times}, "data": how})
    except OperationFailure:
        pytest.skip("this server has no fail points (mongod: --setParameter enableTestCommands=1)")
    try:
        yield
    finally:
        client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@contextmanager
def mongodb() -> Iterator[str]:
    """The URI of a server: the one MONGODB_URI names, or one that lives as long as the block."""
    if uri := external_uri():
        yield uri
        return
    server = MongoServer()
    try:
        yield server.uri
    finally:
        server.close()


@contextmanager
def new_database(client: MongoClient) -> Iterator[str]:
    """The name of a database of its own, dropped at the end."""
    name = new_database_name()
    try:
        yield name
    finally:
        client.drop_database(name)
