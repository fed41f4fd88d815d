"""`inventory thresholds set | delete | import`: change rules, or say what a change would do."""

import getpass
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from inventory_assets.clock import clock_of
from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.commands.telling import telling_engine
from inventory_assets.commands.thresholds.scope import scope_arguments, to_scope
from inventory_assets.domain.events.parse_threshold import MAX_COOLDOWN_MINUTES, Problems, Scope
from inventory_assets.domain.thresholds.changes import RuleEdit, deleted_rule, find_edits, wanted_rule
from inventory_assets.domain.thresholds.document import DYNAMIC_FIELDS, name_scope, scope_document, to_document
from inventory_assets.domain.thresholds.resolve import StoredRule
from inventory_assets.domain.values import InvalidValue, read_remark
from inventory_assets.ingest.engine import Commit
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.notify.channels.mail import recipient_problem
from inventory_assets.option_types import Whole, read_plain
from inventory_assets.settings import load_settings
from inventory_assets.thresholds.edits import Effect, FindEdits, commit_edits, preview_edits
from inventory_assets.thresholds.files import load_rules
from inventory_assets.thresholds.listing import edit_rows, effect_sentence
from inventory_assets.words.numbers import counted

MAX_ROWS = 50
CLEAR = "none"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def edit_options(command: Callable) -> Callable:
    """Add `--author`, `--reason`, `--dry-run` and `--format`."""
    for option in (
        format_option,
        click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing."),
        click.option("--reason", help="Why, for the audit."),
        click.option("--author", default=_user, show_default="the user of this machine", help="Who, for the audit."),
    ):
        command = option(command)
    return command


class OrNone(click.ParamType):
    """A number, or `none` to clear it."""

    name = "number|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Numbers as they are typed: the rules for them are the messages'."""
        if not isinstance(value, str) or value.lower() == CLEAR:
            return CLEAR if isinstance(value, str) else value
        if (number := read_plain(value.strip())) is None:
            self.fail(f"it was {value[:50]!r}; expected a number in plain digits, or `none`.", param, ctx)
        return number


def _recipients(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value != CLEAR and (problem := recipient_problem(value)) is not None:
            raise click.BadParameter(problem.removesuffix(".") + ", or `none`.")
    return values


@click.command("set")
@scope_arguments
@click.option("--min", "min_threshold_qty", type=OrNone(), help="LOW_STOCK below this, units.")
@click.option("--reorder", "reorder_threshold_qty", type=OrNone(), help="REORDER below this, units.")
@click.option("--min-days", "min_threshold_days", type=OrNone(), help="LOW_STOCK below this, days of cover.")
@click.option("--reorder-days", "reorder_threshold_days", type=OrNone(), help="REORDER below this, days of cover.")
@click.option(
    "--mode",
    type=click.Choice(["dynamic", "static"]),
    help="dynamic: its quantities are computed from demand; the limits above hold while demand is unknown.",
)
@click.option(
    "--service-level", type=OrNone(), help="Of a dynamic rule, which needs it: the chance of no stockout, such as 0.95."
)
@click.option("--floor", "floor_qty", type=OrNone(), help="Of a dynamic rule: no limit below this, units.")
@click.option("--ceiling", "ceiling_qty", type=OrNone(), help="Of a dynamic rule: no limit above this, units.")
@click.option("--cooldown", type=Whole(0, MAX_COOLDOWN_MINUTES), help="Minutes until a condition is notified again.")
@click.option("--enabled/--disabled", "is_enabled", default=None, help="A disabled rule mutes its keys.")
@click.option("--channel", help="Where its alerts go, such as EMAIL; `none` clears it.")
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    callback=_recipients,
    help="Who gets them; repeat it. `none` clears them.",
)
@edit_options
def set_(
    level_type: str, level_id: str | None, warehouse: str | None, mode: str | None, cooldown: int | None,
    is_enabled: bool | None, channel: str | None, recipients: tuple[str, ...],
    author: str, reason: str | None, dry_run: bool, format_: str, **limits: Any,
) -> None:  # fmt: skip
    """Set a rule; what is not named stays as it is.

    LEVEL_TYPE is SKU, PRODUCT, BRAND, CATEGORY, DEPARTMENT or GLOBAL; the
    most specific rule of a key wins, whole. Affected keys are judged anew in
    the same version.

    \b
    inventory thresholds set CATEGORY SMARTPHONES --min 50 --reorder 100 --reason "spring sale"
    inventory thresholds set SKU S1 --warehouse WH-EAST-1 --min-days 7 --min none
    inventory thresholds set CATEGORY TEA --mode dynamic --service-level 0.95 --floor 2 --ceiling 90
    inventory thresholds set SKU S1 --disabled
    """
    scope = to_scope(level_type, level_id, warehouse)
    settings: dict[str, Any] = {"cooldown_period_minutes": cooldown, "enabled": is_enabled}
    settings["notification_channel"] = channel
    settings["recipients"] = CLEAR if recipients == (CLEAR,) else list(recipients) or None
    if mode == "static" and (named := [name for name in DYNAMIC_FIELDS if limits[name] is not None]):
        raise click.UsageError(f"{_options(named)} belongs to a dynamic rule, and --mode was static; choose one.")
    if all(value is None for value in (mode, *limits.values(), *settings.values())):
        raise click.UsageError("nothing to set was named; give for example --min 10 --reorder 20, or --disabled.")

    def find(known: Mapping[Scope, StoredRule]) -> list[RuleEdit]:
        stored = known.get(scope)
        document = {**scope_document(scope), "alert_settings": {}}
        if stored is not None and not stored.rule.is_deleted:
            document = to_document(stored.rule)
        _set_mode(document, mode)
        _overlay(document, limits)
        if "mode" not in document and (named := [name for name in DYNAMIC_FIELDS if name in document]):
            raise click.ClickException(
                f"{name_scope(scope)} was not set: {_options(named)} belongs to a dynamic rule, and it is none; "
                "add --mode dynamic."
            )
        _overlay(document["alert_settings"], settings)
        problems: Problems = []
        rule = wanted_rule(document, problems)
        if problems:
            details = "\n  ".join(problem.detail for problem in problems)
            raise click.ClickException(f"{name_scope(scope)} was not set:\n  {details}")
        return find_edits(known, [rule])

    _run(find, author, reason, dry_run, format_)


