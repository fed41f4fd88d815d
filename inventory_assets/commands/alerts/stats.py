"""`inventory alerts stats`: how good the alerting is."""

import click

from inventory_assets.commands.output import format_option, limit_option, print_rows
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.option_types import Whole
from inventory_assets.queries.alerts import GROUPS, judge_alerting
from inventory_assets.ranges import MAX_DAYS
from inventory_assets.settings import load_settings

LEAVING = ("acknowledged", "firing", "repeat_percent", "acknowledge_minutes", "resolve_minutes")


@click.command("stats")
@click.option("--by", type=click.Choice(list(GROUPS)), default="rule", show_default=True)
@click.option("--days", type=Whole(1, MAX_DAYS), help="Only alerts opened so many days before the newest one.")
@limit_option
@format_option
def alert_stats(by: str, days: int | None, limit: int, format_: str) -> None:
    """Median time to acknowledge and to resolve, false alarms, repeats.

    A false alarm was over by itself: no restock came in, and nobody acknowledged
    or closed it. A repeat had an alert of its kind for the same SKU and warehouse
    in the seven days before, or opened again within its cooldown.
    """
    print_rows(judge_alerting(LakeReader(load_settings()), by, days), format_, leaving=LEAVING, limit=limit)
