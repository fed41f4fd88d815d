"""Four things that go wrong in the days after the history: told when they happen, and the same for a seed.

Belongs here: what happens, when, to which product or warehouse. Not here: how stock and messages
follow from it (`world`, `simulation`).
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from inventory_assets.simulator.agenda import Action
from inventory_assets.simulator.documents import SECOND_US

if TYPE_CHECKING:
    from inventory_assets.simulator.world import World
    from inventory_assets.simulator.writer import Draft

_HOUR_US = 3600 * SECOND_US
_DAY_US = 24 * _HOUR_US
# After the history's end, in hours. At a demo's pace of a day in ten minutes: 1, 5, 12 and 22 minutes.
LATE_DELIVERY_HOURS, FLASH_SALE_HOURS, SILENCE_HOURS, BAD_FEED_HOURS = 2, 12, 29, 53
_FLASH_SHARE, _FLASH_SALE_LASTS_HOURS = 0.3, 10
_LATE_DAYS = 6
# A shelf that sells less is not missed in half an hour.
_LEAST_DAILY_UNITS = 2.0
_SILENCE_LASTS_HOURS = 10
_BAD_MESSAGES, _BAD_EVERY_US = 40, 30 * SECOND_US


class Note(NamedTuple):
    """Something that happens, as a person would tell it."""

    at: datetime
    kind: str
    text: str


class Incidents:
    """The four, put on a world's agenda."""

    def __init__(self, world: "World", starts_at: datetime) -> None:
        self._world = world
        self._starts_at = starts_at
        self._start_us = world.start_us + (starts_at - world.settings.start_at) // timedelta(microseconds=1)
        self.notes: list[Note] = []
        steps: tuple[tuple[float, Action], ...] = (
            (LATE_DELIVERY_HOURS, self._delay_delivery),
            (FLASH_SALE_HOURS, self._hold_flash_sale),
            (SILENCE_HOURS, self._fall_silent),
            (SILENCE_HOURS + _SILENCE_LASTS_HOURS, self._speak_again),
            (BAD_FEED_HOURS, self._feed_badly),
        )
        for hours, action in steps:
            world.agenda.add(self._start_us + int(hours * _HOUR_US), action)

    def _note(self, now_us: int, kind: str, text: str) -> None:
        at = self._starts_at + timedelta(microseconds=now_us - self._start_us)
        self.notes.append(Note(at.replace(microsecond=0), kind, text))

    def _delay_delivery(self, now_us: int) -> None:
        world = self._world
        waiting = [
            key
            for key in range(len(world.on_hand))
            if world.inbound[key] > 0
            and world.on_hand[key] > world.reserved[key]
            and world.daily_units(key) >= _LEAST_DAILY_UNITS
        ]
        if not waiting:
            return
        key = min(waiting, key=lambda each: (world.on_hand[each] - world.reserved[each]) / world.daily_units(each))
        world.delay_deliveries(key, now_us + _LATE_DAYS * _DAY_US)
        left = world.on_hand[key] - world.reserved[key]
        self._note(
            now_us, "late_delivery",
            f"late delivery: {world.inbound[key]} of {world.product_name(key)} for {world.warehouse_of(key)} come "
            f"{_LATE_DAYS} days late; {left} are left there, and {world.daily_units(key):.0f} a day are sold",
        )  # fmt: skip

    def _hold_flash_sale(self, now_us: int) -> None:
        world = self._world
        offset = world.best_seller()
        world.begin_flash_sale(offset, now_us + _FLASH_SALE_LASTS_HOURS * _HOUR_US, share=_FLASH_SHARE)
        name = world.catalog[offset].product_name
        self._note(
            now_us, "flash_sale",
            f"flash sale: for {_FLASH_SALE_LASTS_HOURS} hours, nearly one order in three is for {name}",
        )  # fmt: skip

    def _fall_silent(self, now_us: int) -> None:
        world = self._world
        world.silent_warehouse = world.warehouses[-1]
        self._note(
            now_us, "silent_connector",
            f"silent connector: {world.silent_warehouse} trades on, and its messages do not come",
        )  # fmt: skip

    def _speak_again(self, now_us: int) -> None:
        warehouse, self._world.silent_warehouse = self._world.silent_warehouse, None
        self._note(
            now_us, "silent_connector",
            f"the connector of {warehouse} is back after {_SILENCE_LASTS_HOURS} hours: what waited there comes now",
        )  # fmt: skip

    def _feed_badly(self, now_us: int) -> "Draft":
        world = self._world
        first = world.warehouses[0]
        self._note(
            now_us, "bad_feed",
            f"bad feed: {_BAD_MESSAGES} messages of {first} that nobody can read; they end as dead letters",
        )  # fmt: skip
        for number in range(1, _BAD_MESSAGES):
            world.agenda.add(now_us + number * _BAD_EVERY_US, lambda at: world.malformed(at, warehouse=0))
        return world.malformed(now_us, warehouse=0)
