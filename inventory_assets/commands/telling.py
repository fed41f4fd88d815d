"""The engine of a command that may open alerts or owe orders: they leave with it, or it says who will send them."""

from collections.abc import Iterator
from contextlib import contextmanager

from inventory_assets.commands.output import notes
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.telling import telling
from inventory_assets.settings import Settings
from inventory_assets.wiring import engine_of, reach_publisher


@contextmanager
def telling_engine(settings: Settings | None = None) -> Iterator[Engine]:
    """The engine of this process; what its commits owe is published in the end."""
    with engine_of(settings) as engine, telling(engine, lambda: reach_publisher(engine.settings), _say_owed):
        yield engine


def _say_owed(count: int) -> None:
    notes.print(
        f"{count:,} messages are owed, as no broker took them: `make run`, or the next `inventory drain`, sends them.",
        style="yellow",
    )
