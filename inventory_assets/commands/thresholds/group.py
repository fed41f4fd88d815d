"""`inventory thresholds`: the rules in force, their files, their history."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from inventory_assets.commands.lake.coverage import dynamic
from inventory_assets.commands.output import (
    format_option,
    limit_option,
    notes,
    print_found,
    print_rows,
    written_as_utf8,
)
from inventory_assets.commands.thresholds.backtest import backtest
from inventory_assets.commands.thresholds.checks import resolve, validate
from inventory_assets.commands.thresholds.edits import delete, import_, set_
from inventory_assets.commands.thresholds.scope import scope_arguments, to_scope
from inventory_assets.domain.events.kinds import DynamicSettings
from inventory_assets.domain.events.parse_threshold import HIERARCHY_LEVELS
from inventory_assets.domain.thresholds.audit import RuleChange, find_breaks
from inventory_assets.domain.thresholds.changes import describe_change, find_edits
from inventory_assets.domain.thresholds.document import name_scope, settings_of
from inventory_assets.domain.thresholds.resolve import StoredRule
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.option_types import ROWS
from inventory_assets.settings import load_settings
from inventory_assets.thresholds.edits import choose_rules, count_keys, read_changes, read_rules
from inventory_assets.thresholds.files import SUFFIXES, load_rules, write_rules
from inventory_assets.thresholds.listing import change_row, edit_rows, rule_row

LIST_COLUMNS = (
    "level", "id", "warehouse", "mode", "bounds", "min", "reorder", "min_days", "reorder_days",
    "cooldown", "enabled", "notify", "updated", "author",
)  # fmt: skip
LIST_LEAVING = (
    "author", "updated", "notify", "cooldown", "bounds", "min_days", "reorder_days", "mode", "enabled",
)  # fmt: skip
HISTORY_LEAVING = ("version", "author", "action", "reason")


@click.group()
def thresholds() -> None:
    """Threshold rules: who is alerted when, for one SKU or for everything.

    The most specific rule of a key wins, whole: SKU, PRODUCT, BRAND, CATEGORY,
    DEPARTMENT, GLOBAL; of two at one level the warehouse's own.
    """


@thresholds.command("list")
@click.option("--level", type=click.Choice(HIERARCHY_LEVELS, case_sensitive=False), help="Only rules of this level.")
@click.option("--warehouse", metavar="ID", help="Only the rules that are this warehouse's own.")
@click.option("--muted", is_flag=True, help="Only rules that are disabled.")
@limit_option
@format_option
def list_(level: str | None, warehouse: str | None, muted: bool, limit: int, format_: str) -> None:
    """List the rules in force, the most general first."""
    found = choose_rules(LakeReader(load_settings()), level, warehouse, muted=muted)
    if format_ == "table":
        print_rows(
            [_short(stored) for stored in found], "table", columns=LIST_COLUMNS, leaving=LIST_LEAVING, limit=limit
        )
    else:
        print_rows([rule_row(stored) for stored in found], format_)


def _short(stored: StoredRule) -> dict[str, Any]:
    """A rule in a line."""
    rule = stored.rule
    settings = settings_of(rule)
    recipients = settings.get("recipients")
    channel = settings.get("notification_channel")
    count = len(recipients) if isinstance(recipients, list) else 0
    notify = [str(channel)] * (channel is not None) + [f"to {count}"] * bool(count)
    return {
        "level": rule.level_type, "id": rule.level_id or None, "warehouse": rule.warehouse_id or "all",
        "mode": "static" if rule.dynamic is None else f"dynamic {rule.dynamic.service_level:.6g}",
        "bounds": _bounds(rule.dynamic),
        "min": rule.min_threshold_qty, "reorder": rule.reorder_threshold_qty, "min_days": rule.min_threshold_days,
        "reorder_days": rule.reorder_threshold_days, "cooldown": rule.cooldown_minutes, "enabled": rule.is_enabled,
        "notify": " ".join(notify) or None, "updated": to_datetime(rule.event_at).date(), "author": rule.author,
    }  # fmt: skip


def _bounds(dynamic: DynamicSettings | None) -> str | None:
    """What a dynamic rule's limits stay within: `2 to 90`."""
    floor, ceiling = (None, None) if dynamic is None else (dynamic.floor_qty, dynamic.ceiling_qty)
    if floor is not None and ceiling is not None:
        return f"{floor} to {ceiling}"
    return f"from {floor}" if floor is not None else f"to {ceiling}" if ceiling is not None else None


@thresholds.command()
@scope_arguments
@format_option
def show(level_type: str, level_id: str | None, warehouse: str | None, format_: str) -> None:
    """Show one rule: its limits, its author, its keys."""
    scope = to_scope(level_type, level_id, warehouse)
    reader = LakeReader(load_settings())
    stored = read_rules(reader).get(scope)
    if stored is None:
        raise click.ClickException(
            f"there is no rule {name_scope(scope)}. See which there are: inventory thresholds list"
        )
    row = {**rule_row(stored), "keys": count_keys(reader, stored)}
    if format_ != "table":
        print_rows([row], format_)
        return
    settings = row.pop("alert_settings")
    lines = [{"field": name, "value": value} for name, value in {**row, **settings}.items() if value is not None]
    print_rows([{**line, "value": _text(line["value"])} for line in lines], "table", title=name_scope(scope))


