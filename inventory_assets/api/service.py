"""The parts that handlers share, each made once a process."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from inventory_assets.api.http import Problem
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.picture.live import Live
from inventory_assets.settings import Settings

T = TypeVar("T")


class Service:
    """What a process of the stock service has."""

    def __init__(self, settings: Settings, live: Live) -> None:
        self.settings = settings
        self.live = live
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lake")

    @property
    def picture(self) -> Picture:
        """The picture of now.

        Raises:
            Problem: 503, there is none yet.
        """
        picture = self.live.picture
        if picture is None:
            raise Problem(
                503, self.live.failure or "the picture is being loaded; ask again in a second",
                headers=[(b"retry-after", b"1")],
            )  # fmt: skip
        return picture

    async def ask_lake(self, question: Callable[[LakeReader], T]) -> T:
        """Ask the lake what the picture does not have, one question after the other: seldom, and slower.

        All its queries see one version.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, question)

    def _ask(self, question: Callable[[LakeReader], T]) -> T:
        reader = LakeReader(self.settings)
        try:
            reader.connection.execute("BEGIN")
            return question(reader)
        finally:
            reader.connection.close()

    def close(self) -> None:
        """End the thread that asks the lake."""
        self._thread.shutdown(wait=False)
