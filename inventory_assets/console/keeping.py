"""Answers that are kept for a second: however many ask, the work is done once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

KEEP_SECONDS = 1.0
# What took long is kept longer, so that one question asked all day takes a fifth of a core at most.
KEEP_TIMES = 4
# Beside a page's own question this keeps what others ask; a page's answer is some 100 kB.
MAX_KEPT = 64


@dataclass(slots=True)
class _Asked:
    task: asyncio.Task[Any]
    since: float
    until: float | None = None


class Keeping:
    """Answers by name."""

    def __init__(self, keep_seconds: float = KEEP_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._asked: dict[Hashable, _Asked] = {}

    async def ask(self, name: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """An answer; the same one within a second, or while it is being made, is the same.

        Args:
            name: What tells it from others.
            make: Makes it.
        """
        asked = self._asked.get(name)
        if asked is None or (asked.until is not None and asked.until <= self._clock()):
            asked = self._asked[name] = _Asked(asyncio.ensure_future(make()), self._clock())
            asked.task.add_done_callback(lambda task, asked=asked: self._keep(asked))  # type: ignore[misc]
        # Who goes away must not take the answer from the others.
        return await asyncio.shield(asked.task)

    def _keep(self, asked: _Asked) -> None:
        now = self._clock()
        # A failure is told to those who wait, and asked again by the next.
        is_lost = asked.task.cancelled() or asked.task.exception() is not None
        lasts = max(self._keep_seconds, KEEP_TIMES * (now - asked.since)) if self._keep_seconds else 0.0
        asked.until = now if is_lost else now + lasts
        if len(self._asked) > MAX_KEPT:
            for name in [name for name, each in self._asked.items() if each.until is not None and each.until <= now]:
                del self._asked[name]
