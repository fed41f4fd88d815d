"""An answer that takes long: the last one is shown meanwhile, a failure hides none, and the first is not waited for."""

import asyncio

import pytest

from inventory_assets.console.keeping import Latest


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Making:
    """Makes 1, 2, 3 …, each when it is let go; or fails."""

    def __init__(self) -> None:
        self.count = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.count += 1
        made = self.count
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return made


def test_the_last_answer_is_shown_while_the_next_is_made():
    async def run():
        clock, making = Clock(), Making()
        latest = Latest(making, fresh_seconds=3.0, clock=clock)

        assert None is await latest.get(patience=0)
        assert None is await latest.get(patience=0)
        making.go.set()
        assert 1 == await latest.get(patience=None)
        clock.now += 2.9
        assert 1 == await latest.get() and 1 == making.count
        clock.now += 0.2
        making.go.clear()
        assert 1 == await latest.get() and 1 == await latest.get()
        making.go.set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert (2, 2) == (await latest.get(), making.count)

    asyncio.run(run())


def test_a_failure_is_told_to_who_waits_and_hides_no_earlier_answer():
    async def run():
        clock, making = Clock(), Making()
        latest = Latest(making, fresh_seconds=3.0, clock=clock)
        making.go.set()
        making.error = OSError("away")
        with pytest.raises(OSError, match="away"):
            await latest.get()
        making.error = None
        clock.now += 4
        assert 2 == await latest.get()
        making.error = OSError("away")
        clock.now += 4
        assert 2 == await latest.get()
        for _ in range(5):
            await asyncio.sleep(0)
        assert 2 == await latest.get()

    asyncio.run(run())


def test_what_took_long_is_kept_longer():
    async def run():
        clock, making = Clock(), Making()
        latest = Latest(making, fresh_seconds=1.0, clock=clock)
        assert None is await latest.get(patience=0)
        clock.now += 5
        making.go.set()
        assert 1 == await latest.get()
        clock.now += 19.9
        assert 1 == await latest.get() and 1 == making.count

    asyncio.run(run())
