"""`inventory alerts ack | silence | …`: what people do about alerts.

Every command here becomes a message of `control-topic` in the lake itself, so
none needs a broker; a running sensor sends what it owes.
"""

import getpass
from collections.abc import Callable, Sequence
from typing import Any

import click

from inventory_assets.clock import clock_of
from inventory_assets.commands.completing import ids_of
from inventory_assets.commands.output import format_option, notes, print_found
from inventory_assets.commands.telling import telling_engine
from inventory_assets.control.issue import issue
from inventory_assets.domain.alerts.incidents import is_incident_id
from inventory_assets.domain.events.control import MAX_SILENCE_MINUTES
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.sweep import sweep as sweep_lake
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.option_types import Whole
from inventory_assets.queries.alerts import count_scope, steps_of_version
from inventory_assets.queries.ids import find_alert_id, find_subject_id
from inventory_assets.settings import load_settings
from inventory_assets.words.commands import command as shell_command
from inventory_assets.words.times import to_minute

SCOPE = {"warehouse_id": "warehouse", "sku": "SKU", "category_id": "category"}


def _author_options(*, reason: str | None) -> Callable[[Callable], Callable]:
    """Add `--author` and `--reason`; the reason is asked for where there is no default."""

    def add(command: Callable) -> Callable:
        command = click.option(
            "--reason", required=reason is None, default=reason, show_default=reason is not None,
            help="Why: kept in the history.",
        )(command)  # fmt: skip
        return click.option("--author", help="Who decides. Default: you, as the system knows you.")(command)

    return add


def _now() -> int:
    return clock_of(load_settings()).microseconds()


def _commit(bodies: Sequence[dict[str, Any]], author: str | None, reason: str, format_: str) -> None:
    LakeReader(load_settings())  # says clearly where there is no lake
    issued = {"reason": reason, "issued_by": author or getpass.getuser()}
    with telling_engine() as engine:
        commits = issue(engine, [{**body, **issued} for body in bodies], now=_now())
        rows = _steps(engine, [commit.version for commit in commits])
        unconcerned = [] if rows or not commits else [_why_no_alert(engine, body) for body in bodies]
    print_found(rows, format_)
    if not commits:
        notes.print("nothing changed: it was so already", style="dim")
    for sentence in unconcerned:
        notes.print(sentence, style="dim")


def _why_no_alert(engine: Engine, body: dict[str, Any]) -> str:
    """Why a command of a scope was kept and changed no alert: nothing is there, nothing fires, or it is done."""
    if body["command"] == "note":
        asked = shell_command("inventory explain {}", body["alert_id"])
        return f"kept; {asked} shows it"
    if body["command"] in ("unsilence", "uninhibit"):
        return "lifted; it inhibited no alert now"
    given = {name: body[name] for name in SCOPE if body.get(name) is not None}
    keys, firing, until = count_scope(engine.lake, given)
    shown = ", ".join(f"{SCOPE[name]} {value!r}" for name, value in given.items())
    if not keys:
        return f"kept for what may come, but no stock is known of {shown}. Is it the right id?"
    if not firing:
        return f"kept for what may come; no alert of {shown} fires now"
    if body["command"] == "silence" and until is not None:
        return f"kept; what fires of {shown} was silenced for longer already, until {to_minute(until)} UTC"
    return f"kept; what fires of {shown} was inhibited already"


def _steps(engine: Engine, versions: Sequence[int]) -> list[dict[str, Any]]:
    return [row for version in versions for row in steps_of_version(engine.lake, version)]


def _ids(texts: Sequence[str]) -> list[str]:
    reader = LakeReader(load_settings())
    return list(dict.fromkeys(find_alert_id(reader, text) for text in texts))


def _decision(name: str, text: str, default: str | None) -> click.Command:
    @click.command(name, help=text)
    @click.argument("alert_ids", metavar="ALERT_ID...", nargs=-1, required=True, shell_complete=ids_of("alert"))
    @_author_options(reason=default)
    @format_option
    def command(alert_ids: tuple[str, ...], author: str | None, reason: str, format_: str) -> None:
        _commit([{"command": name, "alert_id": found} for found in _ids(alert_ids)], author, reason, format_)

    return command


