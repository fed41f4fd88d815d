"""Rules about alerts: `out.alerts` and `out.alert_transitions`."""

from inventory_assets.lake.tables import ALERTS, TRANSITIONS
from inventory_assets.quality.judges.reconcile import judge_alerts
from inventory_assets.quality.rule import KEY, Rule

ALERT_RULES = (
    Rule(
        ALERTS, "alerts_agree_with_stock", KEY,
        "The alerts that fire are those that the stock of now, its limits and its velocity call for.",
        judge=judge_alerts,
        what_to_do='Judge the keys again: publish {"command": "re-evaluate", "warehouse_id": ..., "sku": ...} on '
        "control-topic. Then `inventory verify`, to learn what went wrong.",
    ),
    Rule(
        ALERTS, "one_alert_fires_a_key", KEY,
        "At most one alert fires for a key: the worst condition.", """
        SELECT warehouse_id, sku, count(*) AS firing, list(alert_id ORDER BY alert_id) AS alert_ids FROM out.alerts
        WHERE state = 'firing' GROUP BY ALL HAVING count(*) > 1""",
        is_light=True,
    ),
    Rule(
        TRANSITIONS, "transitions_have_their_alert", ("alert_id",),
        "Every step is that of a known alert, and every alert has been opened.", """
        SELECT alert_id, a.alert_id IS NULL AS lacks_alert, t.alert_id IS NULL AS lacks_opening
        FROM (SELECT DISTINCT alert_id FROM out.alerts) a
        FULL JOIN (SELECT DISTINCT alert_id FROM out.alert_transitions) t USING (alert_id)
        WHERE a.alert_id IS NULL OR t.alert_id IS NULL""",
        is_light=True,
    ),
)  # fmt: skip
