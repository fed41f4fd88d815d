"""Say beside a number that it is of an earlier time."""

from datetime import UTC, datetime

from inventory_assets.commands.output import console
from inventory_assets.domain.values import to_microseconds
from inventory_assets.lake.query.reader import Reader
from inventory_assets.quality.pipeline import explain_age_now


def print_age(reader: Reader, warehouse_id: str) -> None:
    """Print since when a warehouse is not heard of; nothing where its numbers are of now."""
    text = explain_age_now(reader, warehouse_id, now=to_microseconds(datetime.now(UTC)))
    if text is not None:
        console.print(text, style="bold yellow", soft_wrap=True)
