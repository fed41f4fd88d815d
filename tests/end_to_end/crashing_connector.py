"""A connector that sends itself SIGKILL at a chosen point: `inventory connector run`, with its edges wrapped.

    python -m tests.end_to_end.crashing_connector --config FILE --point before_publish --after 37 --obituary FILE

Belongs here: the points, and dying there. Does not belong: which points a test chooses.
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from enum import StrEnum
from pathlib import Path
from typing import Any

from inventory_assets.connector.config import load_config
from inventory_assets.connector.config_model import ConnectorConfig
from inventory_assets.connector.ops.operations import Operations
from inventory_assets.connector.ports import ChangeSource, TokenStore
from inventory_assets.connector.publish.publisher import PubSubSink
from inventory_assets.connector.runtime import Parts, run_connector
from inventory_assets.connector.source.change import Batch, Chunk, Token
from inventory_assets.connector.state.checkpoint import Checkpoint, Phase
from inventory_assets.messaging.messages import OutgoingMessage


class Point(StrEnum):
    """Where to die; `after` counts how often it is come by."""

    # Streaming: a batch is read and nothing of it published,
    READ = "read"
    # a message is shaped and not handed over, or handed over and not confirmed,
    BEFORE_PUBLISH = "before_publish"
    AFTER_PUBLISH = "after_publish"
    # Pub/Sub has confirmed one and nobody has heard,
    CONFIRM = "confirm"
    # all up to a token is confirmed and the token not saved, or saved and nobody told.
    BEFORE_SAVE = "before_save"
    AFTER_SAVE = "after_save"
    # Copying: a chunk is read, part of the copy published or confirmed,
    CHUNK = "chunk"
    COPY_PUBLISH = "copy_publish"
    COPY_CONFIRM = "copy_confirm"
    # and all of it confirmed, but not yet said to be.
    COPY_END = "copy_end"


# A token saved too early would be harmless where Pub/Sub is quick: everything is confirmed by the next save, half a
# second later. So who dies after a save has a Pub/Sub that takes longer.
SLOW_SECONDS = 0.7
COPYING = (Point.CHUNK, Point.COPY_PUBLISH, Point.COPY_CONFIRM, Point.COPY_END)


class Executioner:
    """Counts how often the chosen point is come by, and ends the process."""

    def __init__(self, point: Point, after: int, obituary: Path) -> None:
        self.point = point
        self._after = after
        self._obituary = obituary
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self.is_copying = False

    def come_by(self, point: Point) -> None:
        """Die here, if this is where and when."""
        with self._lock:
            self._seen[point] += 1
            if point is not self.point or self._seen[point] < self._after:
                return
            with self._obituary.open("a") as obituary:
                obituary.write(json.dumps({"point": point, "seen": self._seen}) + "\n")
            # With the lock held: the other threads shall not get past a point either.
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()


class CrashingSource:
    """A source whose reads count."""

    def __init__(self, inner: ChangeSource, executioner: Executioner) -> None:
        self._inner = inner
        self._executioner = executioner

    def open(self, token: Token | None) -> Token:
        self._executioner.is_copying = False
        return self._inner.open(token)

    def next_batch(self) -> Batch:
        batch = self._inner.next_batch()
        if batch.changes:
            self._executioner.come_by(Point.READ)
        return batch

    def copy(self, collection: str) -> Iterator[Chunk]:
        self._executioner.is_copying = True
        for chunk in self._inner.copy(collection):
            self._executioner.come_by(Point.CHUNK)
            yield chunk

    def close(self) -> None:
        self._inner.close()


class CrashingSink:
    """A sink whose messages count; all else is the inner one's."""

    def __init__(self, inner: PubSubSink, executioner: Executioner) -> None:
        self._inner = inner
        self._executioner = executioner
        self._waiting: queue.SimpleQueue[tuple[float, OutgoingMessage, Future[str]]] = queue.SimpleQueue()
        self._is_slow = executioner.point is Point.AFTER_SAVE
        threading.Thread(target=self._send_late, daemon=True).start()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def publish(self, message: OutgoingMessage) -> "Future[str]":
        is_copying = self._executioner.is_copying
        self._executioner.come_by(Point.COPY_PUBLISH if is_copying else Point.BEFORE_PUBLISH)
        heard: Future[str] = Future()
        if self._is_slow and not is_copying:
            self._waiting.put((time.monotonic() + SLOW_SECONDS, message, heard))
        else:
            self._send(message, heard, Point.COPY_CONFIRM if is_copying else Point.CONFIRM)
        if not is_copying:
            self._executioner.come_by(Point.AFTER_PUBLISH)
        return heard

    def _send(self, message: OutgoingMessage, heard: "Future[str]", confirmed: Point) -> None:
        def hear(answer: "Future[str]") -> None:
            error = answer.exception()
            if error is not None:
                heard.set_exception(error)
                return
            self._executioner.come_by(confirmed)
            heard.set_result(answer.result())

        self._inner.publish(message).add_done_callback(hear)

    def _send_late(self) -> None:
        while True:
            due, message, heard = self._waiting.get()
            threading.Event().wait(max(0.0, due - time.monotonic()))
            self._send(message, heard, Point.CONFIRM)


class CrashingStore:
    """A store whose saved tokens count; heartbeats do not."""

    def __init__(self, inner: TokenStore, executioner: Executioner) -> None:
        self._inner = inner
        self._executioner = executioner
        self._token: Token | None = None
        self._phase: Phase | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def save(self, checkpoint: Checkpoint) -> Checkpoint:
        ends_copy = self._phase is Phase.COPYING and checkpoint.phase is Phase.STREAMING
        moves = checkpoint.phase is Phase.STREAMING and self._phase is Phase.STREAMING
        moves = moves and checkpoint.token != self._token
        if ends_copy:
            self._executioner.come_by(Point.COPY_END)
        if moves:
            self._executioner.come_by(Point.BEFORE_SAVE)
        saved = self._inner.save(checkpoint)
        self._token, self._phase = checkpoint.token, checkpoint.phase
        if moves:
            self._executioner.come_by(Point.AFTER_SAVE)
        return saved


class CrashingParts(Parts):
    """The real edges, wrapped."""

    def __init__(self, executioner: Executioner) -> None:
        self._executioner = executioner

    def source(self, config: ConnectorConfig) -> ChangeSource:
        return CrashingSource(super().source(config), self._executioner)

    def sink(self, config: ConnectorConfig, operations: Operations) -> PubSubSink:
        sink: Any = CrashingSink(super().sink(config, operations), self._executioner)
        return sink

    def store(self, config: ConnectorConfig) -> TokenStore:
        store: Any = CrashingStore(super().store(config), self._executioner)
        return store


def main() -> None:
    """Run until the point, or for ever."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--point", type=Point, required=True)
    parser.add_argument("--after", type=int, required=True)
    parser.add_argument("--obituary", type=Path, required=True)
    # Loaded while the one before still runs, it begins as soon as it is told to.
    parser.add_argument("--on-signal", action="store_true", help="wait for a line on standard input first")
    chosen = parser.parse_args()
    if chosen.on_signal and not sys.stdin.readline():
        return
    executioner = Executioner(chosen.point, chosen.after, chosen.obituary)
    config = load_config(chosen.config, {})
    sys.exit(run_connector(config, stop=threading.Event(), log=sys.stdout, parts=CrashingParts(executioner)))


if __name__ == "__main__":
    main()
