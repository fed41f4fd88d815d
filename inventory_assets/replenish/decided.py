"""Read what people decided on lines of plans, and what is left of what they accepted (RULES 36, 42)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import NamedTuple

import msgspec
import polars as pl

from inventory_assets.domain.events.kinds import Command, Key
from inventory_assets.domain.replenish.decisions import (
    Decision,
    Left,
    Restock,
    decisions_that_hold,
    keys_of,
    what_is_left,
)
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.lake.tables import CORE_EVENTS, PLANS
from inventory_assets.queries.unlanded import unlanded_rows
from inventory_assets.settings import Settings

_NEWEST = 2**63 - 1  # a reader shows no later version than it is pinned to
# A line is of the plan that there was when somebody decided on it.
_DECISIONS = """
    SELECT version, seq, details FROM core.events WHERE kind = 'control' AND (details->>'plan_line_id') IS NOT NULL
        AND version <= {version} {since}
    ORDER BY version, seq
"""
_LINES = f"""
    SELECT line_id, version, warehouse_id, sku, plan_date, order_quantity FROM {PLANS.changes}
    WHERE line_id IN ({IDS}) ORDER BY version
"""
# Units are first seen with the version that says more of them than any before; one that says fewer takes none back.
_RESTOCKS = f"""
    SELECT * FROM (
        SELECT warehouse_id, sku, version, seq, entity_key, event_date AS day, quantity - coalesce(max(quantity) OVER (
            PARTITION BY warehouse_id, sku, transaction_id, line_id ORDER BY version, seq
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS units
        FROM core.events WHERE kind = 'transaction' AND type = 'RESTOCK' AND sku IN ({IDS}) AND version <= {{version}}
    ) WHERE units > 0
"""


class Decided(NamedTuple):
    """The decision that holds for a line, and the line's shelf."""

    key: Key
    decision: Decision


class Told(NamedTuple):
    """A command as the lake has it: its place, and what it says as JSON."""

    version: int
    seq: int
    details: str


def read_decisions(
    reader: Reader, *, version: int = _NEWEST, skus: Collection[str] | None = None, unlanded: Sequence[Told] = (),
    since: date | None = None,
) -> list[Decided]:  # fmt: skip
    """The decisions that hold as of a version; of some SKUs' lines, or of all.

    Args:
        reader: The lake.
        version: As of which.
        skus: Of these only.
        unlanded: What has come after all that the reader shows, as `read_unlanded` has it.
        since: Of those decided from this day on; null is all. What takes one back comes after it.
    """
    from_day = "" if since is None else f"AND event_date >= DATE '{since}'"
    rows = [*reader.query(_DECISIONS.format(version=version, since=from_day)).rows(), *unlanded]
    commands = [(row[0], row[1], msgspec.json.decode(row[2], type=Command)) for row in rows]
    if skus is not None:
        wanted = set(skus)
        commands = [each for each in commands if any(sku in wanted for _, sku in keys_of(each[2].plan_line_id or ""))]
    if not commands:
        return []
    lines: dict[str, list[tuple]] = {}
    for row in reader.query(_LINES, [id_list(each[2].plan_line_id or "" for each in commands)]).iter_rows():
        lines.setdefault(row[0], []).append(row)
    found: dict[Key, list[Decision]] = {}
    for version, seq, command in commands:
        known = [row for row in lines.get(command.plan_line_id or "", ()) if row[1] < version and _is_of(command, row)]
        if known:
            line_id, made, warehouse_id, sku, day, quantity = known[-1]
            whole = command if command.quantity is not None else msgspec.structs.replace(command, quantity=quantity)
            found.setdefault((warehouse_id, sku), []).append(Decision(line_id, day, whole, (version, seq), made))
    return [Decided(key, each) for key, decisions in found.items() for each in decisions_that_hold(decisions)]


def has_decisions_after(reader: Reader, version: int) -> bool:
    """Whether somebody has decided on a line after a version; asked of the newest files alone."""
    found = reader.query(
        f"SELECT count(*) FROM {CORE_EVENTS.full_name} WHERE kind = 'control' AND version > ? "
        "AND (details->>'plan_line_id') IS NOT NULL", [version],
    )  # fmt: skip
    return bool(found.item())


def read_unlanded(settings: Settings, after: int) -> list[Told]:
    """The decisions that are committed and have not landed; none where the journal cannot be read now."""
    events = unlanded_rows(settings, {CORE_EVENTS.full_name}, after).get(CORE_EVENTS.full_name)
    if events is None:
        return []
    commands = events.filter(pl.col("kind") == "control").select("version", "seq", "details").sort("version", "seq")
    return [Told(*row) for row in commands.iter_rows() if msgspec.json.decode(row[2], type=Command).plan_line_id]


def _is_of(command: Command, row: tuple) -> bool:
    return command.warehouse_id in (None, row[2]) and command.sku in (None, row[3])


def read_left(
    reader: Reader, decided: Iterable[Decided], plan_date: date, lead_time_days: dict[Key, int | None],
    *, version: int = _NEWEST,
) -> dict[Key, Left]:  # fmt: skip
    """What is left of each shelf's accepted quantities as of a plan's date, by the shelves that are given."""
    accepted: dict[Key, list[Decision]] = {}
    for key, decision in decided:
        if decision.command.command == "plan-accept" and key in lead_time_days:
            accepted.setdefault(key, []).append(decision)
    if not accepted:
        return {}
    restocks = read_restocks(reader, accepted, version=version)
    return {
        key: what_is_left(mine, restocks.get(key, ()), plan_date, lead_time_days[key]) for key, mine in accepted.items()
    }


def read_restocks(reader: Reader, keys: Iterable[Key], *, version: int = _NEWEST) -> dict[Key, list[Restock]]:
    """Units of RESTOCK as they were first seen, of all shelves of some keys' SKUs."""
    found: dict[Key, list[Restock]] = {}
    rows = reader.query(_RESTOCKS.format(version=version), [id_list({sku for _, sku in keys})])
    for row in rows.iter_rows(named=True):
        restock = Restock((row["version"], row["seq"]), row["day"], row["units"], row["entity_key"])
        found.setdefault((row["warehouse_id"], row["sku"]), []).append(restock)
    return found
