"""The parts that handlers share, each made once a process."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from inventory_assets.access.gate import Gate
from inventory_assets.api.http import Problem
from inventory_assets.api.hub import Hub
from inventory_assets.api.metrics import Metrics
from inventory_assets.api.writing.sending import Writer
from inventory_assets.changes.publish import Publish
from inventory_assets.clock import clock_of
from inventory_assets.domain.access.grants import Grant, Refusal
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.picture.live import Live
from inventory_assets.settings import Settings

T = TypeVar("T")

# Questions for the lake that wait their turn: with those before it one has its answer in seconds.
MOST_WAITING = 16
# Another process of the service may have shown a version that this one sees a moment later.
REACH_SECONDS, REACH_AHEAD, REACH_STEP = 1.0, 100, 0.02
_AGAIN = [(b"retry-after", b"1")]
# For so long streams go on whose tokens cannot be looked up.
BLIND_SECONDS = 30.0


class Service:
    """What a process of the stock service has."""

    def __init__(self, settings: Settings, live: Live, publish: Publish | None = None) -> None:
        """Put it together; nothing is opened before it is needed.

        Args:
            settings: Of which home.
            live: What there is.
            publish: The way out; None is the product's own.
        """
        self.settings = settings
        self.live = live
        self.clock = clock_of(settings)
        self.metrics = Metrics()
        # For the record of what is written; None where no token is asked for.
        self.gate: Gate | None = None
        self.streams = Hub(
            live, most=settings.streams, most_of_token=settings.streams_per_token, judge=self._judge
        )  # fmt: skip
        self._blind_since: float | None = None
        self.writer = Writer(settings, publish)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lake")
        self._waiting = 0

    @property
    def picture(self) -> Picture:
        """The picture of now.

        Raises:
            Problem: 503, there is none yet.
        """
        picture = self.live.picture
        if picture is None:
            raise Problem(503, "the lake is being read; ask again in a second", headers=_AGAIN)
        return picture

    def _judge(self, grant: Grant) -> str | None:
        """Why who listens may no longer; None where it may."""
        if self.gate is None:
            return None
        if not grant.token_id:
            return "a token is needed now" if self.gate.is_needed else None
        found = self.gate.grant_of_id(grant.token_id)
        if not isinstance(found, Refusal):
            self._blind_since = None
            return None
        if found.status != 503:
            return found.detail
        # A disk that is slow for a moment must not send ten thousand away; but what cannot be known opens no door.
        now = time.monotonic()
        self._blind_since = self._blind_since or now
        return found.detail if now - self._blind_since > BLIND_SECONDS else None

    async def reach(self, version: int) -> Picture:
        """The picture once it shows a version, or what there is of it if that does not come within a second.

        Raises:
            Problem: 404, there is no such version yet; 503, as `picture`.
        """
        picture = self.picture
        if version > picture.version and version <= max(picture.version, self.live.newest) + REACH_AHEAD:
            for _ in range(int(REACH_SECONDS / REACH_STEP)):
                await asyncio.sleep(REACH_STEP)
                picture = self.picture
                if picture.version >= version:
                    break
        if version > picture.version:
            raise Problem(
                404, f"the version was {version}, which is not there yet; the newest is {picture.version}",
                more={"newest_version": picture.version},
            )  # fmt: skip
        return picture

    async def ask_lake(self, question: Callable[[LakeReader], T]) -> T:
        """Ask the lake what the picture does not have, one question after the other: seldom, and slower.

        All its queries see one version.

        Raises:
            Problem: 503, too many wait already.
        """
        if self._waiting >= MOST_WAITING:
            raise Problem(
                503, "too many questions wait for the lake; ask again in a second, or of a later version",
                headers=_AGAIN,
            )  # fmt: skip
        self._waiting += 1
        self.metrics.misses += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, question)
        finally:
            self._waiting -= 1

    def _ask(self, question: Callable[[LakeReader], T]) -> T:
        reader = LakeReader(self.settings)
        try:
            reader.connection.execute("BEGIN")
            return question(reader)
        finally:
            reader.connection.close()

    def close(self) -> None:
        """End the streams and the threads."""
        self.streams.close()
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.writer.close()
