"""Scopes on the command line: LEVEL_TYPE [LEVEL_ID] [--warehouse W]."""

from collections.abc import Callable

import click

from inventory_assets.domain.events.parse_threshold import HIERARCHY_LEVELS, Scope
from inventory_assets.domain.values import InvalidValue, read_id


def scope_arguments(command: Callable) -> Callable:
    """Add LEVEL_TYPE, LEVEL_ID and `--warehouse` to a command."""
    for option in (
        click.option("--warehouse", metavar="ID", help="The rule of one warehouse; without it, of all."),
        click.argument("level_id", required=False),
        click.argument("level_type", type=click.Choice(HIERARCHY_LEVELS, case_sensitive=False), metavar="LEVEL_TYPE"),
    ):
        command = option(command)
    return command


def to_scope(level_type: str, level_id: str | None, warehouse_id: str | None) -> Scope:
    """The scope that was typed, or a usage error."""
    if level_type == "GLOBAL" and level_id:
        raise click.UsageError(f"GLOBAL takes no LEVEL_ID; it was {level_id!r}.")
    if level_type != "GLOBAL" and not level_id:
        raise click.UsageError(f"{level_type} needs a LEVEL_ID, such as: {level_type} {level_type[:3]}-1")
    try:
        return (
            level_type,
            read_id("LEVEL_ID", level_id) if level_id else "",
            None if warehouse_id is None else read_id("--warehouse", warehouse_id),
        )
    except InvalidValue as error:
        raise click.UsageError(error.detail) from error
