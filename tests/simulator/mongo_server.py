"""A MongoDB to play the shop into: `MONGODB_URI`, else a server of the tests' own.

Belongs here: starting and ending it. Does not belong: assertions.
"""

import contextlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

from pymongo import MongoClient

from tests.messaging.brokers import PATIENCE_SECONDS, eventually, unclaimed_port

SERVER = Path(sys.executable).with_name("secantusd-py")


@contextlib.contextmanager
def mongodb(storage: Path) -> Iterator[str]:
    """Its URI."""
    if uri := os.environ.get("MONGODB_URI"):
        yield uri
        return
    port = unclaimed_port()
    process = subprocess.Popen(
        [
            str(SERVER),
            "--sync-on-commit",
            "--enable-test-commands",
            "--port",
            str(port),
            "--storage-path",
            str(storage),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    uri = f"mongodb://127.0.0.1:{port}/?directConnection=true"
    try:
        with MongoClient(uri, serverSelectionTimeoutMS=1000) as client:
            eventually(lambda: _answers(client), seconds=PATIENCE_SECONDS)
        yield uri
    finally:
        process.kill()
        process.wait()


def _answers(client: MongoClient) -> bool:
    with contextlib.suppress(Exception):
        client.admin.command("ping")
        return True
    return False


@contextlib.contextmanager
def new_database(client: MongoClient) -> Iterator[str]:
    """The name of a database of its own, dropped at the end."""
    name = f"test_{uuid.uuid4().hex[:10]}"
    try:
        yield name
    finally:
        client.drop_database(name)
