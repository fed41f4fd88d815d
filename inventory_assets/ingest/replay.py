"""Run recorded bursts again, from `raw.messages` and the recorded inputs (RULES 25, 34).

`verify`, `rebuild` and `explain` stand on this: the same function that ran live
runs on the same bursts in the same order, so every difference is a finding.
"""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import polars as pl

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.events.kinds import Key, Rejection
from inventory_assets.domain.ingest.meaning import Meaning
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
from inventory_assets.domain.values import to_microseconds_naive
from inventory_assets.ingest.meaning import parsing_of
from inventory_assets.ingest.warm import to_dynamics
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import DYNAMIC_THRESHOLDS, PLANS, PRODUCTS, VELOCITY

# Versions read at a time: bounds memory, and one query per slice stays cheap.
SLICE = 200


class RecordedBurst(msgspec.Struct):
    """A burst as it was: its version, messages, outcomes and inputs."""

    version: int
    messages: list[Message]
    outcomes: list[str]
    forced: dict[int, Rejection]
    inputs: BurstInputs
    counts: dict[str, int] = {}
    code_version: str = ""
    committed_at: int = 0
    semantics: int = 1
    seqs: list[int] = []


def read_bursts(
    reader: Reader, *, sku: str | None = None, after_version: int = 0, until_version: int | None = None
) -> Iterator[RecordedBurst]:
    """Read recorded bursts in order.

    Args:
        reader: The lake.
        sku: Only the messages that can matter to this SKU: its own, rules and commands.
        after_version: The version before the first one to read.
        until_version: The last version to read.
    """
    last = reader.query("SELECT coalesce(max(version), 0) AS v FROM meta.versions").item()
    last = last if until_version is None else min(last, until_version)
    if sku is None:
        for start in range(after_version + 1, last + 1, SLICE):
            yield from _read_slice(reader, start, min(start + SLICE - 1, last))
        return
    # Asked once, and not for each slice: of a day's bursts, nearly all have nothing of it.
    bounds = [after_version + 1, last]
    versions = reader.query(
        f"SELECT version FROM meta.versions WHERE stage <> '{Stage.BURST}' AND version BETWEEN ? AND ? "
        f"UNION SELECT version FROM core.events WHERE {_MATTERS} AND version BETWEEN ? AND ? ORDER BY version",
        [*bounds, sku, *bounds],
    )["version"].to_list()
    for start in range(0, len(versions), SLICE):
        part = versions[start : start + SLICE]
        yield from _read_slice(reader, part[0], part[-1], sku, f"AND version IN ({', '.join(map(str, part))})")


# To a SKU: its own events, rules and commands.
_MATTERS = "(sku = ? OR kind IN ('threshold', 'control'))"


def _read_slice(
    reader: Reader, first: int, last: int, sku: str | None = None, only: str = ""
) -> Iterator[RecordedBurst]:
    bounds = [first, last]
    chosen = ""
    parameters: list[Any] = [*bounds]
    if sku is not None:
        # By the range, too: of each file it is known which versions are in it.
        chosen = f"AND event_id IN (SELECT event_id FROM core.events WHERE {_MATTERS} AND version BETWEEN ? AND ?)"
        parameters += [sku, *bounds]
    messages = reader.query(
        "SELECT version, seq, message_id, topic, publish_time, ordering_key, attributes, data, data_bytes, outcome "
        f"FROM raw.messages WHERE version BETWEEN ? AND ? {only} {chosen} ORDER BY version, seq",
        parameters,
    ).partition_by("version", as_dict=True)
    forced = reader.query(
        "SELECT version, seq, detail, position, trace FROM core.dead_letters "
        f"WHERE version BETWEEN ? AND ? {only} AND reason = '{INVARIANT_VIOLATION}'",
        bounds,
    )
    found = reader.query(
        "SELECT version, inputs, counts, code_version, epoch_us(committed_at), coalesce(semantics, 1) "
        f"FROM meta.versions WHERE version BETWEEN ? AND ? {only} ORDER BY version",
        bounds,
    )
    for version, inputs, counts, code_version, committed_at, semantics in found.iter_rows():
        rows = messages.get((version,))
        yield RecordedBurst(
            version,
            [] if rows is None else [_to_message(row) for row in rows.iter_rows(named=True)],
            [] if rows is None else rows["outcome"].to_list(),
            {} if rows is None else _forced_places(forced, version, rows),
            _read_inputs(reader, version, inputs),
            json.loads(counts),
            code_version,
            committed_at,
            semantics,
            [] if rows is None else rows["seq"].to_list(),
        )


