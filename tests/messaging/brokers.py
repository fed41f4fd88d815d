"""Brokers under test: start them, stop them, and talk to them through real clients.

Belongs here: processes and short-hands. Does not belong: assertions.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from google.api_core import exceptions

from inventory_assets.messaging.connection import Connection, connect

GOOGLE_EMULATOR = Path("/usr/lib/google-cloud-sdk/platform/pubsub-emulator/bin/cloud-pubsub-emulator")
REPOSITORY = Path(__file__).resolve().parents[2]
# For what comes at once on an idle machine. A test that passes does not wait, so
# the limit is for a machine where everything else runs, too.
PATIENCE_SECONDS = 60.0
CALL_SECONDS = 30.0


class EmulatorProcess:
    """Our emulator as a process of its own, so that it can be killed."""

    def __init__(self, data_dir: Path | None, *, port: int = 0, oidc: Sequence[str] = ()) -> None:
        where = ["--data", str(data_dir)] if data_dir else ["--in-memory"]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "inventory_assets.emulator", "--port", str(port), *where, *oidc],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("emulator ready on "):
            raise RuntimeError(self.process.communicate(timeout=PATIENCE_SECONDS)[1])
        self.host = line.removeprefix("emulator ready on ").strip()
        self.port = int(self.host.rsplit(":", 1)[1])
        # Where its key set is, if it was told to serve one.
        self.keys = self.process.stdout.readline().rpartition(" keys at ")[2].strip() if oidc else ""

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=PATIENCE_SECONDS)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode


@contextlib.contextmanager
def our_emulator() -> Iterator[str]:
    """Run our emulator in memory."""
    emulator = EmulatorProcess(None)
    try:
        yield emulator.host
    finally:
        emulator.stop()


def google_emulator_absence() -> str:
    """Why Google's emulator cannot run here; empty when it can."""
    if not GOOGLE_EMULATOR.exists():
        return f"Google's Pub/Sub emulator is not installed at {GOOGLE_EMULATOR}"
    return "" if shutil.which("java") else "no java to run Google's Pub/Sub emulator"


@contextlib.contextmanager
def google_emulator() -> Iterator[str]:
    """Run Google's emulator."""
    port = unclaimed_port()
    process = subprocess.Popen(
        ["sh", str(GOOGLE_EMULATOR), "--host=127.0.0.1", f"--port={port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # The script starts java as a child: both have to end.
        start_new_session=True,
    )
    try:
        eventually(lambda: _is_open(port))
        # The first call of a cold JVM on a busy machine takes seconds.
        warm = Broker(f"127.0.0.1:{port}")
        warm.create_topic("warm-up")
        warm.close()
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=PATIENCE_SECONDS)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition: Callable[[], Any], *, seconds: float = PATIENCE_SECONDS, every: float = 0.02) -> Any:
    """Poll until a condition holds; returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s; last was {found!r}")
        threading.Event().wait(every)


def unclaimed_port() -> int:
    """A free port for a server that binds it later, or again after it was killed.

    Not one the kernel chose: it gives those of its range (from 32,768 on Linux)
    to any connection, so that one could be taken while nobody listens on it.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Broker:
    """One project at a broker: its GAPIC clients with short time limits."""

    def __init__(self, host: str, *, project: str | None = None) -> None:
        self.host = host
        self.project = project or f"p{uuid.uuid4().hex[:10]}"
        self.connection: Connection = connect(host)
        self.publisher = self.connection.publisher
        self.subscriber = self.connection.subscriber

    def close(self) -> None:
        """Close the channels."""
        self.connection.close()

    def topic_path(self, name: str) -> str:
        return f"projects/{self.project}/topics/{name}"

    def subscription_path(self, name: str) -> str:
        return f"projects/{self.project}/subscriptions/{name}"

    def create(self, topic: str = "topic", subscription: str = "sub", **settings: Any) -> None:
        """Create a topic, unless it is there, and a subscription with settings."""
        with contextlib.suppress(exceptions.AlreadyExists):
            self.create_topic(topic)
        request = {
            "name": self.subscription_path(subscription),
            "topic": self.topic_path(topic),
            **settings,
        }
        self.subscriber.create_subscription(request=request, retry=None, timeout=CALL_SECONDS)

    def create_topic(self, name: str, **settings: Any) -> None:
        request = {"name": self.topic_path(name), **settings}
        self.publisher.create_topic(request=request, retry=None, timeout=CALL_SECONDS)

    def publish(self, *bodies: bytes, topic: str = "topic", key: str = "", **attributes: str) -> list[str]:
        """Publish in one request; returns the ids."""
        messages = [{"data": body, "ordering_key": key, "attributes": attributes} for body in bodies]
        request = {"topic": self.topic_path(topic), "messages": messages}
        answer = self.publisher.publish(request=request, retry=None, timeout=CALL_SECONDS)
        return list(answer.message_ids)

    def pull_now(self, subscription: str = "sub", *, count: int = 100) -> list[Any]:
        """What is ready now."""
        request = {
            "subscription": self.subscription_path(subscription),
            "max_messages": count,
            "return_immediately": True,
        }
        answer = self.subscriber.pull(request=request, retry=None, timeout=CALL_SECONDS)
        return list(answer.received_messages)

    def pull(self, subscription: str = "sub", *, count: int = 1, seconds: float = PATIENCE_SECONDS) -> list[Any]:
        """Exactly `count` messages, or fail after `seconds`."""
        found: list[Any] = []

        def is_complete() -> bool:
            found.extend(self.pull_now(subscription, count=count - len(found)))
            return len(found) >= count

        eventually(is_complete, seconds=seconds)
        return found

    def acknowledge(self, received: Sequence[Any], subscription: str = "sub") -> None:
        request = {
            "subscription": self.subscription_path(subscription),
            "ack_ids": [each.ack_id for each in received],
        }
        self.subscriber.acknowledge(request=request, retry=None, timeout=CALL_SECONDS)

    def modify(self, received: Sequence[Any], seconds: int, subscription: str = "sub") -> None:
        """Set the deadline of deliveries; 0 gives them back."""
        request = {
            "subscription": self.subscription_path(subscription),
            "ack_ids": [each.ack_id for each in received],
            "ack_deadline_seconds": seconds,
        }
        self.subscriber.modify_ack_deadline(request=request, retry=None, timeout=CALL_SECONDS)


def bodies(received: Sequence[Any]) -> list[bytes]:
    """Data of deliveries, in order."""
    return [each.message.data for each in received]


def retry_policy(minimum: float, maximum: float) -> dict[str, timedelta]:
    """A retry policy in seconds."""
    return {
        "minimum_backoff": timedelta(seconds=minimum),
        "maximum_backoff": timedelta(seconds=maximum),
    }
