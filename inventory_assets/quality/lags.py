"""Say what is behind: the burst loop, the landing of the journal, the flow, a connector; since when, what to do.

For who looks at numbers and must know that they are old. Connectors and the flow are judged as everywhere
(`domain.quality.pipeline`); here is added what only this machine knows, and one list is made of it, the cause first.
By the machine's clock, as commits are dated; told as the home's clock shows it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from inventory_assets.clock import Clock
from inventory_assets.domain.quality.pipeline import (
    DEFAULT_LIMITS,
    OF_FLOW,
    OLD_NUMBERS,
    FindingKind,
    PipelineFinding,
    clock,
)
from inventory_assets.domain.values import span
from inventory_assets.ingest.loop import is_loop_running
from inventory_assets.lake.journal.behind import Behind, find_behind, has_lander
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.quality.pipeline import look, read_connectors
from inventory_assets.settings import Settings

LOOP, LANDING, READING = "loop", "landing", "reading"
# A landing takes a second or two, one beside a build of the marts ten.
LANDING_MILLISECONDS = 30_000
# What a lasting lag has as its consequence is not told beside it.
_FOLLOWS = frozenset({FindingKind.SILENT, FindingKind.STALLED, FindingKind.NOT_ARRIVING})


class Lag(NamedTuple):
    """One thing that is behind: what it is, in words with since when, and the next step. `since`: microseconds."""

    name: str
    text: str
    what_to_do: str
    since: int | None = None


class Facts(NamedTuple):
    """What is judged.

    Attributes:
        newest_at: When the newest version was committed, by the machine's clock; null before the first.
        is_taking_in: Whether a process lives that takes messages in.
        behind: How far the lake is behind its journal; null where that is not known.
        findings: Of connectors and the flow.
    """

    newest_at: int | None
    is_taking_in: bool
    behind: Behind | None
    findings: Sequence[PipelineFinding] = ()


def judge_lags(facts: Facts, *, now: int, shown: Clock | None = None) -> list[Lag]:
    """Everything that is behind, what explains the others first.

    Args:
        facts: What is known.
        now: Microseconds of the machine's clock.
        shown: The clock by which times are told; null is the machine's.
    """
    found: list[Lag] = []
    newest = facts.newest_at
    if newest is None:
        return found
    is_stopped = not facts.is_taking_in and now - newest > DEFAULT_LIMITS.stalled_after
    if is_stopped:
        age = span(_passed(newest, now, shown))
        text = f"No messages are taken in: no burst loop runs. The newest numbers are of {_clock(newest, now, shown)}"
        what_to_do = "Start it: make run. If that runs, see whether the sensor bursts is on, and what it says."
        found.append(Lag(LOOP, f"{text} ({age} ago).", what_to_do, newest))
    if (behind := facts.behind) is not None and behind.versions:
        found += _judge_landing(behind, now, shown)
    found += _of_findings(facts.findings, is_stopped=is_stopped)
    return found


def _judge_landing(behind: Behind, now: int, shown: Clock | None) -> list[Lag]:
    if not behind.is_full and behind.milliseconds < LANDING_MILLISECONDS:
        return []
    since = now - behind.milliseconds * 1000
    wait = f"{behind.versions:,} {'version waits' if behind.versions == 1 else 'versions wait'}"
    text = f"The lake is behind: {wait} to land since {_clock(since, now, shown)} ({span(_passed(since, now, shown))})."
    if behind.is_full:
        text += " No more messages are taken in until they have landed."
    what_to_do = (
        "See the log of Dagster's code server for “versions stay in the journal”."
        if behind.is_being_landed
        else "Nobody lands them: make run, or inventory drain."
    )
    return [Lag(LANDING, text, what_to_do, since)]


def _of_findings(findings: Iterable[PipelineFinding], *, is_stopped: bool) -> list[Lag]:
    is_stalled = is_stopped or any(each.kind is FindingKind.STALLED for each in findings)
    return [
        Lag(f"{each.kind} {each.subject}", each.text, each.what_to_do, each.since)
        # The flow before its connectors.
        for each in sorted(findings, key=lambda each: each.kind not in OF_FLOW)
        if each.kind in OLD_NUMBERS | OF_FLOW
        # Where nothing is taken in, nobody can be heard.
        and not (is_stopped and each.kind in _FOLLOWS)
        and not (is_stalled and each.kind is FindingKind.SILENT)
    ]


def _clock(at: int, now: int, shown: Clock | None) -> str:
    return clock(at, now) if shown is None else clock(shown.shown_at(at), shown.shown_at(now))


def _passed(since: int, now: int, shown: Clock | None) -> int:
    return now - since if shown is None else shown.shown_at(now) - shown.shown_at(since)


def find_lags(reader: LakeReader, settings: Settings, *, now: int, shown: Clock | None = None) -> list[Lag]:
    """Look, and judge.

    Args:
        reader: The lake.
        settings: Which home.
        now: Microseconds of the machine's clock.
        shown: As of `judge_lags`.
    """
    behind = find_behind(settings)
    newest = _newest_at(reader, behind, now)
    # Asked only where it counts: to look at who holds a lock is to touch it.
    is_old = newest is not None and now - newest > DEFAULT_LIMITS.stalled_after
    connectors = read_connectors(reader)
    findings = look(reader, connectors, now=now, clock=shown) if connectors else []
    return judge_lags(
        Facts(newest, not is_old or is_taking_in(settings), behind, findings), now=now, shown=shown
    )  # fmt: skip


def _newest_at(reader: LakeReader, behind: Behind | None, now: int) -> int | None:
    if behind is not None and behind.versions:
        # Something newer is in the journal. Of that only the age of its oldest is known, which is enough.
        return now - behind.milliseconds * 1000
    return reader.query("SELECT epoch_us(max(committed_at)) FROM meta.versions").item()


def is_taking_in(settings: Settings) -> bool:
    """Whether a process lives that takes messages in, as far as this machine can know."""
    is_running = is_loop_running(settings.home / "loop.lock")
    if is_running or (settings.is_embedded and is_running is False):
        return is_running
    # On another machine, or without Dagster: whoever takes in, lands.
    return has_lander(settings)
