"""Judge whether the numbers are of now: connectors, flow, errors, latency (R0, Operational Alerts).

Here: what counts as wrong, in which words, and what began or ended since the last look. Not
here: where the facts come from (`quality.pipeline`), or who is told (`sensors.pipeline`).

Without a connector no flow is judged: what simulators and files publish has no rhythm to miss.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from inventory_assets.domain.events.connectors import Heard
from inventory_assets.domain.values import DAY_US, MINUTE_US, span, to_datetime

PIPELINE = "pipeline"


class Severity(StrEnum):
    """Who should look, as on the status topic: nobody, somebody some time, somebody now."""

    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


class FindingKind(StrEnum):
    """What can be wrong."""

    SILENT = "connector_silent"
    STOPPED = "connector_stopped"
    FAILED = "connector_failed"
    DISCONNECTED = "connector_disconnected"
    BEHIND = "connector_behind"
    COPYING = "connector_copying"
    GAP = "connector_gap"
    OUTRANKED = "connector_outranked"
    STALLED = "pipeline_stalled"
    NOT_ARRIVING = "messages_not_arriving"
    SLOW = "processing_slow"
    ERRORS = "error_rate_high"
    MOVED = "transactions_moved"


OLD_NUMBERS = frozenset(
    {FindingKind.SILENT, FindingKind.STOPPED, FindingKind.FAILED, FindingKind.DISCONNECTED, FindingKind.BEHIND}
)
"""With one of these, a warehouse's stock and alerts are as of an earlier time."""

OF_CONNECTORS = OLD_NUMBERS | {FindingKind.COPYING, FindingKind.GAP, FindingKind.OUTRANKED}
OF_FLOW = frozenset({FindingKind.STALLED, FindingKind.NOT_ARRIVING, FindingKind.SLOW})


class Limits(msgspec.Struct, frozen=True):
    """R0's limits; microseconds. `retired_after`: a connector silent for so long was taken away, and nobody waits."""

    silent_after: int = 5 * MINUTE_US
    stalled_after: int = 5 * MINUTE_US
    slow_after: int = 2 * MINUTE_US
    error_share: float = 0.01
    # RULES 13 has no least number: each of these is lost stock.
    moved_share: float = 0.01
    # Fewer messages than this count as so many: one bad message of three is told as a dead letter, not as a rate.
    error_base: int = 100
    retired_after: int = 30 * DAY_US


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What came in, all of it as the lake knows it.

    Attributes:
        last_taken_in_at: When messages were last committed, heartbeats included; null for never.
        messages, refused: Of the last hour, heartbeats not counted; `refused` became dead letters.
        latency: By topic, of what was committed in the last five minutes: median microseconds from publish to commit.
        recent: Messages with content committed within twice `stalled_after`.
        published: What connectors say they published in the older half of that time, dead letters left out.
        of_connectors: (read, refused) of the last hour by connector, by its own count.
        moved: (transactions taken in or refused so, refused as `transaction_moved`) of the last hour by warehouse.
    """

    last_taken_in_at: int | None = None
    messages: int = 0
    refused: int = 0
    latency: Mapping[str, int] = {}
    recent: int = 0
    published: int = 0
    of_connectors: Mapping[str, tuple[int, int]] = {}
    moved: Mapping[str, tuple[int, int]] = {}


class PipelineFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. `since`: microseconds, where it is known; `subject`: a connector, a topic or all."""

    kind: FindingKind
    subject: str
    severity: Severity
    text: str
    what_to_do: str
    warehouse_id: str | None = None
    since: int | None = None

    @property
    def name(self) -> tuple[str, str]:
        """What it is the same finding by, however its words change."""
        return str(self.kind), self.subject


DEFAULT_LIMITS = Limits()


def judge_pipeline(
    connectors: Iterable[Heard], flow: Flow, *, now: int, limits: Limits = DEFAULT_LIMITS
) -> list[PipelineFinding]:
    """Find what is wrong between the databases and the lake, by kind and subject.

    Args:
        connectors: All that were ever heard of.
        flow: What came in.
        now: Microseconds.
        limits: From when on it is wrong.
    """
    waited_for = [each for each in connectors if now - each.heard_at <= limits.retired_after]
    found = _judge_moved(flow, limits)
    if not waited_for:
        return found
    for heard in waited_for:
        found += judge_connector(heard, now=now, limits=limits)
        found += _judge_refusals(heard, flow, limits)
    found += _judge_flow(waited_for, flow, now, limits)
    return sorted(found, key=lambda each: each.name)


