"""Look at what the lake has heard, find what is wrong with the pipeline, and keep what was told.

Here: from rows to the facts that `domain.quality.pipeline` judges, and its findings to rows and
messages. Not here: when to look (`sensors.pipeline`).

Heartbeats and commits are dated by the machines' clocks, so that is the clock of `now` here; where a home has
one of its own, what is found is told, and its limits count, as that shows it.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import duckdb
import msgspec

from inventory_assets.clock import Clock
from inventory_assets.control.issue import issue
from inventory_assets.domain.alerts.lifecycle import in_force
from inventory_assets.domain.events.connectors import Heard
from inventory_assets.domain.quality.pipeline import (
    DEFAULT_LIMITS,
    OLD_NUMBERS,
    FindingKind,
    Flow,
    Limits,
    PipelineFinding,
    Severity,
    StoredFinding,
    explain_age,
    judge_connector,
    judge_pipeline,
    numbers_until,
)
from inventory_assets.domain.values import HOUR_US, MINUTE_US, format_time, to_datetime, to_microseconds_naive
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.ingest.outgoing.owed import status_message
from inventory_assets.ingest.warm import load_connectors
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import CONNECTORS, PIPELINE_FINDINGS
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.messaging.client import OutgoingMessage

MESSAGE_TYPE = "pipeline_finding"
ORIGIN = "pipeline"
LATENCY_SPAN = 5 * MINUTE_US
# Of a command's reason; the finding has the whole text.
MAX_REASON = 200


def read_connectors(reader: Reader) -> list[Heard]:
    """What was last heard of each connector; none in a lake that an earlier release made and nobody wrote since."""
    try:
        return load_connectors(reader)
    except duckdb.CatalogException:
        return []


_AS_HEARD = (
    "lag_seconds", "source_epoch", "open_gaps", "read", "published", "dead_lettered", "owner_id", "last_error",
)  # fmt: skip


def connector_rows(connectors: Iterable[Heard], *, now: int, clock: Clock | None = None) -> list[dict[str, Any]]:
    """Each connector as it is listed, for programs and people: times UTC, `findings` in words."""
    shown_now, limits = _shown(now, clock), _limits(clock)
    return [
        {
            "connector_id": heard.connector_id,
            "warehouse_id": heard.warehouse_id,
            "state": heard.state,
            "last_heard_at": to_datetime(heard.heard_at),
            "silent_seconds": max(0, shown_now - heard.heard_at) // 1_000_000,
            "published_until": None if heard.published_until is None else to_datetime(heard.published_until),
            "numbers_as_of": to_datetime(numbers_until(heard)),
            "is_current": not any(each.kind in OLD_NUMBERS for each in found),
            **{name: getattr(heard, name) for name in _AS_HEARD},
            "finding": next((str(each.kind) for each in found), None),
            "what_to_do": next((each.what_to_do for each in found), None),
            "findings": [each.text for each in found],
        }
        for heard in (_as_shown(each, clock) for each in connectors)
        for found in (judge_connector(heard, now=shown_now, limits=limits),)
    ]


def _shown(at: int, clock: Clock | None) -> int:
    return at if clock is None else clock.shown_at(at)


def _as_shown(heard: Heard, clock: Clock | None) -> Heard:
    if clock is None:
        return heard
    until = None if heard.published_until is None else clock.shown_at(heard.published_until)
    return msgspec.structs.replace(heard, heard_at=clock.shown_at(heard.heard_at), published_until=until)


def _limits(clock: Clock | None) -> Limits:
    """Five minutes of a machine's silence are hours of a fast clock."""
    speed = 1.0 if clock is None else clock.speed
    if speed == 1.0:
        return DEFAULT_LIMITS
    spans = ("silent_after", "stalled_after", "slow_after", "retired_after")
    return msgspec.structs.replace(
        DEFAULT_LIMITS, **{name: int(getattr(DEFAULT_LIMITS, name) * speed) for name in spans}
    )


def look(reader: Reader, connectors: Iterable[Heard], *, now: int, clock: Clock | None = None) -> list[PipelineFinding]:
    """Find what is wrong now. Without a connector, only whether transactions were refused as moved (RULES 13).

    Args:
        reader: The lake.
        connectors: All that were ever heard of.
        now: Microseconds of the machine's clock.
        clock: The home's, by which findings are told; None is the machine's.
    """
    heard = [_as_shown(each, clock) for each in connectors]
    flow = read_flow(reader, now) if heard else Flow()
    if flow.last_taken_in_at is not None:
        flow = msgspec.structs.replace(flow, last_taken_in_at=_shown(flow.last_taken_in_at, clock))
    limits = _limits(clock)
    if limits is not DEFAULT_LIMITS and clock is not None:
        late = {topic: int(latency * clock.speed) for topic, latency in flow.latency.items()}
        flow = msgspec.structs.replace(flow, latency=late)
    flow = msgspec.structs.replace(flow, moved=read_moved(reader, now))
    return judge_pipeline(heard, flow, now=_shown(now, clock), limits=limits)


