"""Which alert a key should have now, and how the one it has differs; pure.

Nothing is decided here a second time: the stock of now is put to the functions
that the stream uses (`evaluate`), so hysteresis, cooldowns, holds and what
people closed count as they do there. Where they would do something, the stream
has missed something.
"""

from typing import NamedTuple

from inventory_assets.domain.alerts.alert import Alert
from inventory_assets.domain.alerts.evaluate import Cause, KeyAlerts, Point, end_cooldown, step
from inventory_assets.domain.thresholds.resolve import Thresholds
from inventory_assets.domain.values import MINUTE_US

# A telling that is due waits for the key's next event or the sweep, five minutes at most.
TELLING_GRACE_US = 15 * MINUTE_US


class Disagreement(NamedTuple):
    """What differs about one key.

    `finding` is missing (an alert should fire), over (one should have
    resolved), other (another condition should fire), closed (one that was
    closed should be watched again), untold, or limits.
    """

    finding: str
    should_be: str | None
    is_now: str | None
    alert_id: str | None
    why: str


def find_disagreement(
    alerts: KeyAlerts, point: Point, in_force: Thresholds, *, now: int, is_paused: bool
) -> Disagreement | None:
    """Compare one key's alerts with its stock.

    Args:
        alerts: The latest alert of each condition the key has had.
        point: Its stock, velocity, and the limits that the rules of now give.
        in_force: The limits that the lake has for it.
        now: Microseconds; for tellings only: conditions go by stock, not by time.
        is_paused: A command withholds its tellings.
    """
    firing = next((alert for alert in alerts.values() if alert.is_firing), None)
    is_now = None if firing is None else str(firing.condition)
    alert_id = None if firing is None else firing.alert_id
    if in_force != point.thresholds:
        why = f"limits in force {_limits(in_force)}, by the rules {_limits(point.thresholds)}"
        return Disagreement("limits", None, is_now, alert_id, why)
    at = point.state.frontier_at
    changed, transitions = step(alerts, point, Cause("reconciliation", at, at, False))
    kinds = {transition.transition for transition in transitions}
    if kinds & {"opened", "reopened"}:
        opened = next(alert for alert in changed.values() if alert.is_firing)
        finding = "missing" if firing is None else "other"
        return Disagreement(finding, str(opened.condition), is_now, alert_id, opened.comparison)
    if "resolved" in kinds:
        reason = next(transition.reason for transition in transitions if transition.transition == "resolved")
        return Disagreement("over", None, is_now, alert_id, f"available {point.state.available}: {reason}")
    if "rearmed" in kinds:
        [closed] = changed.values()
        return Disagreement("closed", None, is_now, closed.alert_id, f"available {point.state.available}: recovered")
    return None if is_paused else _find_untold(firing, alerts, point, now)


def _find_untold(firing: Alert | None, alerts: KeyAlerts, point: Point, now: int) -> Disagreement | None:
    if firing is None or not firing.is_notification_due:
        return None
    _, transitions = end_cooldown(alerts, point, now - TELLING_GRACE_US)
    if not any(transition.transition == "notified" for transition in transitions):
        return None
    condition = str(firing.condition)
    return Disagreement(
        "untold", condition, condition, firing.alert_id, "its cooldown or hold has ended, nobody was notified"
    )


def _limits(limits: Thresholds) -> str:
    source = " ".join(filter(None, (limits.level_type, limits.level_id, limits.warehouse_id)))
    muted = "" if limits.is_enabled else " muted"
    return f"{limits.min_qty}/{limits.reorder_qty} of {source}{muted}"