def _set_mode(document: dict[str, Any], mode: str | None) -> None:
    if mode == "dynamic":
        document["mode"] = mode
    elif mode == "static":
        for name in ("mode", *DYNAMIC_FIELDS):
            document.pop(name, None)


def _options(fields: Sequence[str]) -> str:
    """Fields as the options that set them."""
    return ", ".join("--" + name.removesuffix("_qty").replace("_", "-") for name in fields)


def _overlay(document: dict[str, Any], values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value == CLEAR:
            document.pop(name, None)
        elif value is not None:
            document[name] = value


@click.command()
@scope_arguments
@edit_options
def delete(
    level_type: str, level_id: str | None, warehouse: str | None,
    author: str, reason: str | None, dry_run: bool, format_: str,
) -> None:  # fmt: skip
    """Delete a rule; its keys fall to their next one.

    \b
    inventory thresholds delete SKU S1 --warehouse WH-EAST-1 --reason "discontinued"
    """
    scope = to_scope(level_type, level_id, warehouse)
    LakeReader(load_settings())  # says clearly where there is no lake

    def find(known: Mapping[Scope, StoredRule]) -> list[RuleEdit]:
        edits = find_edits(known, [deleted_rule(scope)])
        if not edits:
            raise click.ClickException(
                f"there is no rule {name_scope(scope)}. See which there are: inventory thresholds list"
            )
        return edits

    _run(find, author, reason, dry_run, format_)


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--prune", is_flag=True, help="Also delete the rules that the file does not have.")
@edit_options
def import_(file: Path, prune: bool, author: str, reason: str | None, dry_run: bool, format_: str) -> None:
    """Import rules from CSV, JSON or YAML; all of them or none.

    JSON and YAML hold a list of rule documents, CSV the columns that
    `export --format csv` writes. Every problem of a file is listed by its line.
    Rules that the lake has already, word for word, are left alone.
    """
    wanted = load_rules(file)
    _run(lambda known: find_edits(known, wanted, is_complete=prune), author, reason, dry_run, format_)


def _run(find: FindEdits, author: str, reason: str | None, dry_run: bool, format_: str) -> None:
    author = author.strip(" ")
    try:
        read_remark("--author", author)
        if reason:
            read_remark("--reason", reason)
    except InvalidValue as error:
        raise click.UsageError(error.detail) from None
    if dry_run:
        LakeReader(load_settings())  # a look must not make a lake
    with telling_engine() as engine:
        if dry_run:
            edits = find(engine.state.rules)
            effect = preview_edits(engine, edits, now=_now())
            _print_edits(edits, format_, effect)
            _say_effect(edits, effect)
            return
        edits, commit = commit_edits(engine, find, author=author, reason=reason, now=_now)
    _print_edits(edits, format_, None)
    _say_commit(edits, commit)


def _now() -> int:
    return clock_of(load_settings()).microseconds()


def _print_edits(edits: Sequence[RuleEdit], format_: str, effect: Effect | None) -> None:
    rows = edit_rows(edits, effect)
    if not rows and format_ == "table":
        return
    names = ["action", "level_type", "level_id", "warehouse_id", "change", *(["keys"] if effect else [])]
    shown = rows[:MAX_ROWS] if format_ == "table" else rows
    print_rows(shown, format_, columns=None if format_ == "json" else names)
    if len(shown) < len(rows):
        notes.print(f"{len(rows) - len(shown)} more rules: --format csv has all", style="dim")


def _say_effect(edits: Sequence[RuleEdit], effect: Effect) -> None:
    notes.print(effect_sentence(edits, effect), style=None if edits else "green")
    opening = [alert for alert in effect.alerts if alert.step in ("opened", "reopened", "resolved")]
    for alert in opening[:10]:
        what = "resolves" if alert.step == "resolved" else "opens"
        line = f"  {what} {alert.alert_type} {alert.sku} at {alert.warehouse_id} ({alert.reason})"
        notes.print(line, style="dim", soft_wrap=True)
    if len(opening) > 10:
        notes.print(f"  and {len(opening) - 10} more", style="dim")


def _say_commit(edits: Sequence[RuleEdit], commit: Commit | None) -> None:
    if commit is None:
        notes.print("nothing changed: the lake has these rules already", style="green")
        return
    keys = commit.counts.get("thresholds", 0)
    notes.print(
        f"version {commit.version}: {counted(len(edits), 'rule')} changed, {counted(keys, 'key')} with other limits, "
        f"{counted(commit.counts.get('alerts', 0), 'alert')} changed",
        style="green",
    )
    if not keys:
        notes.print("no key's limits changed. Is that meant? inventory thresholds validate", style="dim")
    if commit.notifications:
        notes.print(
            f"{counted(len(commit.notifications), 'notification')} owed: a running sensor sends what is owed with its "
            "next tick; without one, run `inventory drain`."
        )
