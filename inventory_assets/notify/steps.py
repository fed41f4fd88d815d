"""Look up why an alert was told again and how it ended, for what messages say of it.

Here: reading `out.alert_transitions` and the stock as of a version. Not here:
the words (`words.notifications`).
"""

from collections.abc import Iterable
from typing import Any

from inventory_assets.domain.alerts.alert import Alert
from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.notify.notifications import Ending, Step
from inventory_assets.domain.values import to_microseconds_naive
from inventory_assets.lake.query.clauses import latest
from inventory_assets.lake.query.reader import IDS, Reader, id_list

Rows = list[dict[str, Any]]

# What a telling's own row does not say: who raised the level or lifted the hold, and in which words.
_BEHIND = {"escalated_level": ("escalated_level",), "released": ("unsilenced", "uninhibited")}


def read_steps(reader: Reader, alert_ids: Iterable[str], version: int) -> dict[str, Rows]:
    """The steps of alerts up to a version, by alert id, in order."""
    rows = reader.query(
        "SELECT alert_id, transition, reason, actor, event_id, event_at FROM out.alert_transitions "
        f"WHERE alert_id IN ({IDS}) AND version <= {version} ORDER BY version, seq",
        [id_list(alert_ids)],
    )
    found: dict[str, Rows] = {}
    for row in rows.iter_rows(named=True):
        found.setdefault(row["alert_id"], []).append(row)
    return found


def telling_of(steps: Rows, number: int) -> Step | None:
    """Why an alert was told the `number`-th time; null where the lake does not say."""
    places = [place for place, row in enumerate(steps) if row["transition"] == "notified"]
    if len(places) < number:
        return None
    told = steps[places[number - 1]]
    wanted = _BEHIND.get(told["reason"], ())
    behind = next((row for row in reversed(steps[: places[number - 1]]) if row["transition"] in wanted), None)
    if behind is None:
        return Step(told["reason"], to_microseconds_naive(told["event_at"]), told["actor"])
    return Step(told["reason"], to_microseconds_naive(told["event_at"]), behind["actor"], behind["reason"])


def ending_of(steps: Rows, stock: tuple[int, int, int] | None) -> Ending | None:
    """How an alert ended, and the stock since; null where it has not."""
    last = next((row for row in reversed(steps) if row["transition"] == "resolved"), None)
    if last is None:
        return None
    # A person's words are a note beside the reason, which is a word that queries count.
    notes = [row["reason"] for row in steps if row["transition"] == "note" and row["event_id"] == last["event_id"]]
    words = notes[-1] if notes and last["event_id"] is not None and last["actor"] is not None else ""
    on_hand, reserved, inbound = stock if stock is not None else (None, None, None)
    at = to_microseconds_naive(last["event_at"])
    return Ending(last["reason"], at, last["actor"], words, on_hand, reserved, inbound)


def read_stock(reader: Reader, alerts: Iterable[Alert], version: int) -> dict[Key, tuple[int, int, int]]:
    """On hand, reserved and inbound of alerts' keys as of a version."""
    rows = reader.query(
        "SELECT warehouse_id, sku, on_hand, reserved, inbound FROM core.sku_state_changes "
        f"WHERE sku IN ({IDS}) AND version <= {version} "
        f"{latest('warehouse_id', 'sku')}",
        [id_list({alert.sku for alert in alerts})],
    )
    return {(warehouse_id, sku): tuple(stock) for warehouse_id, sku, *stock in rows.iter_rows()}  # type: ignore[misc]
