"""`inventory alerts stats`: how good the alerting is."""

import click

from inventory_assets.commands.output import format_option, print_rows
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.tables import ALERT_RULE
from inventory_assets.option_types import Whole
from inventory_assets.ranges import MAX_DAYS
from inventory_assets.settings import load_settings

GROUPS = {"rule": ALERT_RULE, "warehouse": "warehouse_id", "type": "alert_type", "owner": "coalesce(owner, 'nobody')"}


@click.command("stats")
@click.option("--by", type=click.Choice(list(GROUPS)), default="rule", show_default=True)
@click.option("--days", type=Whole(1, MAX_DAYS), help="Only alerts opened so many days before the newest one.")
@format_option
def alert_stats(by: str, days: int | None, format_: str) -> None:
    """Median time to acknowledge and to resolve, false alarms, repeats.

    A false alarm was over by itself: no restock came in, and nobody acknowledged
    or closed it. A repeat had an alert of its kind for the same SKU and warehouse
    in the seven days before, or opened again within its cooldown.
    """
    name = GROUPS[by]
    newest = "(SELECT max(opened_at) FROM out.alerts)"
    within = "" if days is None else f"WHERE opened_at > {newest} - to_days(CAST(? AS INTEGER))"
    rows = LakeReader(load_settings()).rows(
        f"""
        SELECT {name} AS {by}, count(*) AS alerts, count(*) FILTER (state = 'firing') AS firing,
            sum(told)::BIGINT AS told,
            count(first_acknowledged_at) AS acknowledged,
            round(median(acknowledge_minutes), 1) AS acknowledge_minutes,
            round(median(resolve_minutes), 1) AS resolve_minutes,
            round(100.0 * count(*) FILTER (is_false) / nullif(count(*) FILTER (state = 'resolved'), 0), 1)
                AS false_alarm_percent,
            round(100.0 * count(*) FILTER (is_repeat) / count(*), 1) AS repeat_percent
        FROM out.alert_quality {within} GROUP BY 1 ORDER BY alerts DESC, 1
        """,
        [] if days is None else [days],
    )
    print_rows(rows, format_)
