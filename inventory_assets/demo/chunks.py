"""The past cut into bursts, with the days between them on which something is computed. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from inventory_assets.demo.retailer import Retailer
from inventory_assets.simulator import SimulatedMessage
from inventory_assets.simulator.pulse import Pulse

BURST = 5_000
# Every night would be right; so often, rules of days and of demand judge nearly as they would have.
REFRESH_DAYS = 10
# A look at limits costs as much as three bursts.
LIMITS_DAYS = 20


class Chunk(msgspec.Struct, frozen=True):
    """A burst of the past.

    Attributes:
        messages: In the order in which they come.
        taken: How many of the retailer's messages these bring it to.
        night: When, after it, velocity is computed and time does what is due; None for not now.
        with_limits: Limits are computed then, too.
        is_last: The past ends with it.
    """

    messages: list[SimulatedMessage]
    taken: int
    night: datetime | None = None
    with_limits: bool = False
    is_last: bool = False


def chunks_of(retailer: Retailer, pulse: Pulse) -> Iterator[Chunk]:
    """Cut what is left of the past into bursts, the nights of a refresh between them."""
    first_day = retailer.start_at.replace(hour=0, minute=0, second=0, microsecond=0)
    refresh_at = first_day + timedelta(days=REFRESH_DAYS)
    while pulse.reached is not None and refresh_at <= pulse.reached:
        refresh_at += timedelta(days=REFRESH_DAYS)
    while refresh_at < retailer.opens_at:
        yield from _until(pulse, refresh_at)
        yield Chunk([], pulse.taken, refresh_at, (refresh_at - first_day).days % LIMITS_DAYS == 0)
        refresh_at += timedelta(days=REFRESH_DAYS)
    yield from _until(pulse, retailer.opens_at)
    yield Chunk([], pulse.taken, retailer.opens_at, with_limits=True, is_last=True)


def _until(pulse: Pulse, moment: datetime) -> Iterator[Chunk]:
    while messages := pulse.take(moment, BURST):
        yield Chunk(messages, pulse.taken)