def _text(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.strftime("%Y-%m-%d %H:%M:%S") if hasattr(value, "strftime") else msgspec.json.encode(value).decode()


@thresholds.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option(
    "--format", "format_", type=click.Choice(["yaml", "json", "csv"]), help="Default: by FILE's name, or yaml."
)
def export(file: Path | None, format_: str | None) -> None:
    """Write all rules to a file, or to the screen.

    `import` takes it back and finds nothing to do.
    Who set a rule and when is not in it: that is the audit's, see `history`.
    """
    kind = format_ or (SUFFIXES.get(file.suffix.lower()) if file else "yaml")
    if kind not in ("yaml", "json", "csv"):
        raise click.UsageError(
            f"the format of {str(file)!r} is not clear from its name; give --format yaml, json or csv."
        )
    rules = [stored.rule for stored in read_rules(LakeReader(load_settings())).values()]
    text = write_rules(rules, kind)
    if file is None:
        with written_as_utf8() as out:
            out.write(text)
    else:
        file.write_text(text, encoding="utf-8")
        notes.print(f"{len(rules)} rules written to {file}", style="green")


@thresholds.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@limit_option
@format_option
def diff(file: Path, limit: int, format_: str) -> None:
    """Compare a file with the lake.

    `added` and `changed` are what importing it would do; `removed` are rules
    that the lake has and the file has not: `import --prune` deletes them,
    `import` leaves them.
    """
    wanted = load_rules(file)
    edits = find_edits(read_rules(LakeReader(load_settings())), wanted, is_complete=True)
    rows = edit_rows(edits)
    print_found(rows, format_, limit=limit)
    counts = ", ".join(
        f"{sum(e.action == action for e in edits)} {action}" for action in ("added", "changed", "removed")
    )
    notes.print(f"{counts}, {len(wanted) - sum(e.action != 'removed' for e in edits)} the same")


@thresholds.command()
@click.option("--scope", help="Only this rule's, such as CATEGORY/SMARTPHONES or SKU/S1@WH-EAST-1; or a level.")
@click.option("--limit", type=ROWS, default=50, show_default=True, help="Newest rows of a table.")
@click.option("--check", is_flag=True, help="Check the hash chain, and the rules in force against it.")
@click.option("--head", metavar="HASH", help="With --check: a head noted earlier, which must still be there.")
@format_option
def history(scope: str | None, limit: int, check: bool, head: str | None, format_: str) -> None:
    """Show who changed which rule when and why, oldest first.

    --check exits 1 if an entry was changed, removed or put in later. Note the
    head it prints somewhere else: `--check --head HASH` later shows that the
    chain up to then is still the same one.
    """
    if head and not check:
        raise click.UsageError("--head belongs to --check.")
    reader = LakeReader(load_settings())
    changes = read_changes(reader)
    if check:
        _check(reader, changes, head, format_)
        return
    if scope is not None:
        changes = [c for c in changes if scope in (name_scope(c.scope), c.level_type)]
        if not changes:
            raise click.ClickException(
                f"no change of {scope!r} is recorded. Scopes are written LEVEL_TYPE/LEVEL_ID@WAREHOUSE, as in "
                "CATEGORY/SMARTPHONES@WH-EAST-1, without @WAREHOUSE for all."
            )
    if format_ != "table":
        print_rows([change_row(change) for change in changes], format_)
        return
    print_rows([_change_line(change) for change in changes[-limit:]], "table", leaving=HISTORY_LEAVING)
    if len(changes) > limit:
        notes.print(f"{len(changes) - limit:,} earlier: --limit {len(changes)}", style="dim")


def _check(reader: LakeReader, changes: list[RuleChange], head: str | None, format_: str) -> None:
    in_force = {scope: stored.rule for scope, stored in read_rules(reader).items()}
    breaks = find_breaks(changes, in_force, head)
    print_found([{"finding": line} for line in breaks], format_)
    if breaks:
        notes.print("`inventory verify` compares with the messages; `inventory rebuild` writes what they say.")
        sys.exit(1)
    latest = changes[-1].hash if changes else "none"
    notes.print(f"unbroken: {len(changes)} changes, head {latest}", style="green")


def _change_line(change: RuleChange) -> dict[str, Any]:
    return {
        "changed_at": to_datetime(change.changed_at), "scope": name_scope(change.scope), "action": change.action,
        "change": describe_change(change), "author": change.author,
        "reason": change.reason, "version": change.version,
    }  # fmt: skip


for _command in (set_, delete, import_, validate, resolve, backtest, dynamic):
    thresholds.add_command(_command)