def judge_connector(heard: Heard, *, now: int, limits: Limits = DEFAULT_LIMITS) -> list[PipelineFinding]:
    """Find what is wrong with one connector, as it was last heard."""
    found = [each for each in (_judge_state(heard, now, limits),) if each is not None]
    if heard.open_gaps:
        found.append(
            _of(
                heard, FindingKind.GAP, Severity.ALARM, None,
                f"{place_of(heard)} lost changes for good, and no copy has made up for them yet.",
                "Run `inventory connector snapshot` and start it; see `inventory connector status`.",
            )
        )  # fmt: skip
    if heard.outranked_by is not None:
        found.append(
            _of(
                heard, FindingKind.OUTRANKED, Severity.ALARM, None,
                f"What {place_of(heard)} says counts for nothing: its source epoch is {heard.source_epoch}, and it "
                f"has said {heard.outranked_by} before.",
                "Its token store was lost: run `inventory connector snapshot --new-epoch`.",
            )
        )  # fmt: skip
    return found


def numbers_until(heard: Heard) -> int:
    """Up to when a connector's warehouse is known, in microseconds."""
    return heard.heard_at if heard.published_until is None else min(heard.published_until, heard.heard_at)


def place_of(heard: Heard) -> str:
    """What people call a connector: its warehouse, where it has one."""
    return heard.warehouse_id or heard.connector_id


def explain_age(
    warehouse_id: str, connectors: Iterable[Heard], *, now: int, limits: Limits = DEFAULT_LIMITS
) -> str | None:
    """Say in a line that a warehouse's numbers are of an earlier time; null where they are of now."""
    for heard in connectors:
        if heard.warehouse_id != warehouse_id or now - heard.heard_at > limits.retired_after:
            continue
        found = _judge_state(heard, now, limits)
        if found is not None and found.kind in OLD_NUMBERS:
            return found.text
    return None


def clock(at: int, now: int) -> str:
    """A time as people read it: the day only where it is another one."""
    moment = to_datetime(at)
    is_today = moment.date() == to_datetime(now).date()
    return f"{moment:%H:%M} UTC" if is_today else f"{moment:%b %d %H:%M} UTC"


def _judge_state(heard: Heard, now: int, limits: Limits) -> PipelineFinding | None:
    """The one worst thing about a connector: what it last said it does, or that it says nothing."""
    place, until = place_of(heard), numbers_until(heard)
    as_of = f"its numbers are as of {clock(until, now)}."
    if heard.state == "stopping":
        return _of(
            heard, FindingKind.STOPPED, Severity.WARNING, heard.heard_at,
            f"{place} was disconnected on purpose at {clock(heard.heard_at, now)}: {as_of}",
            "Start it again: it goes on where it stopped.",
        )  # fmt: skip
    if heard.state == "failed":
        return _of(
            heard, FindingKind.FAILED, Severity.ALARM, heard.heard_at,
            f"{place} failed at {clock(heard.heard_at, now)}{_because(heard)}: {as_of}",
            "Its log says why; what it could not publish is still in its database.",
        )  # fmt: skip
    if now - heard.heard_at > limits.silent_after:
        return _of(
            heard, FindingKind.SILENT, Severity.WARNING, heard.heard_at,
            f"{place} was not heard of since {clock(heard.heard_at, now)} ({span(now - heard.heard_at)}): {as_of}",
            f"See whether {heard.connector_id} runs and reaches its database and Pub/Sub: its /health says which.",
        )  # fmt: skip
    if heard.state == "copying":
        return _of(
            heard, FindingKind.COPYING, Severity.INFO, None,
            f"{place} is being copied: its numbers are complete when that is done.", "Nothing: it ends by itself.",
        )  # fmt: skip
    behind = heard.heard_at - until
    if heard.state == "recovering" and behind > limits.slow_after:
        return _of(
            heard, FindingKind.DISCONNECTED, Severity.WARNING, until,
            f"{place} cannot be read since {clock(until, now)}{_because(heard)}: {as_of}",
            "See to its database or the network; it goes on by itself.",
        )  # fmt: skip
    if behind > limits.slow_after:
        return _of(
            heard, FindingKind.BEHIND, Severity.WARNING, until,
            f"{place} is {span(behind)} behind its database: {as_of}",
            "A peak passes; if it grows, see the connector's metrics: read, publish latency, circuits.",
        )  # fmt: skip
    return None


def _because(heard: Heard) -> str:
    return f" ({heard.last_error})" if heard.last_error else ""


def _of(
    heard: Heard, kind: FindingKind, severity: Severity, since: int | None, text: str, what_to_do: str
) -> PipelineFinding:
    return PipelineFinding(
        kind=kind, subject=heard.connector_id, severity=severity, text=text, what_to_do=what_to_do,
        warehouse_id=heard.warehouse_id, since=since,
    )  # fmt: skip


