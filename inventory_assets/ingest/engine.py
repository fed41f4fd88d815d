"""Turn bursts of messages into versions of the lake.

The one place where the pieces meet: parse, recall, process, check, append,
commit, and only then change the warm state. The sensor, the assets and the CLI
all call `Engine.commit_burst`.
"""

import gc
import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from inventory_assets.domain.events.kinds import Rejection
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.ingest.invariants import InvariantViolation, check_invariants
from inventory_assets.domain.ingest.meaning import SEMANTICS
from inventory_assets.domain.ingest.messages import cut_large, fault
from inventory_assets.domain.ingest.process import (
    INVARIANT_VIOLATION,
    BurstInputs,
    BurstResult,
    Message,
    Parsed,
    parse_burst,
    process_burst,
)
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.ingest import frames
from inventory_assets.ingest.burst_rows import (
    append_owed,
    append_past,
    append_result,
    counts_of,
    notes_debts,
    orders_of,
    recorded_inputs,
)
from inventory_assets.ingest.meaning import CODE_VERSION, meaning_of, parsing_of
from inventory_assets.ingest.outgoing.owed import Notification
from inventory_assets.ingest.recall import recall
from inventory_assets.ingest.replay import parse_recorded, read_bursts
from inventory_assets.ingest.warm import load_state
from inventory_assets.lake.entity_index import EntityIndex
from inventory_assets.lake.errors import StaleStateError
from inventory_assets.lake.journal.reading import journaled
from inventory_assets.lake.lander import Lander
from inventory_assets.lake.lock import TellingLock
from inventory_assets.lake.memory import release_memory, without_collecting
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.retries import with_retries
from inventory_assets.lake.stages import NOTES, Stage
from inventory_assets.lake.transaction import Lake, LakeTransaction, Landed, Watermark
from inventory_assets.lake.upkeep.maintenance import Upkeep
from inventory_assets.settings import Settings

logger = logging.getLogger(__name__)

T = TypeVar("T")

