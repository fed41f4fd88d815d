"""Tell browsers that a page would show something newer, as server-sent events: that, and not what.

A page that is looked at fetches itself then. At most once a second, however many versions come; a stream ends after a
minute and the browser begins another, so that a login that has ended is noticed. Who gets none asks every few seconds.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

# What a person takes in.
EVERY_SECONDS = 1.0
LASTING_SECONDS = 60.0
# A proxy ends what says nothing for a minute; it is also how soon it is seen that nobody reads.
QUIET_SECONDS = 15.0
# A connection each, of browsers that look at a page now.
MOST = 200


class News:
    """The streams of one console."""

    def __init__(
        self, mark: Callable[[], Awaitable[str]], *, every_seconds: float = EVERY_SECONDS, most: int = MOST,
        lasting_seconds: float = LASTING_SECONDS, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Make it.

        Args:
            mark: What is another one when a page would be; of letters, digits and dashes.
            every_seconds: How often it is looked at.
            most: Streams at once.
            lasting_seconds: When a stream ends.
            clock: Seconds.
        """
        self._mark = mark
        self._every_seconds = every_seconds
        self._most = most
        self._lasting_seconds = lasting_seconds
        self._clock = clock
        self._open = 0
        self._is_closed = False

    @property
    def is_full(self) -> bool:
        """Whether no more may listen."""
        return self._open >= self._most

    async def tell(self) -> AsyncIterator[str]:
        """Events, from what is so now on."""
        self._open += 1
        try:
            began = said = self._clock()
            told = ""
            while not self._is_closed and self._clock() - began < self._lasting_seconds:
                mark = await self._mark()
                if mark != told:
                    told, said = mark, self._clock()
                    yield f"event: changed\ndata: {mark}\n\n"
                elif self._clock() - said >= QUIET_SECONDS:
                    said = self._clock()
                    yield ": nothing new\n\n"
                await asyncio.sleep(self._every_seconds)
        finally:
            self._open -= 1

    def close(self) -> None:
        """Have every stream end within a second."""
        self._is_closed = True
