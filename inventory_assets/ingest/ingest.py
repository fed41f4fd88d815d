"""Pull bursts, commit them, acknowledge, tell: the loop that the sensor, the assets and `drain` share."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from inventory_assets.clock import clock_of
from inventory_assets.domain.events.kinds import Outcome
from inventory_assets.domain.ingest.process import Message
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.ingest.outgoing.metrics import load_making
from inventory_assets.ingest.outgoing.outbox import Outbox
from inventory_assets.ingest.outgoing.owed import load_owed, status_message
from inventory_assets.ingest.status import Herald, Pulse
from inventory_assets.ingest.sweep import sweep
from inventory_assets.ingest.telling import owed_by, owed_in_rows
from inventory_assets.lake.journal.behind import is_full
from inventory_assets.lake.journal.contract import Backlog
from inventory_assets.lake.memory import without_collecting
from inventory_assets.lake.stages import OWE_NOTHING, Stage
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.messaging.client import BurstSource, OutgoingMessage, Publisher, PublishError, ReceivedMessage

logger = logging.getLogger(__name__)

# How often a full journal is looked at.
JAM_PAUSE_SECONDS = 0.2
# Quiet bursts stay small, for latency; a burst that fills its bound doubles the next one.
SMALLEST_BURST = 500
SWEEP_EVERY_SECONDS = 10.0
POLICY_EVERY_SECONDS = 60.0
# A planned notification waits for the next commit: this long at most, where no message comes.
RIDER_WAIT_SECONDS = 0.5
# Figures leave once a second.
FIGURES_WAIT_SECONDS = 1.0
# Connectors' hearts beat on: who waits for the end of what came waits for content, and at least so long.
HEARTBEATS_ONLY_SECONDS = 2.0
# An empty pull is not an empty subscription: so many in a row are, each with a wait of this, and nothing known to be
# on its way. Together they are well under two seconds of who waits for the end.
QUIET_PULLS = 3
QUIET_PULL_SECONDS = 0.3


class Rider(Protocol):
    """Something that writes along with bursts; see `notify.process`."""

    @property
    def is_busy(self) -> bool:
        """Whether it is about to have something to write."""
        ...

    def wake(self) -> None:
        """Alerts have changed."""
        ...

    def wants_commit(self) -> bool:
        """Whether it has enough to write."""
        ...

    def record(self, transaction: LakeTransaction) -> None:
        """Write it; may be called again where a commit fails."""
        ...

    def recorded(self) -> None:
        """The commit is done."""
        ...


Look = Callable[[Engine, int, str], list[Commit]]
"""Looks for what bursts do not find, as of a moment in microseconds, for a run; see `incidents.StockoutLook`."""


@dataclass(slots=True)
class IngestSummary:
    """What a run of bursts did."""

    versions: list[int] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    notified: int = 0
    violations: list[str] = field(default_factory=list)

    @property
    def messages(self) -> int:
        """Messages received."""
        return sum(self.outcomes.values())

    @property
    def contents(self) -> int:
        """Messages received that state something of stock, or were meant to."""
        return self.messages - self.outcomes.get(Outcome.FILTERED, 0)

    def add(self, commit: Commit) -> None:
        """Count a commit in."""
        self.versions.append(commit.version)
        for outcome, count in commit.outcomes.items():
            self.outcomes[str(outcome)] = self.outcomes.get(str(outcome), 0) + count
        self.notified += len(commit.notifications)
        self.violations.extend(commit.violations)


class Quiet:
    """Whether nothing comes any more, for who waits for the end of what came."""

    def __init__(self, source: BurstSource, wait_seconds: float) -> None:
        self._source = source
        self._patience = wait_seconds
        self._waited = 0.0
        self._pulls = 0
        self._is_more_known = False

    def next_wait(self) -> float:
        """How long the next pull should wait."""
        if self._waited < self._patience:
            return self._patience - self._waited
        return QUIET_PULL_SECONDS if self._is_more_known else min(self._patience, QUIET_PULL_SECONDS)

    def note(self, received: int, waited: float) -> None:
        """Note a pull: what it gave, and how long it was to wait."""
        if received:
            self._waited, self._pulls, self._is_more_known = 0.0, 0, False
            return
        self._waited += waited
        if self._waited >= self._patience:
            self._is_more_known = self._source.has_more()
            self._pulls = 0 if self._is_more_known else self._pulls + 1

    @property
    def is_over(self) -> bool:
        """Whether pulls stay empty."""
        return self._pulls >= QUIET_PULLS


class Ingest:
    """The burst loop of one process."""

    def __init__(self, engine: Engine, source: BurstSource, publisher: Publisher, look: Look | None = None) -> None:
        self.engine = engine
        self.source = source
        self.publisher = publisher
        self.outbox = Outbox(publisher)
        self.rider: Rider | None = None
        self._look = look
        self._is_outbox_loaded = False
        self._telling = engine.telling
        self._version = 0
        self._smallest = min(SMALLEST_BURST, engine.settings.max_messages)
        self._burst_size = self._smallest
        self._swept_at = 0.0
        self._policed_at = 0.0
        self._status: list[OutgoingMessage] = []
        self._is_full = False
        self._backlog: Backlog | None = None
        self.pulse = Pulse(engine.settings.status_seconds)
        self._herald = Herald(publisher)

    def run(
        self,
        *,
        max_seconds: float,
        wait_seconds: float,
        run_id: str = "",
        until_empty: bool = False,
        on_commit: Callable[[Commit], None] | None = None,
        left: Callable[[], float] = lambda: math.inf,
    ) -> IngestSummary:
        """Run bursts until the time is up, or until nothing came for `wait_seconds`.

        Args:
            max_seconds: No burst is begun after this.
            wait_seconds: How long to wait for a first message.
            run_id: For `meta.versions`.
            until_empty: Stop when bursts stay empty, or nothing but heartbeats comes; otherwise go on waiting.
            on_commit: Called after each commit, of a sweep as well.
            left: Asked before each burst for how many seconds more bursts may begin: a time that others move.

        Raises:
            MessagingError: The broker does not answer.
            LakeError: The lake could not be written; nothing was acknowledged.
        """
        try:
            return self._run(max_seconds, wait_seconds, run_id, until_empty, on_commit, left)
        except BaseException:
            # A commit whose answer was lost is in the lake with what it owes: the next run looks there.
            self._is_outbox_loaded = False
            raise
        finally:
            # What is not written down, whoever looks next finds owed: this loop, or another process.
            if self.outbox.owed_count or self.outbox.unrecorded_count:
                self._is_outbox_loaded = False
            self._telling.release()
            self._herald.wait()

    def _run(
        self,
        max_seconds: float,
        wait_seconds: float,
        run_id: str,
        until_empty: bool,
        on_commit: Callable[[Commit], None] | None,
        left: Callable[[], float],
    ) -> IngestSummary:
        summary = IngestSummary()
        self.engine.land_beside()
        self._telling.share()
        self._look_around()
        deadline = time.monotonic() + max_seconds
        patience = max(wait_seconds, HEARTBEATS_ONLY_SECONDS)
        contents_at, without_contents = time.monotonic(), 0
        quiet = Quiet(self.source, wait_seconds)
        while (remaining := min(deadline - time.monotonic(), left())) > 0:
            is_jammed = self._is_jammed()
            if self.pulse.is_due and not self._herald.is_busy:
                self._tell_status()
            if is_jammed:
                if until_empty and self.engine.landing_failure is not None:
                    self.engine.land()  # it says why, or has come to an end meanwhile
                self._rest()
                time.sleep(min(JAM_PAUSE_SECONDS, remaining))
                continue
            wait = min(quiet.next_wait() if until_empty else wait_seconds, remaining, self._patience())
            received = self.source.next_burst(
                max_messages=self._burst_size, max_bytes=self.engine.settings.max_bytes, wait_seconds=wait
            )
            if received:
                known = summary.contents
                with without_collecting():
                    self._take(received, summary, run_id, on_commit)
                # A full burst is a backlog, and contents may be behind it.
                has_contents = summary.contents > known or len(received) >= self._smallest
                without_contents = 0 if has_contents else without_contents + 1
            self._sweep(summary, run_id, on_commit)
            if without_contents == 0:
                contents_at = time.monotonic()
            if not received:
                self._rest()
            if until_empty:
                quiet.note(len(received), wait)
                # Time alone says nothing: one commit on a busy machine takes longer.
                is_idle = without_contents >= QUIET_PULLS and time.monotonic() >= contents_at + patience
                if quiet.is_over or (is_idle and received and not self.source.resting):
                    break
            self._burst_size = self._next_size(len(received))
        self._rest()
        if until_empty:
            # Who waited for all of it goes on to read the lake. A loop only makes room for a moment, and lands beside.
            self.engine.land()
        return summary

    def _tell_status(self) -> None:
        """Say how the last period went; all of it is at hand, and goes out beside the bursts."""
        message = self.pulse.tell(
            self.engine.state.version,
            self.engine.state.connectors,
            self._backlog,
            is_full=self._is_full,
            resting=self.source.resting,
            owed=self.outbox.owed_count,
            is_behind=self._burst_size >= self.engine.settings.max_messages,
        )
        self._herald.send(message)

    def _is_jammed(self) -> bool:
        """Whether the journal has as much as it may, until half of that has landed; said when it begins and ends."""
        backlog = self._backlog = self.engine.lake.journal.backlog()
        was_jammed = self._is_full
        self._is_full = is_full(self.engine.settings, backlog, share=0.5 if was_jammed else 1.0)
        if self._is_full != was_jammed:
            kind = "journal_full" if self._is_full else "journal_drained"
            detail = self.engine.landing_failure or "landings take longer than bursts"
            logger.warning("%s: %d versions, %d bytes: %s", kind, backlog.versions, backlog.bytes, detail)
            self._status.append(
                status_message(kind, versions=backlog.versions, bytes=backlog.bytes, detail=detail)
                if self._is_full
                else status_message(kind)
            )
        return self._is_full

    def _take(
        self,
        received: Sequence[ReceivedMessage],
        summary: IngestSummary,
        run_id: str,
        on_commit: Callable[[Commit], None] | None,
    ) -> None:
        recording = self.outbox.unrecorded_count
        rider = self.rider if self.rider is not None and self.rider.wants_commit() else None
        began_at = time.monotonic()
        try:
            messages = [to_message(each) for each in received]
            commits = self.engine.commit_burst(messages, run_id=run_id, also=self._record_with(rider))
        except Exception:
            # Give the messages back: kept, they would be leased for as long as this process lives.
            self.source.release(received)
            raise
        self.pulse.count(messages, time.monotonic() - began_at)
        self.outbox.recorded(recording)
        if rider is not None:
            rider.recorded()
        for commit in commits:
            self._owe(commit)
            _count(commit, summary, on_commit)
        self._load_outbox()
        self.outbox.send()
        # Ack only after the commit: a crash here redelivers, and dedupe absorbs
        # it. Acking first would lose the burst.
        self.source.acknowledge(received)

    def _follow(self, version: int, *, own: int = 1) -> None:
        """Note the version reached; where others made some of it, what those owe is ours to tell."""
        if version != self._version + own and not self._are_notes(self._version, version - own):
            self._is_outbox_loaded = False
        self._version = version

    def _are_notes(self, after: int, upto: int) -> bool:
        """Whether the versions in between owe nothing, as notes of what was done."""
        stages = self.engine.lake.journal.stages(after, upto)
        return len(stages) == upto - after and OWE_NOTHING.issuperset(stages)

    def _record_with(self, rider: Rider | None) -> Callable[[LakeTransaction], object]:
        def record(transaction: LakeTransaction) -> None:
            self.outbox.record(transaction)
            if rider is not None:
                rider.record(transaction)

        return record

    def _patience(self) -> float:
        if self.rider is not None and self.rider.is_busy:
            return RIDER_WAIT_SECONDS
        return FIGURES_WAIT_SECONDS if self.outbox.figures_left else math.inf

    def _owe(self, commit: Commit, *, has_incidents: bool = False) -> None:
        self._follow(commit.version)
        self.pulse.add(commit)
        if self.rider is not None and "alerts" in commit.counts:
            self.rider.wake()
        self.engine.take_untold()  # told here
        self.outbox.add(owed_by(commit))
        if commit.owes_reorders or has_incidents:
            # All that is owed can be read only alone, and another loop may go on for hours.
            self.outbox.add(owed_in_rows(self.engine.lake, [commit]))
        for violation in commit.violations:
            self._status.append(status_message("invariant_violation", version=commit.version, detail=violation))

    def _look_around(self) -> None:
        """Take in what others committed, other processes and other users of this engine, and what it owes."""
        self.engine.refresh()
        self._follow(self.engine.state.version, own=0)
        self._load_outbox()

    def _load_outbox(self) -> None:
        if self._is_outbox_loaded:
            return
        # Another process tells what it committed: what it leaves is found by the next look.
        is_alone = self._telling.try_alone()
        if is_alone:
            self._version = self.engine.state.version
            self.outbox.reload(load_owed(self.engine.lake), load_making(self.engine.lake))
            self._is_outbox_loaded = True
        self._telling.share()
        self.outbox.send()

    def _sweep(self, summary: IngestSummary, run_id: str, on_commit: Callable[[Commit], None] | None) -> None:
        """Do what time has made due and no event found: ends of cooldowns and silences, the policy."""
        if time.monotonic() - self._swept_at < SWEEP_EVERY_SECONDS:
            return
        self._swept_at = time.monotonic()
        self._look_around()
        now = clock_of(self.engine.settings).microseconds()
        # The policy counts in minutes, and looks at every alert.
        with_policy = self._swept_at - self._policed_at >= POLICY_EVERY_SECONDS
        self._policed_at = self._swept_at if with_policy else self._policed_at
        for commit in sweep(self.engine, now, with_policy=with_policy, run_id=run_id):
            self._owe(commit)
            _count(commit, summary, on_commit)
        commits = self._look(self.engine, now, run_id) if self._look is not None else []
        for commit in commits:
            self._owe(commit, has_incidents=True)
            _count(commit, summary, on_commit)
        if commits and self.rider is not None:
            self.rider.wake()
        self._load_outbox()
        self.outbox.send()

    def _rest(self) -> None:
        """Use a quiet moment: see what others did, retry what is owed and write down what was told."""
        self._look_around()
        self.outbox.send()
        if self._status:
            try:
                self.publisher.publish(self._status)
                self._status = []
            except PublishError:
                pass  # kept for the next rest
        rider = self.rider if self.rider is not None and self.rider.wants_commit() else None
        if self.outbox.unrecorded_count or rider is not None:
            count = self.outbox.unrecorded_count
            self._follow(self.engine.commit_note(Stage.DELIVERIES, self._record_with(rider)))
            self.outbox.recorded(count)
            if rider is not None:
                rider.recorded()
        if self.outbox.has_finished_figures:
            self._is_outbox_loaded = False

    def _next_size(self, received: int) -> int:
        if received >= self._burst_size:
            return min(self._burst_size * 2, self.engine.settings.max_messages)
        return max(self._smallest, min(self._burst_size, received * 2))


def _count(commit: Commit, summary: IngestSummary, on_commit: Callable[[Commit], None] | None) -> None:
    summary.add(commit)
    if on_commit is not None:
        on_commit(commit)


def to_message(received: ReceivedMessage) -> Message:
    """What the domain needs of a delivery."""
    return Message(
        received.message_id,
        received.topic,
        to_microseconds(received.publish_time),
        received.ordering_key,
        received.attributes,
        received.data,
    )
