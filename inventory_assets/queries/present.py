"""How it stands now with the keys of firing alerts, and what to do about it.

An alert's body is the message as it was told, and stays so; whoever reads a
list wants today's stock. Not here: how a recommendation is made
(`recommendation`), nor how it is said (`words.advice`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from inventory_assets.domain.alerts.alert import Alert
from inventory_assets.domain.alerts.recommend import Recommendation
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.queries.recommendation import recommend_for


@dataclass(frozen=True, slots=True)
class Present:
    """The stock of a firing alert's key now, in units, and what to do now."""

    on_hand: int
    reserved: int
    inbound: int
    recommendation: Recommendation

    @property
    def available(self) -> int:
        """on_hand - reserved."""
        return self.on_hand - self.reserved


def read_present(reader: Reader, alert_ids: Iterable[str]) -> dict[str, Present]:
    """Look up the firing ones among some alerts, by id; the others are left out."""
    rows = reader.query(
        f"""
        SELECT alert_id, s.on_hand, s.reserved, s.inbound, t.min_threshold_qty, t.reorder_threshold_qty,
            t.min_threshold_days, t.reorder_threshold_days, a.version, record,
            (SELECT max(version) FROM meta.versions) AS lake_version
        FROM out.alerts a
        JOIN out.alerts_changes c USING (alert_id, version)
        JOIN core.sku_state s ON s.warehouse_id = a.warehouse_id AND s.sku = a.sku
        JOIN core.resolved_thresholds t ON t.warehouse_id = a.warehouse_id AND t.sku = a.sku
        WHERE a.state = 'firing' AND alert_id IN ({IDS})
        """,
        [id_list(alert_ids)],
    )
    decode = msgspec.json.Decoder(Alert).decode
    now = {row["alert_id"]: (row, _as_of_now(decode(row["record"]), row)) for row in rows.iter_rows(named=True)}
    advice = recommend_for(reader, [alert for _, alert in now.values()])
    return {
        alert_id: Present(row["on_hand"], row["reserved"], row["inbound"], advice[alert_id])
        for alert_id, (row, _) in now.items()
    }


def _as_of_now(alert: Alert, row: dict) -> Alert:
    """An alert as it would be told now: the stock, the limits and the version of now."""
    limits = msgspec.structs.replace(
        alert.thresholds,
        min_qty=row["min_threshold_qty"], reorder_qty=row["reorder_threshold_qty"],
        min_days=row["min_threshold_days"], reorder_days=row["reorder_threshold_days"],
    )  # fmt: skip
    return msgspec.structs.replace(
        alert,
        on_hand=row["on_hand"], reserved=row["reserved"], inbound=row["inbound"], thresholds=limits,
        state_version=row["lake_version"],
    )  # fmt: skip