STALE_TRIES = 5
# Of DuckDB once the state is loaded. DuckLake keeps what it knew of past snapshots until memory is
# short: 140 MB after ten minutes at 1,000 events/s, of which a burst needs nothing.
BURST_MEMORY = "128MB"
# Catching up costs as much as the bursts did; beyond this, loading the state anew is quicker.
MAX_CATCH_UP_VERSIONS = 50
# So many are six seconds of bursts, and some 200 MB; a process that takes a past in makes them within a quarter minute.
MAX_CATCH_UP_ROWS = 200_000
# Versions noted as not landed before it is looked which have: more than a minute makes, mostly.
MAX_UNLANDED = 2_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused message to be told on the dead-letter topic."""

    message: Message
    rejection: Rejection


@dataclass(frozen=True, slots=True)
class Commit:
    """One committed version: what it did and what must now be told."""

    version: int
    outcomes: dict[str, int]
    counts: dict[str, int]
    notifications: list[Notification] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    # Of a plan, or of decisions on its lines: what that is, the lake says.
    owes_reorders: bool = False

    @property
    def owes(self) -> bool:
        """Whether anybody is to hear of it."""
        return bool(self.notifications or self.dead_letters or self.owes_reorders)


@dataclass(frozen=True, slots=True)
class _Burst:
    """What was asked of `commit_burst`."""

    messages: Sequence[Message]
    inputs: BurstInputs
    stage: Stage
    run_id: str
    also: Callable[[LakeTransaction], object] | None


class Engine:
    """Keeps the warm state of one process and makes versions from bursts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lake = Lake(settings)
        self.index = EntityIndex(settings.home / "cache" / f"entities-{time.time_ns()}.bin")
        self.meaning = meaning_of(settings)
        self._parsing = parsing_of(self.meaning)
        self._state: InventoryState | None = None
        self._watermark: Watermark | None = None
        self._upkeep: Upkeep | None = None
        self._lander: Lander | None = None
        self.telling = TellingLock(settings.home / "owed.lock")
        self._untold: list[Commit] = []
        self.is_past = False
        # Versions of which it is not known that they have landed, and the entities that they told of.
        self._unlanded: deque[tuple[int, Collection[str]]] = deque()

    def take_untold(self) -> list[Commit]:
        """The commits since the last call; who made them tells what they owe."""
        found, self._untold = self._untold, []
        return found

    @contextmanager
    def past(self) -> Iterator[None]:
        """Commit history: alerts, incidents and dead letters of the body's commits are recorded as told in their day.

        Nobody is told of them, now or later: what is open goes on untold until it is due to be told again.
        """
        self.is_past = True
        try:
            yield
        finally:
            self.is_past = False

    @property
    def state(self) -> InventoryState:
        """The warm state, loaded on first use."""
        if self._state is None:
            self._watermark, self._state = with_retries(self._load)
            # What is loaded stays: the collector need not walk it again and again.
            gc.collect()
            gc.freeze()
            self.lake.limit_memory(BURST_MEMORY)
            release_memory()
            # A burst makes tens of thousands of tuples and no cycles: the default walks them 70 times.
            gc.set_threshold(50_000, 20, 20)
            # DuckDB asks for the interpreter some forty times a statement: the lake's thread needs it for
            # moments only, and by default waits 5 ms for each.
            sys.setswitchinterval(0.0003)
        return self._state

    def _load(self) -> tuple[Watermark, InventoryState]:
        # One snapshot: bursts that others commit while it loads must not be in it by half.
        with self.lake.snapshot():
            watermark = self.lake.landed()
            return watermark, load_state(
                self.lake,
                watermark.version,
                meaning=self.meaning,
                cached_entities=self.settings.cached_entities,
                index=self.index,
            )

    def drop_state(self) -> None:
        """Forget the warm state; the next use loads it from the lake."""
        self._state = self._watermark = None
        self._unlanded.clear()

    def refresh(self) -> bool:
        """Take in what other processes committed; whether there was anything.

        A few versions are replayed on the warm state, which RULES 25 makes the
        same as loading it; after a rebuild, or where the replay does not repeat
        what was recorded, it is loaded.
        """
        state, known = self.state, self._watermark
        assert known is not None  # loaded with the state
        head = self.lake.head()
        if head.barrier is not None:
            return False  # it is being made anew: what comes of it is seen when that is done
        latest = Watermark(head.epoch, head.version)
        if (latest.epoch, latest.version) == (known.epoch, known.version):
            return False
        missed = latest.version - known.version
        if self._pass_notes(state, known, latest):
            return True
        if latest.epoch != known.epoch or missed > MAX_CATCH_UP_VERSIONS or not self._catch_up(state, latest):
            self.drop_state()
        else:
            self._watermark = latest
        return True

    def _catch_up(self, state: InventoryState, latest: Watermark) -> bool:
        if self.lake.journal.count_rows(state.version, latest.version) > MAX_CATCH_UP_ROWS:
            return False
        with journaled(self.lake.journal, state.version, latest.version) as reader:
            return reader is not None and self._replay(state, reader, latest)

    def _replay(self, state: InventoryState, reader: Reader, latest: Watermark) -> bool:
        for burst in read_bursts(reader, after_version=state.version, until_version=latest.version):
            if burst.code_version != CODE_VERSION:
                return False
            meaning = burst.inputs.meaning or self.meaning
            if meaning != self.meaning or burst.semantics != SEMANTICS:
                return False
            parsed = parse_recorded(burst, meaning)
            recall(state, self.index, parsed, Landed(self.lake))
            result = process_burst(state, parsed, version=burst.version, inputs=burst.inputs)
            if burst.counts and counts_of(result) != burst.counts:
                logger.warning("version %d does not repeat here; the state is loaded anew", burst.version)
                return False
            self._merge(state, result, burst.committed_at)
        return state.version == latest.version

    @property
    def landing_failure(self) -> str | None:
        """Why the last landing beside the bursts failed; None where it did not."""
        return None if self._lander is None else self._lander.failure

    def land(self) -> None:
        """Bring everything committed into the lake, now.

        Raises:
            LakeError, duckdb.Error: It cannot be written; what was committed is safe in the journal.
        """
        self.lake.land()

    def land_beside(self) -> None:
        """Land on a thread from now on, many versions together, and see to the lake's upkeep: for who makes many."""
        if self._lander is None:
            upkeep = self.upkeep
            self._lander = Lander(self.settings, lambda landings: upkeep.wake(len(landings)))
            self.lake.is_landed_by_others = True

    def close(self) -> None:
        """Land what is left; release the lake and the index file."""
        if self._lander is not None:
            self._lander.close()
            self._lander = None
            self.lake.is_landed_by_others = False
        if self._upkeep is not None:
            self._upkeep.close()
            self._upkeep = None
        self.drop_state()
        self.index.close()
        self.telling.release()
        self.lake.close()

    @property
    def upkeep(self) -> Upkeep:
        """The lake's upkeep, on a thread of its own."""
        if self._upkeep is None:
            self._upkeep = Upkeep(self.settings)
        return self._upkeep

    def commit_burst(
        self,
        messages: Sequence[Message],
        *,
        inputs: BurstInputs | None = None,
        stage: Stage = Stage.BURST,
        run_id: str = "",
        also: Callable[[LakeTransaction], object] | None = None,
    ) -> list[Commit]:
        """Make a burst the next version: all of its effects or none.

        A message that breaks the code or an invariant is found by halving, made
        a dead letter, and the rest commits: so there can be several commits.
        `also` is called with the first transaction, to write what rides along.

        Raises:
            LakeError: The lake could not be written; nothing was.
        """
        inputs = msgspec.structs.replace(inputs or BurstInputs(), meaning=self.meaning)
        with without_collecting():
            kept = cut_large(messages, self.meaning.message_limits)
            commits = self._commit_or_halve(_Burst(kept, inputs, stage, run_id, also))
        owes = stage is Stage.INCIDENTS
        if not self.is_past:
            self._untold += [each for each in commits if owes or each.owes]
        return commits

    def _commit_or_halve(self, burst: "_Burst") -> list[Commit]:
        try:
            return [self._commit(burst, parse_burst(burst.messages, self._parsing))]
        except InvariantViolation as violation:
            size = len(burst.messages)
            logger.error("burst of %d messages refused: %s", size, violation)
            if size == 0:
                raise
            if size == 1:
                offender = fault(violation, str(violation))
                return [self._commit(replace(burst, inputs=BurstInputs(meaning=self.meaning)), [offender])]
        half = size // 2
        first = self._commit_or_halve(replace(burst, messages=burst.messages[:half]))
        rest = replace(burst, messages=burst.messages[half:], inputs=BurstInputs(meaning=self.meaning), also=None)
        return first + self._commit_or_halve(rest)

    def commit_note(self, stage: Stage, write: Callable[[LakeTransaction], object], run_id: str = "") -> int:
        """Make a version of a stage that changes no warm state; its number."""
        assert not stage.changes_state, stage  # others would not load what it wrote

        def attempt() -> int:
            state, watermark = self.state, self._watermark
            assert watermark is not None  # loaded with the state
            with self.lake.transaction(watermark, stage=stage, run_id=run_id, code_version=CODE_VERSION) as transaction:
                write(transaction)
            state.version = watermark.version
            self._settle(transaction)
            return watermark.version

        return self._with_fresh_state(attempt)

    def _with_fresh_state(self, attempt: Callable[[], T]) -> T:
        """Run `attempt`, and again on a state brought up to date where another writer was first."""
        try:
            return with_retries(attempt)
        except StaleStateError as error:
            logger.info("%s", error)
        for _ in range(STALE_TRIES):
            self.refresh()
            # What was missed meanwhile is little, and with the head held nobody adds to it.
            with self.lake.committing():
                self.refresh()
                try:
                    return with_retries(attempt)
                except StaleStateError as error:
                    logger.warning("%s", error)
                    self.drop_state()
        raise StaleStateError(f"another writer was first {STALE_TRIES} times; run one sensor per lake")

    def _pass_notes(self, state: InventoryState, known: Watermark, latest: Watermark) -> bool:
        """Move the warm state past versions that changed none of it; whether all of them were such."""
        if known.epoch != latest.epoch:
            return False
        stages = self.lake.journal.stages(known.version, latest.version)
        if len(stages) != latest.version - known.version or not NOTES.issuperset(stages):
            return False
        known.version = state.version = latest.version
        return True

    def _commit(self, burst: "_Burst", parsed: list[Parsed]) -> Commit:
        return self._with_fresh_state(lambda: self._try_commit(burst, parsed))

    def _try_commit(self, burst: "_Burst", parsed: list[Parsed]) -> Commit:
        state = self.state
        watermark = self._watermark
        assert watermark is not None  # loaded with the state
        recall(state, self.index, parsed, Landed(self.lake))
        with self.lake.transaction(
            watermark, stage=burst.stage, run_id=burst.run_id, code_version=CODE_VERSION
        ) as transaction:
            result = self._write(transaction, state, burst, parsed)
            if burst.also is not None:
                burst.also(transaction)
        # Only now: a crash before this line leaves warm state and lake as they were.
        self._merge(state, result, transaction.committed_at)
        self._settle(transaction)
        return Commit(
            result.version,
            result.outcomes(),
            transaction.counts,
            [
                Notification(
                    a.alert_id,
                    a.notification_count,
                    frames.alert_body(a, result).encode(),
                    a.condition,
                    a.warehouse_id,
                    a.sku,
                )
                for a in result.notified
            ],
            [
                DeadLetter(message, arrival.rejection)
                for message, arrival in zip(burst.messages, result.arrivals, strict=True)
                if arrival.rejection is not None
            ],
            [
                arrival.rejection.detail
                for arrival in result.arrivals
                if arrival.rejection is not None and arrival.rejection.reason == INVARIANT_VIOLATION
            ],
            owes_reorders=notes_debts(transaction),
        )

    def _settle(self, transaction: LakeTransaction) -> None:
        if self._lander is not None:
            self._lander.wake(sum(rows.height for rows in transaction.tables.values()))
        else:
            self.lake.settle()

    def _merge(self, state: InventoryState, result: BurstResult, committed_at: int) -> None:
        result.draft.merge(result.version, committed_at)
        if result.draft.new_by_entity:
            self._unlanded.append((result.version, result.draft.new_by_entity))
        # A tenth over before letting go: the oldest are found by a walk over all of them.
        if len(state.events) > self.settings.cached_entities * 1.1:
            self._forget_landed(state)
        elif len(self._unlanded) > MAX_UNLANDED:
            self._drop_landed()
        if state.events.forgotten:
            self.index.add(state.events.forgotten)
            state.events.forgotten = []

    def _forget_landed(self, state: InventoryState) -> None:
        """Let memory go of what the lake has: only from there it can be recalled."""
        self._drop_landed()
        kept = {name for _, names in self._unlanded for name in names}
        state.events.forget_down_to(self.settings.cached_entities, kept)

    def _drop_landed(self) -> None:
        landed = self.lake.head().landed
        while self._unlanded and self._unlanded[0][0] <= landed:
            self._unlanded.popleft()

    def _write(
        self, transaction: LakeTransaction, state: InventoryState, burst: "_Burst", parsed: list[Parsed]
    ) -> BurstResult:
        try:
            result = process_burst(state, parsed, version=transaction.version, inputs=burst.inputs)
            append_result(transaction, burst.messages, result, burst.inputs)
            if self.is_past:
                append_past(transaction, burst.messages, result)
            else:
                append_owed(transaction, orders_of(result), Topic.REORDERS)
            # The rows are on their way meanwhile; what it refuses is rolled back with them.
            check_invariants(result, len(burst.messages))
        except InvariantViolation:
            raise
        except Exception as error:  # a message that breaks our code must not stop all others
            raise InvariantViolation(f"{type(error).__name__}: {error}") from error
        transaction.messages, transaction.counts = len(burst.messages), counts_of(result)
        transaction.inputs = recorded_inputs(burst.inputs)
        return result