def _forced_places(forced: pl.DataFrame, version: int, rows: pl.DataFrame) -> dict[int, Rejection]:
    places = {seq: place for place, seq in enumerate(rows["seq"])}
    return {
        places[seq]: Rejection(INVARIANT_VIOLATION, *told)
        for v, seq, *told in forced.iter_rows()
        if v == version and seq in places
    }


def _to_message(row: dict[str, Any]) -> Message:
    return Message(
        row["message_id"], row["topic"], to_microseconds_naive(row["publish_time"]), row["ordering_key"] or "",
        json.loads(row["attributes"]), row["data"], row["data_bytes"],
    )  # fmt: skip


def _read_inputs(reader: Reader, version: int, text: str) -> BurstInputs:
    inputs = msgspec.json.decode(text, type=BurstInputs)
    if inputs.velocity_date is not None:
        rows = reader.query(
            f"SELECT warehouse_id, sku, daily_units FROM {VELOCITY.changes} WHERE version = ? ORDER BY ALL", [version]
        )
        inputs = msgspec.structs.replace(inputs, velocities=tuple(rows.iter_rows()))
    if inputs.dynamic_date is not None:
        rows = reader.query(
            f"SELECT * FROM {DYNAMIC_THRESHOLDS.changes} WHERE version = ? ORDER BY warehouse_id, sku", [version]
        )
        inputs = msgspec.structs.replace(inputs, dynamics=tuple(to_dynamics(rows)))
    if inputs.plan_date is not None:
        rows = reader.query(
            f"SELECT warehouse_id, sku, plan_date, order_quantity FROM {PLANS.changes} WHERE version = ? ORDER BY ALL",
            [version],
        )
        inputs = msgspec.structs.replace(inputs, plan_lines=tuple(rows.iter_rows()))
    if inputs.has_products:
        names = ", ".join(column for column in PRODUCTS.columns if column != "version")
        rows = reader.query(f"SELECT {names} FROM {PRODUCTS.changes} WHERE version = ? ORDER BY sku", [version])
        inputs = msgspec.structs.replace(inputs, products=tuple(Product(**row) for row in rows.iter_rows(named=True)))
    return inputs


def parse_recorded(burst: RecordedBurst, meaning: Meaning) -> list[Parsed]:
    """Read a recorded burst's messages as they were read then, offenders included."""
    parsed: list[Parsed] = parse_burst(burst.messages, parsing_of(meaning))
    for place, rejection in burst.forced.items():
        parsed[place] = rejection
    return parsed


class Replay:
    """A state being built anew from recorded bursts.

    `meaning` is that of versions that did not record theirs.
    """

    def __init__(self, *, meaning: Meaning) -> None:
        self.state = InventoryState(meaning=meaning)
        self._meaning = meaning

    def apply(self, burst: RecordedBurst, trace: Key | None = None) -> BurstResult:
        """Process one burst as the live engine did; `trace` as in `process_burst`."""
        meaning = burst.inputs.meaning or self._meaning
        self.state.meaning = meaning
        parsed = parse_recorded(burst, meaning)
        result = process_burst(self.state, parsed, version=burst.version, inputs=burst.inputs, trace=trace)
        result.draft.merge(burst.version, burst.committed_at)
        return result
