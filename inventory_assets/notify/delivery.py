"""Deliver what the alerting policy owes: plan, write down, send, write down what came of it.

`Delivery` never writes by itself: who owns a writer asks `wants_commit`, writes
its `writings` inside a transaction and calls `recorded` after it. Under the
sensor that is the burst loop (`process`), so records ride along with bursts;
`inventory deliver` has a writer of its own (`LakeNotes`). Nothing is sent before it is written as
owed; a crash between sending and recording sends again, under the same id.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import polars as pl

from inventory_assets.domain.notify.notifications import Outgoing
from inventory_assets.domain.notify.policy import Policy
from inventory_assets.domain.replenish.shelves import PLAN_DEFAULTS, PlanSettings
from inventory_assets.ingest.notes import Notes
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import DELIVERIES
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.notify.channel_queue import STILL_OWED, Attempt, Lane
from inventory_assets.notify.channels.channel import Channel
from inventory_assets.notify.facts import OwedNotification, to_outgoings
from inventory_assets.notify.ledger import REARMED, load_owed, to_frame, tries_since
from inventory_assets.notify.planner import Plan, Planner, write_plan
from inventory_assets.notify.planner import to_frame as plan_rows

logger = logging.getLogger(__name__)

# A commit is a version, which everybody follows, so attempts are gathered:
# until this many, or until the oldest is this old.
RECORDED_TOGETHER = 500
RECORD_EVERY_SECONDS = 5.0
# Another process may have armed what had been given up.
LOOK_FOR_REARMED_SECONDS = 30.0
# A look-up in the lake, with a plan of the SKUs told of, costs about as much for one alert as for hundreds.
PREPARED_TOGETHER = 500
SMALL = 5


class Writings(NamedTuple):
    """What a delivery wants in the lake's next version: the rows of a plan, and tries.

    `planned_version` is the version that planning has come to, `follows` the one it had come to before.
    """

    plan: pl.DataFrame | None
    follows: int
    planned_version: int
    tries: pl.DataFrame | None

    def write(self, transaction: LakeTransaction) -> bool:
        """Write them; whether the plan holds, which it does not where another planner was first."""
        holds = self.plan is not None and write_plan(transaction, self.plan, self.follows, self.planned_version)
        if self.tries is not None:
            transaction.append(DELIVERIES, self.tries)
        return holds


class Delivery:
    """The delivery of one process. `step` plans; lanes send; the owner of a writer records."""

    def __init__(
        self, reader: Reader, policy: Policy, senders: Mapping[str, Channel], *,
        clock: Callable[[], float] = time.time, how: PlanSettings = PLAN_DEFAULTS,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._how = how
        self._reading = threading.Lock()
        self._policy = policy
        self._planner = Planner(reader, policy)
        self._clock = clock
        self._guard = threading.Lock()
        self._plan: Plan | None = None
        self._attempts: list[Attempt] = []
        self._recording = 0
        self.lanes = {
            name: Lane(policy.channels[name], sender, self._prepare, self._note, clock=clock)
            for name, sender in senders.items()
        }
        self._threads: list[threading.Thread] = []
        # What the lake says as of a version stays true, so it may wait here for its turn.
        self._prepared: dict[str, Outgoing] = {}
        self._is_loaded = self._was_loaded = False
        self._rearmed_version = 0
        self._look_at = 0.0

    def start(self) -> None:
        """Give each lane its thread."""
        for name, lane in self.lanes.items():
            thread = threading.Thread(target=lane.run, name=f"deliver-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self, *, wait_seconds: float = 1.0) -> None:
        """Stop sending; what is not recorded yet is lost to the record and sent again."""
        for lane in self.lanes.values():
            lane.close()
        for thread in self._threads:
            thread.join(wait_seconds)

    def step(self) -> bool:
        """Plan what has become due, unless a plan still waits to be written; whether one waits now."""
        if self.is_plan_waiting:
            return True
        now = self._clock()
        with self._reading:
            self._look_for_rearmed(now)
            if not self._is_loaded:
                self._load(now)
            used = {name: lane.used(now) for name, lane in self.lanes.items()}
            plan = self._planner.plan(used, now=int(now * 1_000_000))
        with self._guard:
            self._plan = plan
        return plan is not None

    @property
    def is_plan_waiting(self) -> bool:
        """Whether a plan waits to be written."""
        with self._guard:
            return self._plan is not None

    # ---- recording, by whoever owns a writer

    def wants_commit(self) -> bool:
        """Whether there is enough to write for a commit of its own."""
        with self._guard:
            if self._plan is not None or len(self._attempts) >= RECORDED_TOGETHER:
                return True
            return bool(self._attempts) and self._clock() - self._attempts[0].attempted_at > RECORD_EVERY_SECONDS

    @property
    def unrecorded_count(self) -> int:
        """How many attempts wait to be written."""
        with self._guard:
            return len(self._attempts)

    @property
    def owed_count(self) -> int:
        """How many notifications wait to be sent."""
        return sum(lane.owed_count for lane in self.lanes.values())

    def writings(self) -> Writings:
        """The plan and the tries so far, to be written; may be asked for again if the commit fails."""
        with self._guard:
            plan, attempts = self._plan, list(self._attempts)
        self._recording = len(attempts)
        return Writings(
            None if plan is None else plan_rows(plan),
            0 if plan is None else plan.follows,
            0 if plan is None else plan.planned_version,
            to_frame(attempts) if attempts else None,
        )

    def recorded(self, plan_holds: bool) -> None:
        """Go on after the commit of the last `writings`: forget what is in the lake, send what it now owes."""
        with self._guard:
            del self._attempts[: self._recording]
            self._recording = 0
            plan, self._plan = self._plan, None
        if plan is None:
            return
        with self._reading:
            if not plan_holds:
                # It is there already, or another process plans too: read all of it before the next plan.
                self._planner.forget()
                self._is_loaded = False
                return
            self._planner.written(plan)
        for row in plan.rows:
            if row.is_sent and row.channel in self.lanes:
                self.lanes[row.channel].add([OwedNotification(row, plan.planned_version, plan.planned_at)])

    # ---- the lanes' edges

    def _prepare(self, owed: OwedNotification) -> Outgoing:
        id_, channel = owed.planned.notification_id, owed.planned.channel
        with self._reading:
            if id_ not in self._prepared:
                batch = [each for each in self.lanes[channel].upcoming(PREPARED_TOGETHER) if _is_like(each, owed)]
                for each in to_outgoings(self._reader, [owed, *batch], self._how):
                    self._prepared[each.notification_id] = each
            return self._prepared.pop(id_)

    def _note(self, attempt: Attempt) -> None:
        with self._guard:
            self._attempts.append(attempt)

    def _look_for_rearmed(self, now: float) -> None:
        """Read what is owed anew where somebody has armed given-up notifications since."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_FOR_REARMED_SECONDS
        latest = self._reader.query(
            f"SELECT coalesce(max(version), 0) AS v FROM out.deliveries WHERE version > {self._rearmed_version} "
            f"AND status = '{REARMED}'"
        ).item()
        if latest > self._rearmed_version:
            self._rearmed_version = latest
            self._is_loaded = False

    def _load(self, now: float) -> None:
        """Take up what earlier processes left: owed notifications, their tries, the limits' periods."""
        with self._guard:
            # Read before the lake is: what is recorded in between is in one of the two.
            settled = {attempt.notification_id for attempt in self._attempts if attempt.status not in STILL_OWED}
        for name, lane in self.lanes.items():
            lane.add(each for each in load_owed(self._reader, name) if each.planned.notification_id not in settled)
            if lane.channel.limit is not None and not self._was_loaded:
                lane.remember(tries_since(self._reader, name, now - lane.channel.limit.seconds))
        self._is_loaded = self._was_loaded = True