def explain_age_now(reader: Reader, warehouse_id: str, *, now: int, clock: Clock | None = None) -> str | None:
    """Say in a line that a warehouse's numbers are of an earlier time; null where they are of now."""
    heard = [_as_shown(each, clock) for each in read_connectors(reader)]
    return explain_age(warehouse_id, heard, now=_shown(now, clock), limits=_limits(clock))


def read_flow(reader: Reader, now: int) -> Flow:
    """What came in during the last hour; it reads the files of that hour and no others."""
    # Commands that a person or we issue are no sign of life.
    versions = reader.query(
        f"""
        SELECT min(version) AS first, epoch_us(max(committed_at) FILTER (messages > 0)) AS last_at,
            min(version) FILTER (committed_at > {_time(now - LATENCY_SPAN)}) AS latest,
            coalesce(sum(messages - {_count("filtered")}), 0)::BIGINT AS messages,
            coalesce(sum({_count("dead_lettered")}), 0)::BIGINT AS refused,
            coalesce(sum(messages - {_count("filtered")}) FILTER (
                committed_at > {_time(now - 2 * DEFAULT_LIMITS.stalled_after)}), 0)::BIGINT AS recent
        FROM meta.versions WHERE stage = '{Stage.BURST}' AND committed_at > {_time(now - HOUR_US)}
        """
    ).row(0, named=True)
    last_at = versions["last_at"]
    if last_at is None:
        # Nothing for an hour: what was heard last came in last, or nearly so.
        last = reader.query(f"SELECT epoch_us(max(last_heard_at)) FROM {CONNECTORS.full_name}").item()
        return Flow(last_taken_in_at=last)
    early, late = (_time(now - times * DEFAULT_LIMITS.stalled_after) for times in (2, 1))
    told = reader.query(_TOLD.format(first=versions["first"], hour=_time(now - HOUR_US), early=early, late=late))
    return Flow(
        last_taken_in_at=last_at,
        messages=versions["messages"],
        refused=versions["refused"],
        recent=versions["recent"],
        latency=_read_latency(reader, versions["latest"], now),
        published=int(told["published"].sum()),
        of_connectors={row["connector_id"]: (row["read"], row["refused"]) for row in told.iter_rows(named=True)},
    )


def read_moved(reader: Reader, now: int) -> dict[str, tuple[int, int]]:
    """Count (transactions, refused moves) of the last hour, of warehouses that have some; a small query where none."""
    first, first_refused = reader.query(
        f"""
        SELECT min(version), min(version) FILTER ({_count("dead_lettered")} > 0) FROM meta.versions
        WHERE stage = '{Stage.BURST}' AND committed_at > {_time(now - HOUR_US)}
        """
    ).row(0)
    if first_refused is None:
        return {}
    rows = reader.query(
        f"""
        WITH bodies AS (
            SELECT TRY_CAST(decode(data) AS JSON) AS body FROM core.dead_letters
            WHERE version >= {first_refused} AND reason = 'transaction_moved'
        ), moved AS (
            SELECT coalesce(body->>'$.document.warehouse_id', body->>'$.warehouse_id') AS warehouse_id,
                count(*) AS moved
            FROM bodies WHERE body IS NOT NULL GROUP BY 1
        ), taken AS (
            SELECT warehouse_id, count(*) AS taken FROM core.events
            WHERE version >= {first} AND kind = 'transaction' AND warehouse_id IN (SELECT warehouse_id FROM moved)
            GROUP BY 1
        )
        SELECT warehouse_id, coalesce(taken, 0) + moved, moved FROM moved LEFT JOIN taken USING (warehouse_id)
        ORDER BY warehouse_id
        """
    )
    return {warehouse_id: (transactions, moved) for warehouse_id, transactions, moved in rows.iter_rows()}


# Counters begin at 0 with a process: of one that began before the hour, its first of the hour is where to count from.
_TOLD = """
    WITH processes AS (
        SELECT connector_id, owner_id,
            max(read) - coalesce(min(read) FILTER (started_at < {hour}), 0) AS read,
            max(dead_lettered) - coalesce(min(dead_lettered) FILTER (started_at < {hour}), 0) AS refused,
            max(published - dead_lettered) FILTER (last_heard_at BETWEEN {early} AND {late})
                - min(published - dead_lettered) FILTER (last_heard_at BETWEEN {early} AND {late}) AS published
        FROM meta.connectors_changes WHERE version >= {first} AND last_heard_at > {hour} GROUP BY ALL
    )
    SELECT connector_id, sum(read)::BIGINT AS read, sum(refused)::BIGINT AS refused,
        greatest(0, coalesce(sum(published), 0))::BIGINT AS published
    FROM processes GROUP BY connector_id ORDER BY connector_id
"""


