"""Keep one picture up to date in a process that serves, and tell those who listen what changed.

The picture is exchanged and changed on the event loop only: a handler that does not await sees one version.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import duckdb

from inventory_assets.domain.picture.picture import KEPT_CHANGES, Changed, Picture
from inventory_assets.lake.errors import LakeError, LakeMissingError
from inventory_assets.picture.apart import ReadApart
from inventory_assets.picture.follow import Follower
from inventory_assets.settings import Settings

logger = logging.getLogger(__name__)

# A look at the journal's head costs 0.1 ms; half of this is what a change waits on average.
POLL_SECONDS = 0.05
RETRY_SECONDS = 1.0
# Parts of fifty versions.
CATCH_UP = 20

Listener = Callable[[Changed | None], None]
"""Called with each version after it is in the picture; None where another picture has taken its place."""


class Live:
    """The newest picture.

    Attributes:
        picture: None until the first has been loaded.
        failure: Why the last look failed; None where it did not.
        looked_at: When it was last seen to be up to date, as `time.monotonic` counts.
        loads: How many pictures were loaded.
    """

    def __init__(
        self, settings: Settings, *, kept_changes: int = KEPT_CHANGES, is_apart: bool = False,
        begun: ReadApart | None = None,
    ) -> None:  # fmt: skip
        """Make it; nothing is read before `follow`.

        Args:
            settings: Which lake.
            kept_changes: As of `Picture`.
            is_apart, begun: As of `Follower`.
        """
        self.picture: Picture | None = None
        self.failure: str | None = None
        self.looked_at: float | None = None
        self.loads = 0
        self._follower = Follower(settings, kept_changes=kept_changes, is_apart=is_apart, begun=begun)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="picture")
        self._listeners: list[Listener] = []
        self._stepping = asyncio.Lock()

    def listen(self, listener: Listener) -> None:
        """Tell a listener of every version from now on, on the event loop."""
        self._listeners.append(listener)

    @property
    def newest(self) -> int:
        """The newest version there is, as far as is known."""
        return max(self._follower.newest, self.picture.version if self.picture else 0)

    @property
    def stale_seconds(self) -> float | None:
        """For how long it has not been seen to be up to date; None where it never was."""
        return None if self.looked_at is None else time.monotonic() - self.looked_at

    async def follow(self) -> None:
        """Follow until cancelled; what cannot be read now is tried again."""
        try:
            while True:
                try:
                    is_behind = await self.step()
                    self.failure = None
                except (LakeError, duckdb.Error, OSError) as error:
                    # Before the first version there is nothing to show, and nothing wrong.
                    if self.failure is None and not isinstance(error, LakeMissingError):
                        logger.warning("the picture is not brought up to date: %s", error)
                    self.failure = str(error)
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                if not is_behind:
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the thread and the journal."""
        self._thread.shutdown(wait=False)
        self._follower.close()

    async def catch_up(self) -> None:
        """Take in all that is committed by now, a thousand versions at most: beside whoever follows, or without.

        Raises:
            LakeError, duckdb.Error, OSError: It cannot be read now.
        """
        for _ in range(CATCH_UP):
            if not await self.step():
                return

    async def step(self) -> bool:
        """Take in what there is; whether there may be more."""
        async with self._stepping:
            return await self._step()

    async def _step(self) -> bool:
        run = asyncio.get_running_loop().run_in_executor
        picture = self.picture
        steps = None
        if picture is not None:
            steps = await run(self._thread, self._follower.read, picture.epoch, picture.version)
        if picture is None or steps is None:
            self.picture = await run(self._thread, self._follower.load)
            self.loads += 1
            self._tell(None)
            return True
        for each in steps:
            self._tell(picture.apply(each))
            # Others are answered between two versions.
            await asyncio.sleep(0)
        if not steps:
            self.looked_at = time.monotonic()
        return bool(steps)

    def _tell(self, changed: Changed | None) -> None:
        for listener in self._listeners:
            listener(changed)
