"""Run other rules over the lake's history, and say what that would have been worth. Reads only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

import msgspec
import numpy as np
import polars as pl

from inventory_assets.domain.backtest.days import add_velocity_points
from inventory_assets.domain.backtest.replay import Interval, KeyLimits, resolve_keys, run_rules
from inventory_assets.domain.backtest.score import (
    Backtest,
    Outcome,
    find_stockouts,
    judge_stockouts,
    judge_warnings,
    list_alerts,
    split_episodes,
)
from inventory_assets.domain.events.kinds import ThresholdRule
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.stock.history import NO_LIMIT, Stock, run_stock
from inventory_assets.domain.thresholds.resolve import Scope, StoredRule
from inventory_assets.domain.values import DAY_US
from inventory_assets.ingest.warm import to_dynamics
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.query.rows import current_rows
from inventory_assets.lake.tables import DYNAMIC_THRESHOLDS, THRESHOLD_RULES
from inventory_assets.queries.history import last_event_at, read_histories, read_keys

EMBEDDED, SYSTEM = "in the stock document", "system default"

Rules = Mapping[Scope, StoredRule]


class NoHistoryError(LakeError):
    """The lake holds no stock event to run rules over."""


def present_rules(reader: Reader) -> dict[Scope, StoredRule]:
    """The rules in force in the lake, deleted ones left out."""
    stored = [msgspec.json.decode(text, type=StoredRule) for text in current_rows(reader, THRESHOLD_RULES)["details"]]
    return {each.rule.scope: each for each in stored if not each.rule.is_deleted}


def lay_over(rules: Iterable[ThresholdRule], below: Rules) -> dict[Scope, StoredRule]:
    """The rules as a set; a scope they name hides that of `below`, and a deletion removes it."""
    found = {**below, **{rule.scope: StoredRule(rule, 0) for rule in rules}}
    return {scope: stored for scope, stored in found.items() if not stored.rule.is_deleted}


def run_backtest(
    reader: Reader, rules: Rules, *, days: int, meaning: Meaning, until: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Backtest:  # fmt: skip
    """Run rules over the history and compare with the rules in force.

    Both sets hold for the whole history, with the hierarchy as it is now, so
    that only the rules differ. Alerts and stockouts count from `days` before
    `until`; what came before gives the stock and the alerts they start from.

    Args:
        reader: The lake.
        rules: The rules to try.
        days: The length of the window.
        meaning: The system default, and how long a key is not judged of which no level has told.
        until: The end of the window, microseconds of event time; default: the latest event.
        on_progress: Called with (keys done, all keys).

    Raises:
        NoHistoryError: There is no stock event.
    """
    until = last_event_at(reader) if until is None else until
    keys, parents = read_keys(reader)
    if until is None or not keys:
        raise NoHistoryError("the lake has no stock event yet. Publish messages and run `inventory drain`.")
    since = until - days * DAY_US
    computed = {
        (w, s): each for w, s, each in to_dynamics(current_rows(reader, DYNAMIC_THRESHOLDS)) if each is not None
    }
    candidate = resolve_keys(keys, parents, rules, meaning.defaults, computed)
    present = resolve_keys(keys, parents, present_rules(reader), meaning.defaults, computed)
    found = Backtest(since, until, keys, [SYSTEM] * len(keys), 0, Outcome(), Outcome())
    differs = np.array([a != b for a, b in zip(_compared(candidate), _compared(present), strict=True)])
    has_days = candidate.has_days() | present.has_days()
    for events in read_histories(reader, until):
        stock, event_ids, velocity = run_stock(events), events["event_id"], None
        if has_days.any():
            stock, event_ids, velocity = add_velocity_points(stock, event_ids, has_days, until)
        _name_rules(found.labels, stock, candidate)
        mine, theirs = (
            {
                each[0].key: each
                for each in run_rules(
                    stock,
                    keys,
                    limits,
                    event_ids,
                    velocity=velocity,
                    until=until,
                    only=only,
                    grace=meaning.unstated_grace,
                )
            }
            for limits, only in ((candidate, None), (present, differs))
        )
        # Where nothing differs both are the same run.
        theirs.update({key: each for key, each in mine.items() if not differs[key]})
        _collect(found.candidate, stock, mine, theirs, since, "gained")
        _collect(found.present, stock, theirs, mine, since, "lost")
        found.events += events.height
        if on_progress is not None:
            on_progress(int(stock.key[-1]) + 1, len(keys))
    return found


def _compared(limits: KeyLimits) -> list[tuple]:
    """What of each key's limits can change an alert: not the rule's name nor its version."""
    values = [
        (t.min_qty, t.reorder_qty, t.min_days, t.reorder_days, t.cooldown_minutes, t.is_enabled) for t in limits.table
    ]
    return [values[place] if place >= 0 else () for place in limits.places.tolist()]


def _collect(
    outcome: Outcome, stock: Stock, intervals: dict[int, list[Interval]], others: dict[int, list[Interval]],
    since: int, change: str,
) -> None:  # fmt: skip
    stockouts = find_stockouts(stock, since)
    episodes = {key: split_episodes(each) for key, each in intervals.items()}
    for key, each in intervals.items():
        outcome.alerts += [a for a in list_alerts(each, others.get(key, ()), change) if a.opened_at >= since]
    runs = chain.from_iterable(episodes.values())
    outcome.warnings += [w for w in judge_warnings(stock, runs, stockouts) if w.opened_at >= since]
    outcome.stockouts += judge_stockouts(stock, episodes, stockouts)


def _name_rules(labels: list[str], stock: Stock, limits: KeyLimits) -> None:
    last = np.flatnonzero(np.append(stock.key[1:] != stock.key[:-1], True))
    has_embedded = (stock.min_threshold[last] != NO_LIMIT) | (stock.reorder_threshold[last] != NO_LIMIT)
    names = [describe_scope((t.level_type, t.level_id, t.warehouse_id)) for t in limits.table]
    for key, is_embedded in zip(stock.key[last].tolist(), has_embedded.tolist(), strict=True):
        place = int(limits.places[key])
        labels[key] = names[place] if place >= 0 else EMBEDDED if is_embedded else SYSTEM


SCORE_COLUMNS = (
    "rule", "keys", "alerts", "gained", "lost", "stockouts", "foreseen", "median_warning_days",
    "warnings", "useful", "false_alarms", "still_open", "precision", "recall",
)  # fmt: skip


def score(found: Backtest) -> pl.DataFrame:
    """One row per rule of the candidate set, the most alerts first; then all of them; then the present rules.

    `kind` is "rule", "total" or "present". Null precision or recall: there was
    nothing to divide by.
    """
    labels = pl.Series("rule", found.labels, dtype=pl.String)
    by_rule = pl.DataFrame({"rule": labels}).group_by("rule").agg(keys=pl.len().cast(pl.Int64))
    parts = [_counts(found.candidate, labels), _lost(found.present, labels)]
    for part in parts:
        by_rule = by_rule.join(part, on="rule", how="left")
    all_rules = pl.Series("rule", ["all rules"] * len(found.keys), dtype=pl.String)
    everything = pl.Series("rule", ["present rules"] * len(found.keys), dtype=pl.String)
    total = _counts(found.candidate, all_rules).join(_lost(found.present, all_rules), on="rule", how="left")
    present = _counts(found.present, everything)
    count = pl.lit(len(found.keys), pl.Int64)
    rows = pl.concat(
        [
            by_rule.with_columns(kind=pl.lit("rule")).sort("alerts", "rule", descending=[True, False], nulls_last=True),
            total.with_columns(keys=count, kind=pl.lit("total")),
            present.with_columns(keys=count, kind=pl.lit("present"), gained=None),
        ],
        how="diagonal_relaxed",
    )
    counted = ("alerts", "stockouts", "foreseen", "warnings", "useful", "false_alarms", "still_open")
    decided = pl.col("useful") + pl.col("false_alarms")
    is_present = pl.col("kind") == "present"
    return (
        rows.with_columns(pl.col(*counted).fill_null(0))
        .with_columns(pl.when(~is_present).then(pl.col(name).fill_null(0)) for name in ("gained", "lost"))
        .with_columns(
            precision=pl.when(decided > 0).then(pl.col("useful") / decided),
            recall=pl.when(pl.col("stockouts") > 0).then(pl.col("foreseen") / pl.col("stockouts")),
        )
        .select("kind", *SCORE_COLUMNS)
    )


def _counts(outcome: Outcome, labels: pl.Series) -> pl.DataFrame:
    verdict, change = pl.col("verdict"), pl.col("change")
    alerts = _labelled(outcome.alerts, labels, {"change": pl.String}).agg(
        alerts=pl.len().cast(pl.Int64), gained=(change == "gained").sum().cast(pl.Int64)
    )
    warnings = _labelled(outcome.warnings, labels, {"verdict": pl.String}).agg(
        warnings=pl.len().cast(pl.Int64),
        useful=(verdict == "useful").sum().cast(pl.Int64),
        false_alarms=(verdict == "false alarm").sum().cast(pl.Int64),
        still_open=(verdict == "still open").sum().cast(pl.Int64),
    )
    stockouts = _labelled(outcome.stockouts, labels, {"warning_us": pl.Int64}).agg(
        stockouts=pl.len().cast(pl.Int64),
        foreseen=pl.col("warning_us").is_not_null().sum().cast(pl.Int64),
        median_warning_days=pl.col("warning_us").median() / DAY_US,
    )
    names = pl.DataFrame({"rule": labels.unique()})
    for part in (alerts, warnings, stockouts):
        names = names.join(part, on="rule", how="left")
    return names


def _lost(present: Outcome, labels: pl.Series) -> pl.DataFrame:
    """Alerts that the present rules give and the candidates do not, under the candidate rule of their key."""
    return _labelled(present.alerts, labels, {"change": pl.String}).agg(
        lost=(pl.col("change") == "lost").sum().cast(pl.Int64)
    )


def _labelled(rows: Sequence, labels: pl.Series, columns: dict) -> pl.dataframe.group_by.GroupBy:
    keys = pl.Series("key", [row.key for row in rows], dtype=pl.Int32)
    found = {
        name: pl.Series(name, [getattr(row, name) for row in rows], dtype=type_) for name, type_ in columns.items()
    }
    return pl.DataFrame({"rule": labels.gather(keys), **found}).group_by("rule")


def describe_scope(scope: Scope) -> str:
    """A scope in words: `CATEGORY SHOES in WH-1`, `GLOBAL`."""
    level_type, level_id, warehouse_id = scope
    name = f"{level_type} {level_id}".strip()
    return f"{name} in {warehouse_id}" if warehouse_id else name
