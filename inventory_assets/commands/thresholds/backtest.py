"""`inventory thresholds backtest`: other rules on the lake's history, and what they would have been worth."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import polars as pl

from inventory_assets.backtest.run import lay_over, present_rules, run_backtest, score
from inventory_assets.commands.days import read_day
from inventory_assets.commands.output import format_option, limit_option, notes, print_rows
from inventory_assets.domain.backtest.score import FALSE_ALARM, Backtest
from inventory_assets.domain.values import DAY_US, midnight, to_datetime
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.option_types import Decimal, Whole
from inventory_assets.ranges import MAX_DAYS
from inventory_assets.settings import load_settings
from inventory_assets.thresholds.files import load_rules
from inventory_assets.words.backtest_plot import draw_backtest
from inventory_assets.words.times import moment_of, to_minute

LISTED = ("gained", "lost", "stockouts", "false-alarms")
SHOWN = (
    "rule", "keys", "alerts", "gained", "lost", "stockouts", "foreseen", "warning_days",
    "warnings", "false_alarms", "precision", "recall",
)  # fmt: skip

_path = click.Path(exists=True, dir_okay=False, path_type=Path)
_share = Decimal(0, 1)


def _svg(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix != ".svg":
        raise click.BadParameter(f"was {str(value)!r}; the picture is an SVG, so name a file that ends in .svg.")
    return value


@click.command("backtest")
@click.argument("rules_file", metavar="RULES", type=_path)
@click.option("--days", type=Whole(1, MAX_DAYS), default=90, show_default=True, help="How far back it counts.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Where the window ends (default: the latest event).")
@click.option("--merge", is_flag=True, help="Lay the file over the lake's rules; else it replaces them all.")
@click.option("--list", "listed", type=click.Choice(LISTED), help="Print these, one row each, instead of the scores.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), callback=_svg, help="Draw it as FILE.svg.")
@click.option(
    "--fail-if-precision-below", "min_precision", type=_share, metavar="X", help="Exit 1 below this (0 to 1)."
)
@click.option("--fail-if-recall-below", "min_recall", type=_share, metavar="X", help="Exit 1 below this (0 to 1).")
@limit_option
@format_option
def backtest(
    rules_file: Path, days: int, until: datetime | None, merge: bool, listed: str | None, plot: Path | None,
    min_precision: float | None, min_recall: float | None, limit: int, format_: str,
) -> None:  # fmt: skip
    """Replay the lake's history under the rules in RULES (YAML, JSON or CSV) and score them. Changes nothing.

    RULES is a list of threshold documents. A row per rule, then all rules
    together, then the rules in force now on the same history.

    \b
    alerts        opened in the window
    gained, lost  with no counterpart on the key and condition at that time, now / under these rules
    foreseen      stockouts that an alert announced before they came; warning days: the median ahead
    false alarms  warnings that ended by themselves: no stockout, no supply
    precision     of the warnings that ended, the share that was no false alarm
    recall        of the stockouts, the share that was foreseen
    """
    last_day = None if until is None else read_day("--until", until)
    settings = load_settings()
    with history_reader(settings) as reader, notes.status("reading") as status:
        rules = load_rules(rules_file)
        found = run_backtest(
            reader,
            lay_over(rules, present_rules(reader) if merge else {}),
            days=days,
            meaning=meaning_of(settings),
            until=None if last_day is None else midnight(last_day.isoformat()),
            on_progress=lambda done, total: status.update(f"{done:,} of {total:,} keys"),
        )
    scores = score(found)
    if listed is not None:
        print_rows(_listed(found, listed), format_, limit=limit)
    else:
        _print_scores(found, scores, format_)
    if plot is not None:
        plot.write_text(draw_backtest(found, scores, rules_file.name), encoding="utf-8")
        notes.print(f"drawn: {plot}", style="dim")
    total = scores.filter(pl.col("kind") == "total").row(0, named=True)
    failures = [
        *_gate("precision", total["precision"], min_precision, "no warning ended in the window"),
        *_gate("recall", total["recall"], min_recall, "no stock ran out in the window"),
    ]
    for failure in failures:
        notes.print(failure, style="bold red")
    if failures:
        sys.exit(1)


def _gate(name: str, value: float | None, least: float | None, unknown: str) -> list[str]:
    """What failed; a figure that is unknown is no pass, as nothing was shown."""
    if least is None or (value is not None and value >= least):
        return []
    shown = f"unknown ({unknown})" if value is None else f"{value:.3f}"
    return [f"{name} was {shown}, expected at least {least:g}"]


def _print_scores(found: Backtest, scores: pl.DataFrame, format_: str) -> None:
    if format_ != "table":
        print_rows(list(scores.iter_rows(named=True)), format_, columns=scores.columns if format_ == "csv" else None)
        return
    span = f"{to_minute(to_datetime(found.since))} to {moment_of(found.until)}"
    rows = [{**row, "warning_days": row["median_warning_days"]} for row in scores.iter_rows(named=True)]
    # A rule that saw nothing says nothing; json and csv have it.
    telling = [row for row in rows if row["kind"] != "rule" or row["alerts"] or row["lost"] or row["stockouts"]]
    print_rows(telling, "table", columns=SHOWN, title=f"{span}: {found.events:,} events, {len(found.keys):,} keys")
    if silent := len(rows) - len(telling):
        notes.print(
            f"Rules without an alert or a stockout, left out here: {silent:,} (--format json has them).", style="dim"
        )
    notes.print(_sentence(scores.filter(pl.col("kind") == "total").row(0, named=True)), style="dim")


def _sentence(total: dict[str, Any]) -> str:
    """`Alerts: 41 gained, 3 lost. Stockouts: 12 of 14 foreseen, half of them 4.2 days ahead or more. …`"""
    ahead = total["median_warning_days"]
    told = f", half of them {ahead:.1f} days ahead or more" if ahead is not None else ""
    return (
        f"Alerts: {total['gained']:,} gained, {total['lost']:,} lost. "
        f"Stockouts: {total['foreseen']:,} of {total['stockouts']:,} foreseen{told}. "
        f"False alarms: {total['false_alarms']:,}."
    )


def _listed(found: Backtest, what: str) -> list[dict[str, Any]]:
    if what == "stockouts":
        rows = [
            {
                **_place(found, s.key), "stockout_at": _moment(s.at), "is_foreseen": s.warned_at is not None,
                "warned_at": _moment(s.warned_at),
                "warning_days": None if s.warning_us is None else round(s.warning_us / DAY_US, 3),
                "alert_id": s.alert_id,
            }
            for s in sorted(found.candidate.stockouts, key=lambda s: (s.at, s.key))
        ]  # fmt: skip
        return rows
    source: Sequence[Any]
    if what == "false-alarms":
        source = [w for w in found.candidate.warnings if w.verdict == FALSE_ALARM]
    else:
        outcome = found.candidate if what == "gained" else found.present
        source = [a for a in outcome.alerts if a.change == what]
    return [
        {
            **_place(found, each.key), "alert_type": str(each.condition), "opened_at": _moment(each.opened_at),
            "resolved_at": _moment(each.closed_at), "alert_id": each.alert_id,
        }
        for each in sorted(source, key=lambda each: (each.opened_at, each.key))
    ]  # fmt: skip


def _place(found: Backtest, key: int) -> dict[str, Any]:
    warehouse_id, sku = found.keys[key]
    return {"warehouse_id": warehouse_id, "sku": sku, "rule": found.labels[key]}


def _moment(at: int | None) -> datetime | None:
    return None if at is None else to_datetime(at)
