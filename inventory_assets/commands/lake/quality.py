"""`inventory quality`: judge the data now, or see what earlier passes found."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from inventory_assets.clock import clock_of
from inventory_assets.commands.output import format_option, notes, print_older, print_rows
from inventory_assets.commands.telling import telling_engine
from inventory_assets.domain.quality.results import QualityResult, ResultStatus, Severity, summarize
from inventory_assets.lake.query.as_of import show_version
from inventory_assets.lake.query.reader import LakeReader, snapshot_reader
from inventory_assets.option_types import ROWS
from inventory_assets.quality.judge import hold_judged, judge_rules, read_history, record, with_trends
from inventory_assets.quality.rule import Rule
from inventory_assets.quality.rules import LIGHT_RULES, RULES
from inventory_assets.settings import Settings, load_settings
from inventory_assets.words.charts import count_bars
from inventory_assets.words.quality import describe_trend, shown_id, verdict
from inventory_assets.words.text import spaced

_RULES = {rule.name: rule for rule in RULES}
COLUMNS = ("rule", "table", "severity", "status", "failing", "checked", "trend", "such_as")
HISTORY_COLUMNS = ("checked_at", "rule", "status", "failing", "such_as", "as_of_version")
LEAVING = ("trend", "checked", "table", "severity", "such_as")
HISTORY_LEAVING = ("as_of_version", "such_as")
SHOWN_IDS = 2
SHOWN_LENGTH = 60


def _read_rules(_context: click.Context, _option: click.Parameter, names: Sequence[str]) -> list[Rule]:
    for name in names:
        if name not in _RULES:
            near = [rule for rule in _RULES if any(word in rule for word in name.split("_") if len(word) > 3)]
            hint = f" Near it: {', '.join(near[:5])}." if near else ""
            raise click.BadParameter(f"{name!r} is no rule.{hint} `inventory quality --format csv` lists all.")
    return [_RULES[name] for name in dict.fromkeys(names)]


@click.group(invoke_without_command=True)
@click.option("--rule", "rules", multiple=True, callback=_read_rules, help="Only this rule; may be repeated.")
@click.option("--light", is_flag=True, help="Only the rules that read no history, as every hour.")
@click.option("--record", "is_recorded", is_flag=True, help="Keep the results, and inhibit alerts on wrong stock.")
@format_option
@click.pass_context
def quality(context: click.Context, rules: list[Rule], light: bool, is_recorded: bool, format_: str) -> None:
    """Judge the data by its rules, now. Exit 1 if one of severity ERROR fails.

    Reads only, unless --record is given. Dagster does the same every hour and
    every day, and keeps the results.

    \b
    inventory quality
    inventory quality --rule no_stock_is_negative --format json
    inventory quality history --rule no_stock_is_negative
    """
    if context.invoked_subcommand is not None:
        if rules or light or is_recorded:
            raise click.UsageError(f"give options after `{context.invoked_subcommand}`, not before it.")
        return
    if rules and light:
        raise click.UsageError("--rule and --light were both given; choose one.")
    settings = load_settings()
    results = _judge(settings, rules or (LIGHT_RULES if light else RULES), is_recorded=is_recorded)
    results.sort(key=lambda result: (result.status is not ResultStatus.FAIL, result.severity is not Severity.ERROR))
    if format_ == "table":
        print_rows([_short(result) for result in results], "table", columns=COLUMNS, leaving=LEAVING)
        _print_advice(results)
    else:
        print_rows([_full(result) for result in results], format_, columns=list(_full(results[0])))
    if not summarize(results).is_trusted:
        sys.exit(1)


def _judge(settings: Settings, rules: Sequence[Rule], *, is_recorded: bool) -> list[QualityResult]:
    now = clock_of(settings).microseconds()
    with snapshot_reader(settings) as reader, notes.status("judging") as status:
        show_version(reader.connection, None)
        judged = judge_rules(
            reader, settings, rules, now=now, on_rule=lambda rule: status.update(f"judging {rule.name}")
        )
        results = with_trends(reader, [each.result for each in judged])
    if is_recorded:
        with telling_engine(settings) as engine, notes.status("recording"):
            new = record(engine.lake, judged)
            hold_judged(engine, judged, now=now)
        notes.print(f"{len(new)} results kept; the others say what the last ones of today said", style="dim")
    return results


def _short(result: QualityResult) -> dict[str, Any]:
    more = result.failing_count - min(SHOWN_IDS, len(result.sample_ids))
    ids = ", ".join(shown_id(each, longest=SHOWN_LENGTH) for each in result.sample_ids[:SHOWN_IDS]) + (
        f" +{more:,}" if more > 0 else ""
    )
    return {
        "rule": result.rule, "table": result.table, "severity": str(result.severity),
        "status": spaced(str(result.status)), "failing": result.failing_count,
        "checked": result.checked_count, "trend": count_bars([point.failing_count for point in result.trend]),
        "such_as": ids or result.reason or None,
    }  # fmt: skip


def _full(result: QualityResult) -> dict[str, Any]:
    return {
        "rule": result.rule, "table": result.table, "severity": str(result.severity), "status": str(result.status),
        "failing_count": result.failing_count, "checked_count": result.checked_count,
        "sample_ids": list(result.sample_ids), "rows": [dict(row) for row in result.rows], "reason": result.reason,
        "text": result.text, "what_to_do": result.what_to_do, "as_of_version": result.as_of_version,
        "checked_at": result.checked_at, "run_id": result.run_id,
        "trend": [point.failing_count for point in result.trend],
    }  # fmt: skip


def _print_advice(results: Sequence[QualityResult]) -> None:
    summary = summarize(results)
    notes.print(verdict(summary), style="green" if summary.is_trusted else "red")
    for result in results:
        if result.status is ResultStatus.FAIL:
            notes.print(f"  {result.rule}: {result.what_to_do}", style="dim")


@quality.command("history")
@click.option("--rule", help="Only this rule's results.")
@click.option("--limit", type=ROWS, default=50, show_default=True, help="Rows, the newest first.")
@format_option
def history(rule: str | None, limit: int, format_: str) -> None:
    """Show what earlier passes found, the newest first.

    A result that says what the last one said is kept once a UTC day.
    """
    reader = LakeReader(load_settings())
    found = read_history(reader, rule=rule, limit=limit + 1)
    results = found[:limit]
    if rule is not None and not results and rule not in _RULES:
        raise click.ClickException(f"{rule!r} is no rule, and none of that name was ever recorded.")
    if format_ == "table":
        rows = [_short(result) | {"checked_at": result.checked_at, "as_of_version": result.as_of_version}
                for result in results]  # fmt: skip
        if rows:
            print_rows(rows, "table", columns=HISTORY_COLUMNS, leaving=HISTORY_LEAVING)
        if rule is not None and results:
            [newest] = with_trends(reader, results[:1])
            notes.print(f"trend: {describe_trend(newest.trend)}", style="dim")
    else:
        names = [name for name in _full(results[0]) if name != "trend"] if results else []
        print_rows([{name: _full(result)[name] for name in names} for result in results], format_, columns=names)
    print_older(found, limit)
    if not results:
        notes.print("nothing was recorded yet: inventory quality --record", style="dim")
