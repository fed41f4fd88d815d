"""`inventory plan accept | dismiss | snooze`: what people decide on lines of the plan.

Each becomes a message of `control-topic` in the lake itself, so none needs a
broker. A line that is refused keeps none of the others from being decided.
"""

import getpass
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from inventory_assets.clock import clock_of
from inventory_assets.commands.output import format_option, notes, print_found
from inventory_assets.commands.telling import telling_engine
from inventory_assets.control.issue import CommandRefusedError, issue
from inventory_assets.domain.events.control import MAX_SILENCE_MINUTES
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.option_types import Whole
from inventory_assets.ranges import MAX_QUANTITY
from inventory_assets.settings import load_settings

MINUTES_A_DAY = 24 * 60


def _decision_options(command: Callable) -> Callable:
    command = click.option("--reason", required=True, help="Why: kept with the decision.")(command)
    command = click.option("--by", help="Who decides. Default: you, as the system knows you.")(command)
    return click.argument("line_ids", metavar="LINE...", nargs=-1, required=True)(format_option(command))


def _decide(line_ids: Sequence[str], body: dict[str, Any], by: str | None, reason: str, format_: str) -> None:
    settings = load_settings()
    LakeReader(settings)  # says clearly where there is no lake
    issued = body | {"reason": reason, "issued_by": by or getpass.getuser()}
    rows, refused = [], []
    with telling_engine(settings) as engine:
        for line_id in dict.fromkeys(line_ids):
            try:
                commits = issue(engine, [issued | {"plan_line_id": line_id}], now=clock_of(settings).microseconds())
            except CommandRefusedError as error:
                refused.append(str(error))
                continue
            rows += [
                {"line": line_id, "decision": body["command"].removeprefix("plan-"), "version": commit.version}
                for commit in commits
            ]
    print_found(rows, format_)
    for sentence in refused:
        notes.print(f"refused: {sentence}", style="red", soft_wrap=True)
    if refused:
        sys.exit(1)


@click.command()
@_decision_options
@click.option("--quantity", type=Whole(1, MAX_QUANTITY), help="Units ordered. Default: what the line says.")
def accept(line_ids: tuple[str, ...], by: str | None, reason: str, format_: str, quantity: int | None) -> None:
    """Say that what lines order is ordered: later plans count it until the restock is seen.

    Each restocked unit takes one off; what is left after twice the lead time
    (14 days where none is known) counts no more. A later decision on the same line replaces this one.
    """
    if quantity is not None and len(set(line_ids)) > 1:
        raise click.UsageError("--quantity is of one line; several lines were given.")
    _decide(
        line_ids, {"command": "plan-accept"} | ({} if quantity is None else {"quantity": quantity}), by, reason, format_
    )


@click.command()
@_decision_options
def dismiss(line_ids: tuple[str, ...], by: str | None, reason: str, format_: str) -> None:
    """Do without what lines say; an acceptance is taken back. A newer line of the shelf may say it again."""
    _decide(line_ids, {"command": "plan-dismiss"}, by, reason, format_)


@click.command()
@_decision_options
@click.option("--until", help="Up to which day or time (UTC), such as 2026-01-31.")
@click.option("--days", type=Whole(1, MAX_SILENCE_MINUTES // MINUTES_A_DAY), help="For so many days from now.")
def snooze(
    line_ids: tuple[str, ...], by: str | None, reason: str, format_: str, until: str | None, days: int | None
) -> None:
    """Hide the lines' shelves from the list up to a day, also the lines that come until then."""
    if (until is None) is (days is None):
        raise click.UsageError("give --until or else --days.")
    end: dict[str, Any] = {} if days is None else {"minutes": days * MINUTES_A_DAY}
    if until is not None:
        end["until"] = f"{until}T00:00:00Z" if len(until) == len("2026-01-31") else until
    _decide(line_ids, {"command": "plan-snooze"} | end, by, reason, format_)