def _is_like(other: OwedNotification, owed: OwedNotification) -> bool:
    """Whether a neighbour is worth preparing along: of the same plan, small, and not this one."""
    is_small = len(other.planned.members) <= SMALL
    return other.planned_version == owed.planned_version and is_small and other is not owed


def run_delivery(
    delivery: Delivery, notes: Notes, *, seconds: float | None, until_empty: bool = False,
    stop: threading.Event | None = None,
) -> None:  # fmt: skip
    """Plan, record and let the lanes send, until the time is up or nothing is owed.

    Args:
        delivery: Started.
        notes: The writer.
        seconds: None is until stopped.
        until_empty: End when everything owed has been tried; what waits for
            another try or a limit is left.
        stop: Ends the run when set.
    """
    stop = stop or threading.Event()
    deadline = None if seconds is None else time.monotonic() + seconds
    while not stop.is_set() and (deadline is None or time.monotonic() < deadline):
        delivery.step()
        if delivery.wants_commit():
            commit(delivery, notes)
            continue
        if until_empty and is_idle(delivery):
            break
        stop.wait(0.05 if until_empty else 0.25)
    if delivery.unrecorded_count:
        commit(delivery, notes)


def is_idle(delivery: Delivery) -> bool:
    """Whether no lane has anything to try now."""
    now = time.time()
    return all(lane.is_idle(now) for lane in delivery.lanes.values())


def commit(delivery: Delivery, notes: Notes) -> None:
    """Write what waits in a version of its own."""
    writings, held = delivery.writings(), []
    notes.commit_note(Stage.NOTIFICATIONS, lambda transaction: held.append(writings.write(transaction)))
    delivery.recorded(held[-1])


def describe(delivery: Delivery) -> str:
    """`mail: 12 sent, 0 failed tries, 1 waiting; …`, and what is wrong with a channel's configuration."""
    return "; ".join(
        f"{name}: {lane.sent:,} sent, {lane.failed:,} failed tries, {lane.owed_count:,} waiting"
        + ("" if (fault := lane.fault) is None else f" until this is mended: {fault}")
        for name, lane in delivery.lanes.items()
    )
