"""Run every key's stock anew from its events: one pass over the history for all rules that ask."""

from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.stock.history import Stock, run_stock
from inventory_assets.domain.stock.ledger import Drift, find_drift
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.tables import SKU_STATE
from inventory_assets.quality.rule import Found, Pass, to_rows
from inventory_assets.queries.history import read_histories, read_keys

# A count that differed stays history for ever; one of last spring is nobody's task any more.
DRIFT_WINDOW = timedelta(days=28)
# Event ids that a finding names between the count that agreed and the one that did not.
NAMED_EVENTS = 5
# Event times end in the year 9999; this is after all of them.
FOR_EVER = 253_402_300_799_000_000


class _Ledger(NamedTuple):
    """What one pass gave: each key's stock at its end, and counts that differ, in order of the keys."""

    ends: pl.DataFrame
    differing: list[dict[str, Any]]
    levels: int


def judge_stock(look: Pass) -> Found:
    """Find keys whose stock is not what their events give (RULES 14-17); what is inbound is another rule's."""
    names = ("on_hand", "reserved", "is_active")
    stored = look.reader.query(f"SELECT warehouse_id, sku, {', '.join(names)} FROM core.sku_state ORDER BY ALL")
    both = stored.drop_nulls().join(
        _run(look).ends.select(stored.columns), on=["warehouse_id", "sku"], how="left", suffix="_by_events"
    )
    wrong = both.filter(pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_by_events")) for name in names))
    return to_rows(list(wrong.iter_rows(named=True)), stored.height, is_of_stock=True)


def judge_levels(look: Pass) -> Found:
    """Find keys whose counted stock departs from the ledger, each by its first such count."""
    ledger = _run(look)
    return to_rows(ledger.differing, ledger.levels)


def _run(look: Pass) -> _Ledger:
    if "ledger" not in look.shared:
        look.shared["ledger"] = _run_anew(look)
    return look.shared["ledger"]


def _run_anew(look: Pass) -> _Ledger:
    keys, _ = read_keys(look.reader)
    since = look.as_of - int(DRIFT_WINDOW / timedelta(microseconds=1))
    ends: list[pl.DataFrame] = []
    differing: list[dict[str, Any]] = []
    levels = 0
    for events in read_histories(look.reader, FOR_EVER):
        stock = run_stock(events)
        ends.append(_ends(keys, stock))
        levels += int(((events["rank"] == 0) & (events["at"] >= since)).sum())
        differing += _first_differences(keys, events, find_drift(events, stock), since)
    return _Ledger(pl.concat(ends) if ends else SKU_STATE.frame(), differing, levels)


def _ends(keys: list[Key], stock: Stock) -> pl.DataFrame:
    last = np.flatnonzero(np.append(stock.key[1:] != stock.key[:-1], True))
    places = stock.key[last].tolist()
    return SKU_STATE.frame(
        warehouse_id=[keys[place][0] for place in places],
        sku=[keys[place][1] for place in places],
        on_hand=stock.on_hand[last],
        reserved=stock.reserved[last],
        is_active=stock.is_active[last],
    )


def _first_differences(keys: list[Key], events: pl.DataFrame, drift: Drift, since: int) -> list[dict[str, Any]]:
    """One row per key: its first count since a time that differs, and what lies between that and the one before."""
    at = events["at"].to_numpy()
    recent = np.flatnonzero(at[drift.row] >= since)
    if not len(recent):
        return []
    key = events["key"].to_numpy()[drift.row[recent]]
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    event_ids = events["event_id"]
    found = []
    for place, count in zip(recent[first], counts, strict=True):
        row, agreed = int(drift.row[place]), int(drift.agreed_row[place])
        warehouse_id, sku = keys[int(events["key"][row])]
        stated, ledger = int(drift.stated[place]), int(drift.ledger[place])
        found.append(
            {
                "event_id": event_ids[row], "counted": stated, "ledger": ledger, "difference": stated - ledger,
                "warehouse_id": warehouse_id, "sku": sku,
                "counted_at": to_datetime(int(at[row])).replace(tzinfo=None),
                "last_agreed": event_ids[agreed], "events_between": row - agreed - 1,
                "between": event_ids[agreed + 1 : row].head(NAMED_EVENTS).to_list(), "counts_that_differ": int(count),
            }
        )  # fmt: skip
    return found