def _read_latency(reader: Reader, first: int | None, now: int) -> dict[str, int]:
    if first is None:
        return {}
    # A median: a redelivery is minutes old and says nothing of the others.
    rows = reader.query(
        f"""
        SELECT topic, median(epoch_us(v.committed_at) - epoch_us(m.publish_time))::BIGINT AS latency
        FROM raw.messages m JOIN meta.versions v USING (version)
        WHERE m.version >= {first} AND v.version >= {first} AND v.stage = '{Stage.BURST}'
            AND v.committed_at > {_time(now - LATENCY_SPAN)}
        GROUP BY topic
        """
    )
    return dict(rows.iter_rows())


def _count(outcome: str) -> str:
    return f"coalesce((counts->>'$.{outcome}')::BIGINT, 0)"


def _time(at: int) -> str:
    # A literal: by it DuckLake passes over the files of earlier hours.
    return f"TIMESTAMP '{to_datetime(at):%Y-%m-%d %H:%M:%S.%f}'"


# ---- what was told


def read_open(reader: Reader) -> list[StoredFinding]:
    """The findings that were so at the last look."""
    rows = reader.query(f"SELECT * FROM {PIPELINE_FINDINGS.full_name} WHERE is_open ORDER BY kind, subject")
    return [
        StoredFinding(
            finding=PipelineFinding(
                kind=FindingKind(row["kind"]), subject=row["subject"], severity=Severity(row["severity"]),
                text=row["finding"], what_to_do=row["what_to_do"], warehouse_id=row["warehouse_id"],
            ),
            begun_at=to_microseconds_naive(row["begun_at"]),
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip


def append_findings(transaction: LakeTransaction, changes: Sequence[StoredFinding]) -> None:
    """Keep what began and what ended."""
    transaction.append(
        PIPELINE_FINDINGS,
        PIPELINE_FINDINGS.frame(
            [each.finding for each in changes],
            is_open=[each.is_open for each in changes],
            begun_at=[each.begun_at for each in changes],
            ended_at=[each.ended_at for each in changes],
            finding=[each.finding.text for each in changes],
        ),
    )


def finding_message(change: StoredFinding) -> OutgoingMessage:
    """The status message of what began or ended; told twice it has the same `finding_id`."""
    finding = change.finding
    begun_at = format_time(change.begun_at, digits=3)
    return status_message(
        MESSAGE_TYPE,
        finding_id=f"{finding.kind}:{finding.subject}:{begun_at}",
        finding=str(finding.kind),
        severity=str(finding.severity if change.is_open else Severity.INFO),
        state="open" if change.is_open else "over",
        subject=finding.subject,
        warehouse_id=finding.warehouse_id,
        begun_at=begun_at,
        ended_at=None if change.ended_at is None else format_time(change.ended_at, digits=3),
        text=finding.text if change.is_open else f"Over: {finding.text}",
        what_to_do=finding.what_to_do if change.is_open else "Nothing.",
    )


# ---- holding the alerts of a warehouse that is not heard of


def source_of(connector_id: str) -> str:
    """In whose name the alerts of a silent connector's warehouse are held."""
    return f"connector:{connector_id}"


def hold_silent(
    engine: Engine, findings: Iterable[PipelineFinding], *, now: int, after: timedelta | None
) -> list[Commit]:
    """Hold notifications of warehouses whose numbers are old, and let go of those that are of now again.

    Args:
        engine: Where to commit.
        findings: All that is so now.
        now: Microseconds.
        after: How old; None holds nothing, and lets go of what an earlier setting held.
    """
    wanted = {
        (each.warehouse_id, source_of(each.subject)): each
        for each in findings
        if after is not None and each.kind in OLD_NUMBERS and each.warehouse_id is not None
        and each.since is not None and now - each.since >= after.total_seconds() * 1_000_000
    }  # fmt: skip
    held = {
        (command.warehouse_id, command.source)
        for command in in_force(engine.state.inhibitions)
        if command.issued_by == ORIGIN
    }
    bodies = [
        _command("inhibit", place, source, wanted[place, source].text[:MAX_REASON])
        for place, source in sorted(wanted.keys() - held)
    ]
    over = sorted(held - wanted.keys())
    bodies += [_command("uninhibit", place, source, "it is heard again") for place, source in over]
    return issue(engine, bodies, now=now, origin=ORIGIN) if bodies else []


def _command(name: str, warehouse_id: str | None, source: str | None, reason: str) -> dict[str, str | None]:
    return {"command": name, "warehouse_id": warehouse_id, "source": source, "reason": reason, "issued_by": ORIGIN}
