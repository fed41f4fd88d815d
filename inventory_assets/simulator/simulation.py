"""Messages as a subscriber would see them: late, twice, or broken.

Belongs here: pacing, disorder, redelivery, and posting to the ledger at the moment of emission.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random

import msgspec

from inventory_assets.simulator.catalog import MESSAGES_PER_ARRIVAL
from inventory_assets.simulator.documents import SECOND_US
from inventory_assets.simulator.incidents import Note
from inventory_assets.simulator.settings import SimulationSettings
from inventory_assets.simulator.world import World
from inventory_assets.simulator.writer import Draft, SimulatedMessage, microseconds

# Relative trade by UTC hour and by weekday from Monday; scaled below to a mean of 1.
_HOURS = (30, 20, 15, 12, 12, 18, 35, 60, 85, 105, 120, 130,
          140, 130, 120, 115, 120, 135, 155, 175, 180, 160, 110, 60)  # fmt: skip
_WEEKDAYS = (95, 92, 94, 98, 110, 118, 93)
_OPENING_STEP_US = 100
_DAY_SECONDS = 86_400
# Trade changes over hours; looking it up for every order would cost as much as the order.
_PACE_US = 10 * SECOND_US


class SimulationOrderError(RuntimeError):
    """`opening` was asked for after `stream` had begun."""


class Simulation:
    """A shop to be read message by message; equal settings give equal bytes.

    Consume `opening` whole, then `stream` for as long as wanted. After every message `ledger`
    holds exactly what a fold of the messages yielded so far must give.
    """

    def __init__(self, settings: SimulationSettings) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self._world = world = World(settings)
        self.catalog, self.warehouses, self.ledger = world.catalog, world.warehouses, world.ledger
        self._rng = Random(f"{settings.seed}:delivery")
        self._now_us = 0
        self._emitted = 0
        self._holds = 0
        self._has_streamed = False
        # Held back messages by the count of emissions at which they are due. Bounded by the
        # window: what is held longer than that has been released.
        self._held: list[tuple[int, int, Draft]] = []
        # Of a warehouse whose messages do not come for now.
        self._silenced: list[Draft] = []

    @property
    def notes(self) -> list[Note]:
        """What has gone wrong in the shop so far (`incidents`), in order of time."""
        return self._world.notes

    def opening(self) -> Iterator[SimulatedMessage]:
        """Yield every rule, then one level per (warehouse, sku), dated just before `start_at`.

        Clean and in order: no duplicates, disorder or defects.

        Raises:
            SimulationOrderError: If `stream` has begun.
        """
        if self._has_streamed:
            raise SimulationOrderError("opening was read after stream; expected before. Make a new Simulation.")
        world = self._world
        keys = len(world.on_hand)
        # An hour for the rules, so that they are in force before the first level.
        first_us = world.start_us - keys * _OPENING_STEP_US - 3600 * SECOND_US
        for number in range(len(world.rules)):
            yield self._emit(world.opening_rule(first_us + number * 1000, number))
        first_us += 3600 * SECOND_US
        for key in range(keys):
            yield self._emit(world.level(first_us + key * _OPENING_STEP_US, key))

    def stream(self, *, now: Callable[[], datetime] | None = None) -> Iterator[SimulatedMessage]:
        """Yield live messages without end.

        Args:
            now: Live mode: event time follows it (at least 1 µs a message) and the caller sets
                the pace. Without it, event time is simulated from `start_at`, with the rhythm
                of day and week around `events_per_second`.
        """
        self._has_streamed = True
        for draft in self._disordered(self._simulated() if now is None else self._live(now)):
            silent = self._world.silent_warehouse
            if silent is None and self._silenced:
                for kept in self._silenced:
                    yield self._emit(kept)
                self._silenced.clear()
            if silent is not None and draft[0].ordering_key.startswith(f"{silent}:"):
                self._silenced.append(draft)
            else:
                yield self._emit(draft)

    # In the order in which they leave: some later than others, some broken.
    def _disordered(self, drafts: Iterator[Draft]) -> Iterator[Draft]:
        settings, rng = self.settings, self._rng
        for draft in drafts:
            if rng.random() < settings.disorder_rate:
                self._hold(draft)
            else:
                yield draft
            if rng.random() < settings.malformed_rate:
                yield self._world.malformed(self._now_us)
            while self._held and self._held[0][0] <= self._emitted:
                yield heapq.heappop(self._held)[2]

    def _hold(self, draft: Draft) -> None:
        self._holds += 1
        due = self._emitted + self._rng.randint(1, self.settings.disorder_window)
        heapq.heappush(self._held, (due, self._holds, draft))

    def _emit(self, draft: Draft) -> SimulatedMessage:
        message, posting = draft
        if posting is not None:
            self.ledger.post(posting)
            # Only now: a redelivery never comes before its first delivery.
            if self._has_streamed and self._rng.random() < self.settings.duplicate_rate:
                self._hold((msgspec.structs.replace(message, kind="duplicate"), None))
        self._emitted += 1
        self.counts[message.kind] += 1
        return message

    def _tick(self, at_us: int) -> int:
        # Strictly later than everything before, and never on a whole second: there a bare
        # document would share its instant with the cluster time of an enveloped one.
        at_us = max(at_us, self._now_us + 1)
        self._now_us = at_us + 1 if at_us % SECOND_US == 0 else at_us
        return self._now_us

    def _simulated(self) -> Iterator[Draft]:
        world = self._world
        rng = Random(f"{self.settings.seed}:pace")
        rate = self.settings.events_per_second / MESSAGES_PER_ARRIVAL / SECOND_US
        arrival_us = max(world.start_us, self._now_us)
        paced_until_us = 0
        while True:
            due_us = world.agenda.next_due_us
            if due_us <= arrival_us:
                draft = world.planned(self._tick(due_us))
            else:
                draft = world.arrival(self._tick(arrival_us))
                if arrival_us >= paced_until_us:
                    pace = rate * trade_level(arrival_us)
                    paced_until_us = arrival_us + _PACE_US
                arrival_us += int(rng.expovariate(pace)) + 1
            if draft is not None:
                yield draft

    def _live(self, now: Callable[[], datetime]) -> Iterator[Draft]:
        world = self._world
        while True:
            at_us = self._tick(microseconds(now()))
            is_due = world.agenda.next_due_us <= at_us
            draft = world.planned(at_us) if is_due else world.arrival(at_us)
            if draft is not None:
                yield draft


def trade_level(at_us: int) -> float:
    """Trade at a time relative to the weekly mean of 1, smooth within the hour."""
    second = at_us // SECOND_US
    hour, rest = divmod(second % _DAY_SECONDS, 3600)
    weekday = (second // _DAY_SECONDS + 3) % 7  # 1970-01-01 was a Thursday.
    trade = _HOURS[hour] + (_HOURS[(hour + 1) % 24] - _HOURS[hour]) * rest / 3600
    return trade * _WEEKDAYS[weekday] / _MEAN_TRADE


_MEAN_TRADE = sum(_HOURS) / 24 * sum(_WEEKDAYS) / 7
