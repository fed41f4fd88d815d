"""A list that is drawn again every few seconds, in place, until Ctrl-C."""

from collections.abc import Callable
from datetime import datetime

import click
import duckdb
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from inventory_assets.clock import machine_now
from inventory_assets.commands.output import console
from inventory_assets.commands.stopping import stop_event
from inventory_assets.errors import InventoryError
from inventory_assets.words.text import visible
from inventory_assets.words.times import ago

# Older than this, somebody should look whether anything is taken in.
STALE_SECONDS = 300
# Of a screen: a line that says what is seen, one beneath, and a table's title, header and rule.
FRAME_LINES = 6

Drawn = tuple[RenderableType, int, datetime | None]
"""What is shown, the lake's version, and when it was committed (UTC)."""


def watch(draw: Callable[[int], Drawn], *, seconds: float) -> None:
    """Draw again and again; the last picture stays when it ends.

    Args:
        draw: Reads and makes the picture, given how many lines a screen has for rows.
        seconds: Between two pictures.

    Raises:
        click.UsageError: Nobody sees it: standard output is no terminal.
    """
    if not console.file.isatty():
        raise click.UsageError("--watch draws on a terminal, and standard output is none. List once, without it.")
    picture = _picture(draw, seconds)
    # All of a picture is written at once over the one before: nothing is cleared, so nothing flickers.
    with stop_event() as stop, Live(picture, console=console, screen=True, auto_refresh=False) as live:
        live.refresh()
        while not stop.wait(seconds):
            try:
                picture = _picture(draw, seconds)
            except (InventoryError, duckdb.Error) as error:
                picture = Group(Text(f"not read: {visible(str(error))}. Trying again.", "bold red"), picture)
            live.update(picture, refresh=True)
    console.print(picture)


def _picture(draw: Callable[[int], Drawn], seconds: float) -> Group:
    shown, version, committed_at = draw(max(1, console.height - FRAME_LINES))
    now = machine_now().replace(tzinfo=None)
    age = None if committed_at is None else max(0.0, (now - committed_at).total_seconds())
    is_stale = age is None or age > STALE_SECONDS
    head = Text(f"{now:%H:%M:%S} UTC · lake version {version:,}, ", "dim")
    head.append(f"committed {ago(age)}", "bold red" if is_stale else "green")
    head.append(f" · every {seconds:g} s · Ctrl-C ends", "dim")
    head.no_wrap, head.overflow = True, "ellipsis"
    return Group(head, shown)
