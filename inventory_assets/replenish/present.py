"""How it stands now with the keys of firing alerts, and what to do about it.

An alert's body is the message as it was told, and stays so; whoever reads a
list wants today's stock. Not here: how advice is made (`advise`), nor how it is
said (`words.advice`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.queries.at_stake import NOT_KNOWN, read_stakes
from inventory_assets.queries.explain import Explanation
from inventory_assets.replenish.advise import advise
from inventory_assets.words import advice
from inventory_assets.words.plan import Line, moves


@dataclass(frozen=True, slots=True)
class Present:
    """The stock of a firing alert's key now, in units, and its line of a plan of now; null of an inactive key.

    `stake`: as `queries.at_stake` has it.
    """

    on_hand: int
    reserved: int
    inbound: int
    line: Line | None
    stake: Mapping[str, Any] = field(default_factory=lambda: NOT_KNOWN)

    @property
    def available(self) -> int:
        """on_hand - reserved."""
        return self.on_hand - self.reserved


def read_present(reader: Reader, alert_ids: Iterable[str], settings: PlanSettings) -> dict[str, Present]:
    """Look up the firing ones among some alerts, by id; the others are left out."""
    rows = reader.query(
        f"""
        SELECT alert_id, a.warehouse_id, a.sku, s.on_hand, s.reserved, s.inbound,
            (SELECT max(version) FROM meta.versions) AS lake_version
        FROM out.alerts a JOIN core.sku_state s ON s.warehouse_id = a.warehouse_id AND s.sku = a.sku
        WHERE a.state = 'firing' AND alert_id IN ({IDS})
        """,
        [id_list(alert_ids)],
    )
    if not rows.height:
        return {}
    lines = advise(reader, set(rows["sku"]), settings, version=rows["lake_version"][0])
    stakes = read_stakes(reader, rows["alert_id"].to_list())
    return {
        row["alert_id"]: Present(
            row["on_hand"],
            row["reserved"],
            row["inbound"],
            lines.get((row["warehouse_id"], row["sku"])),
            stakes.get(row["alert_id"], NOT_KNOWN),
        )
        for row in rows.iter_rows(named=True)
    }


def read_told(reader: Reader, body: Mapping[str, Any], settings: PlanSettings) -> Line | None:
    """What there was to do about an alert at the version that it tells of."""
    version = body["lineage"]["state_version"]
    return advise(reader, [body["sku"]], settings, version=version).get((body["warehouse_id"], body["sku"]))


def explained_row(found: Explanation, present: Present | None, told: Line | None) -> dict[str, Any]:
    """An explanation as JSON has it: with the advice at the alert's version and now, and how the message differs."""
    now = None
    if present is not None:
        stock = {name: getattr(present, name) for name in ("on_hand", "reserved", "inbound")}
        now = stock | {"recommendation": advice.fields(present.line)}
    return {
        **msgspec.to_builtins(found),
        "recommendation": advice.fields(told),
        "now": now,
        "difference": advice.difference_sentence(found.body, told) or None,
    }


def listed(row: dict[str, Any], present: Present | None) -> dict[str, Any]:
    """What `alerts list` and `show` print as JSON: the wire's fields, the handling, and how it stands now."""
    return listed_with(
        row,
        available_now=None if present is None else present.available,
        stake=NOT_KNOWN if present is None else present.stake,
        to_do=to_do_now(None if present is None else present.line),
    )


def listed_with(
    row: dict[str, Any], *, available_now: int | None, stake: Mapping[str, Any], to_do: Mapping[str, Any]
) -> dict[str, Any]:  # fmt: skip
    """The same, of what is known of now: the units that can be sold, what is at stake, and `to_do_now`."""
    handling = {name: value for name, value in row.items() if name not in ("body", "times_told")}
    return {
        **row["body"],
        **handling,
        "available_now": available_now,
        **stake,
        **to_do,
    }


def to_do_now(line: Line | None) -> dict[str, Any]:
    """What a line says to do, as a list of alerts has it."""
    return {
        "transfers_now": None
        if line is None or line["target"] is None
        else [
            {"warehouse_id": each["from"], "quantity": each["quantity"]}
            for each in moves(line)
            if each["to"] == line["warehouse_id"]
        ],
        "order_now": None if line is None else line["order_quantity"],
        "order_by_now": None if line is None else line["order_by"],
        "nothing_because_now": None if line is None else advice.nothing_because(line) or None,
        "what_to_do_now": None if line is None else advice.steps(line),
        "why_now": None if line is None else advice.why(line),
    }
