"""Rules about alerts: `out.alerts` and `out.alert_transitions`."""

from inventory_assets.lake.tables import ALERTS, TRANSITIONS
from inventory_assets.quality.judges.reconcile import judge_alerts
from inventory_assets.quality.rule import Rule

ALERT_RULES = (
    Rule(
        table=ALERTS,
        name="alerts_agree_with_stock",
        text="The alerts that fire are those that the stock of now, its limits and its velocity call for.",
        what_to_do='Judge the keys again: publish {"command": "re-evaluate", "warehouse_id": ..., "sku": ...} on '
        "control-topic. Then `inventory verify`, to learn what went wrong.",
        judge=judge_alerts,
        id_columns=("warehouse_id", "sku"),
    ),
    Rule(
        table=ALERTS,
        name="one_alert_fires_a_key",
        text="At most one alert fires for a key: the worst condition.",
        query="""
        SELECT warehouse_id, sku, count(*) AS firing, list(alert_id ORDER BY alert_id) AS alert_ids FROM out.alerts
        WHERE state = 'firing' GROUP BY ALL HAVING count(*) > 1""",
        id_columns=("warehouse_id", "sku"),
        is_light=True,
    ),
    Rule(
        table=TRANSITIONS,
        name="transitions_have_their_alert",
        text="Every step is that of a known alert, and every alert has been opened.",
        query="""
        SELECT alert_id, a.alert_id IS NULL AS lacks_alert, t.alert_id IS NULL AS lacks_opening
        FROM (SELECT DISTINCT alert_id FROM out.alerts) a
        FULL JOIN (SELECT DISTINCT alert_id FROM out.alert_transitions) t USING (alert_id)
        WHERE a.alert_id IS NULL OR t.alert_id IS NULL""",
        id_columns=("alert_id",),
        is_light=True,
    ),
)
