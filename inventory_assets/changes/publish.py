"""The way out: one publisher a process, made with the first message."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from inventory_assets.messaging.client import MessagingError, OutgoingMessage, Publisher
from inventory_assets.settings import Settings, emulator_host

Publish = Callable[[Sequence[OutgoingMessage]], list[str]]
"""Publishes, and returns the messages' ids once all are confirmed."""


class Outlet:
    """Publishes with the product's own publisher; topics are made on an emulator the first time. Thread-safe."""

    def __init__(self, settings: Settings, *, timeout_seconds: float | None = None) -> None:
        self._settings = settings
        self._bounds = {} if timeout_seconds is None else {"timeout_seconds": timeout_seconds}
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._publisher: Publisher | None = None
        self._target: str | None = None

    def __call__(self, messages: Sequence[OutgoingMessage]) -> list[str]:
        """Publish, and wait for the confirmation; see `Publisher`."""
        publisher = self._ready()
        try:
            return publisher.publish(messages)
        except MessagingError:
            # Topics may be gone with an emulator that kept them in memory.
            with self._lock:
                self._target = None
            raise

    def _ready(self) -> Publisher:
        # Here, not at the top: it loads the engine and every channel, half a second that the first answer of a service
        # would wait for.
        from inventory_assets.wiring import ensure_topics, publisher_of

        with self._lock:
            # `make run` may have been started again, on another port.
            target = emulator_host(self._settings) or ""
            if self._publisher is None or target != self._target:
                ensure_topics(self._settings)
                self._open.close()
                self._publisher = self._open.enter_context(publisher_of(self._settings, **self._bounds))
                self._target = target
            return self._publisher

    def close(self) -> None:
        """Close the publisher; the next message opens another."""
        with self._lock:
            self._open.close()
            self._publisher = None