def _is_too_many(refused: int, messages: int, limits: Limits) -> bool:
    return refused > limits.error_share * max(messages, limits.error_base)


def _judge_refusals(heard: Heard, flow: Flow, limits: Limits) -> list[PipelineFinding]:
    read, refused = flow.of_connectors.get(heard.connector_id, (0, 0))
    if not _is_too_many(refused, read, limits):
        return []
    return [
        _of(
            heard, FindingKind.ERRORS, Severity.WARNING, None,
            f"{heard.connector_id} refused {refused:,} of {read:,} changes in the last hour.",
            "They are on dead-letter-topic with their reasons: look for a changed schema.",
        )
    ]  # fmt: skip


def _judge_flow(connectors: Sequence[Heard], flow: Flow, now: int, limits: Limits) -> list[PipelineFinding]:
    found = []
    last = flow.last_taken_in_at
    is_expected = any(each.state not in ("stopping", "failed") for each in connectors)
    if is_expected and last is not None and now - last > limits.stalled_after:
        found.append(
            PipelineFinding(
                kind=FindingKind.STALLED, subject=PIPELINE, severity=Severity.ALARM, since=last,
                text=f"Nothing came in since {clock(last, now)} ({span(now - last)}), not even a heartbeat.",
                what_to_do="See whether the sensor `bursts` runs, whether Pub/Sub answers, and whether connectors run.",
            )
        )  # fmt: skip
    elif flow.published and not flow.recent:
        found.append(
            PipelineFinding(
                kind=FindingKind.NOT_ARRIVING, subject=PIPELINE, severity=Severity.ALARM,
                text=f"Connectors published {flow.published:,} changes more than {span(limits.stalled_after)} ago, "
                "and none has come in.",
                what_to_do="See the input subscriptions: do they exist, do messages wait, who else pulls them?",
            )
        )  # fmt: skip
    for topic, latency in sorted(flow.latency.items()):
        if latency > limits.slow_after:
            found.append(
                PipelineFinding(
                    kind=FindingKind.SLOW, subject=topic, severity=Severity.WARNING,
                    text=f"Messages of {topic} come in {span(latency)} after they were published.",
                    what_to_do="See how many wait in its subscription: after an outage this passes by itself.",
                )
            )  # fmt: skip
    if _is_too_many(flow.refused, flow.messages, limits):
        found.append(
            PipelineFinding(
                kind=FindingKind.ERRORS, subject=PIPELINE, severity=Severity.WARNING,
                text=f"{flow.refused:,} of {flow.messages:,} messages became dead letters in the last hour.",
                what_to_do="Ask core.dead_letters for the reasons (docs/operations.md, Dead letters).",
            )
        )  # fmt: skip
    return found


def _judge_moved(flow: Flow, limits: Limits) -> list[PipelineFinding]:
    return [
        PipelineFinding(
            kind=FindingKind.MOVED, subject=warehouse_id, severity=Severity.WARNING, warehouse_id=warehouse_id,
            text=f"{moved:,} of {transactions:,} transactions of {warehouse_id} in the last hour "
            f"({moved / transactions:.1%}) name another SKU or receiver than the one known under their id: refused.",
            what_to_do="Give each line of an order a line_id, or send what really moved as an ADJUSTMENT: "
            "core.dead_letters has them (reason transaction_moved).",
        )
        for warehouse_id, (transactions, moved) in sorted(flow.moved.items())
        if moved > limits.moved_share * transactions
    ]  # fmt: skip


class StoredFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding as it was told: still so, or over since `ended_at`. Microseconds."""

    finding: PipelineFinding
    begun_at: int
    ended_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was so at the last look."""
        return self.ended_at is None


def compare_findings(
    open_: Iterable[StoredFinding], found: Iterable[PipelineFinding], *, now: int
) -> list[StoredFinding]:
    """What began and what ended since the last look, to be told and kept; nothing where it is as it was.

    A finding's words change with the time, so they are no change. What became more severe is told again.
    """
    known = {each.finding.name: each for each in open_}
    current = {each.name: each for each in found}
    began = []
    for name, each in sorted(current.items()):
        before = known.get(name)
        if before is None:
            began.append(StoredFinding(finding=each, begun_at=now if each.since is None else min(each.since, now)))
        elif before.finding.severity != each.severity:
            began.append(StoredFinding(finding=each, begun_at=before.begun_at))
    ended = [msgspec.structs.replace(each, ended_at=now) for name, each in sorted(known.items()) if name not in current]
    return began + ended
