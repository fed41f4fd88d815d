"""A MongoDB for the store's tests: the one at MONGODB_URI, or a SecantusDB process of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pymongo import MongoClient

PATIENCE_MS = 60_000


@contextlib.contextmanager
def mongo_uri(directory: Path) -> Iterator[str]:
    """Run a server; the URI of it."""
    if found := os.environ.get("MONGODB_URI"):
        yield found
        return
    port = _free_port()
    program = Path(sys.executable).with_name("secantusd-py")
    log = (directory / "secantusdb.log").open("wb")
    process = subprocess.Popen(
        [program, "--sync-on-commit", "--port", str(port), "--storage-path", str(directory / "data"), "--cache-size", "64M"],
        cwd=directory, stdout=log, stderr=log,
    )  # fmt: skip
    uri = f"mongodb://127.0.0.1:{port}/?directConnection=true"
    try:
        with MongoClient(uri, serverSelectionTimeoutMS=PATIENCE_MS) as client:
            client.admin.command("ping")
        yield uri
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