ack = _decision(
    "ack",
    "Acknowledge alerts: they are yours, and are not escalated or repeated.\n\n"
    "ALERT_ID may be the beginning of an id, or of its last eight characters.",
    "seen",
)
escalate = _decision("escalate", "Raise alerts one level and notify again.", None)
resolve = _decision(
    "resolve",
    "Close alerts by hand.\n\nThey open again when the stock has recovered and falls anew, or when it gets worse; "
    "not because the breach goes on.",
    None,
)


@click.command()
@click.argument("alert_id", metavar="ID", shell_complete=ids_of("alert"))
@click.argument("text")
@click.option("--author", help="Who writes. Default: you, as the system knows you.")
@format_option
def note(alert_id: str, text: str, author: str | None, format_: str) -> None:
    """Add a line to an alert's history, or to an incident's.

    A web address in it is kept as the link to a post-mortem, and shown by
    `alerts show`, `explain` of an incident, and the web console.
    """
    found = find_subject_id(LakeReader(load_settings()), alert_id) if is_incident_id(alert_id) else _ids([alert_id])[0]
    _commit([{"command": "note", "alert_id": found}], author, text, format_)


def _scope_options(command: Callable) -> Callable:
    for name, what in (("category", "category id"), ("sku", "SKU"), ("warehouse", "warehouse")):
        command = click.option(f"--{name}", help=f"All alerts of this {what}, also those to come.")(command)
    return click.argument("alert_ids", metavar="[ALERT_ID]...", nargs=-1)(command)


def _targets(alert_ids: Sequence[str], warehouse: str | None, sku: str | None, category: str | None) -> list[dict]:
    scope = {"warehouse_id": warehouse, "sku": sku, "category_id": category}
    given = {name: value for name, value in scope.items() if value is not None}
    if bool(alert_ids) is bool(given):
        raise click.UsageError("name alerts, or else a scope with --warehouse, --sku, --category.")
    return [{"alert_id": name} for name in _ids(alert_ids)] if alert_ids else [given]


@click.command()
@_scope_options
@click.option("--minutes", type=Whole(1, MAX_SILENCE_MINUTES), help="How long.")
@click.option("--until", help="Until when (RFC 3339, UTC), such as 2026-01-31T07:00:00Z.")
@_author_options(reason=None)
@format_option
def silence(
    alert_ids: tuple[str, ...], warehouse: str | None, sku: str | None, category: str | None,
    minutes: int | None, until: str | None, author: str | None, reason: str, format_: str,
) -> None:  # fmt: skip
    """Withhold notifications for a while, of alerts or of a scope.

    The alerts live on; what still fires at the end is notified once.
    """
    if (minutes is None) is (until is None):
        raise click.UsageError("give --minutes or else --until.")
    end: dict[str, object] = {"minutes": minutes} if until is None else {"until": until}
    targets = _targets(alert_ids, warehouse, sku, category)
    _commit([{"command": "silence", **target, **end} for target in targets], author, reason, format_)


@click.command()
@_scope_options
@_author_options(reason="over")
@format_option
def unsilence(
    alert_ids: tuple[str, ...], warehouse: str | None, sku: str | None, category: str | None,
    author: str | None, reason: str, format_: str,
) -> None:  # fmt: skip
    """End a silence now; what still fires is notified."""
    targets = _targets(alert_ids, warehouse, sku, category)
    _commit([{"command": "unsilence", **target} for target in targets], author, reason, format_)


def _doubt(name: str, text: str, default: str | None) -> click.Command:
    @click.command(name, help=text)
    @click.argument("warehouse_id", metavar="WAREHOUSE")
    @click.option("--source", help="In whose name: each source lifts its own. Default: the author.")
    @_author_options(reason=default)
    @format_option
    def command(warehouse_id: str, source: str | None, author: str | None, reason: str, format_: str) -> None:
        body = {"command": name, "warehouse_id": warehouse_id, "source": source}
        _commit([body], author, reason, format_)

    return command


inhibit = _doubt("inhibit", "Mark a warehouse's alerts untrusted and inhibit them: its data are in doubt.", None)
uninhibit = _doubt("uninhibit", "Trust a warehouse again; what still fires is notified once.", "trusted again")


@click.command()
@format_option
def sweep(format_: str) -> None:
    """Do what time has made due: notify, escalate, repeat, expire. A second one does nothing."""
    LakeReader(load_settings())
    with telling_engine() as engine:
        rows = _steps(engine, [commit.version for commit in sweep_lake(engine, _now())])
    print_found(rows, format_, "nothing was due")
