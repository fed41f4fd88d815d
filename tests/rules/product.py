"""The product behind the oracle's interface, so that both answer the same questions."""

from datetime import datetime
from typing import Any

from inventory_assets.domain.alerts.alert import Alert, Product, suggest_quantity, to_wire
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.ingest.process import BurstInputs, BurstResult, Message, parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.domain.stock.rollup import MEASURES
from inventory_assets.domain.values import format_time, to_microseconds
from inventory_assets.ingest.sweep import moments_of
from inventory_assets.messaging.envelopes import decode_protobuf

READING = ParseSettings(decode_protobuf=decode_protobuf)


class ProductEngine:
    """Plays bursts through `process_burst`, merging each as a commit would."""

    def __init__(
        self, *, products=None, velocity=None, default_min=0, default_reorder=0, grace_minutes=1440, crashes=False
    ) -> None:
        self.crashes = crashes  # each burst is processed once in vain, as by a crash before its commit
        meaning = Meaning(
            default_min=default_min, default_reorder=default_reorder, unstated_grace=grace_minutes * 60_000_000
        )
        self.state = InventoryState(meaning=meaning)
        self.log: list[dict[str, Any]] = []
        self.known_alerts: dict[str, Alert] = {}
        self.results: list[BurstResult] = []
        fields = {name for name in Product.__struct_fields__ if name != "sku"}
        rows = tuple(
            Product(sku=sku, **{name: value for name, value in row.items() if name in fields})
            for sku, row in (products or {}).items()
        )
        velocities = tuple((*key, value) for key, value in (velocity or {}).items())
        self._process([], BurstInputs(products=rows, velocity_date="2000-01-01", velocities=velocities))

    def _process(self, messages, inputs=None, committed_at=0) -> list[tuple[str, str | None]]:
        received = [
            Message(str(i), m.topic, to_microseconds(m.publish_time), "", dict(m.attributes), m.data)
            for i, m in enumerate(messages)
        ]
        version = self.state.version + 1
        if self.crashes:
            process_burst(self.state, parse_burst(received, READING), version=version, inputs=inputs)
        result = process_burst(self.state, parse_burst(received, READING), version=version, inputs=inputs)
        result.draft.merge(version, committed_at)
        for key, transition in result.transitions:
            self.log.append(
                {
                    "warehouse_id": key[0], "sku": key[1], "alert_id": transition.alert_id,
                    "alert_type": str(result.changed_alerts[transition.alert_id].condition),
                    "transition": transition.transition, "reason": transition.reason,
                    "event_id": transition.event_id, "at": format_time(transition.at),
                    "is_late": transition.is_late,
                }
            )  # fmt: skip
        self.known_alerts.update(result.changed_alerts)
        self.results.append(result)
        return [(str(a.outcome), a.rejection.reason if a.rejection else None) for a in result.arrivals]

    def burst(self, messages, *, committed_at: datetime) -> list[tuple[str, str | None]]:
        return self._process(messages, committed_at=to_microseconds(committed_at))

    def sweep(self, now: datetime) -> None:
        clock = to_microseconds(now)
        self._process([], BurstInputs(sweep_at=clock, moments=moments_of(self.state, clock)))

    def velocities(self, date: str, units_per_day) -> None:
        rows = tuple((*key, velocity) for key, velocity in units_per_day.items())
        self._process([], BurstInputs(velocity_date=date, velocities=rows))

    def states(self) -> dict:
        found = {}
        for key, state in self.state.keys.items():
            parents = self.state.skus[key[1]].parents
            found[key] = {
                "on_hand": state.on_hand, "reserved": state.reserved, "available": state.available,
                "inbound": state.inbound, "is_active": state.is_active, "is_unstated": state.is_unstated,
                "is_negative": state.on_hand < 0, "is_over_reserved": state.reserved > state.on_hand,
                "department_id": parents[0], "category_id": parents[1],
                "brand_id": parents[2], "product_id": parents[3],
            }  # fmt: skip
        return found

    def rollups(self) -> dict:
        return {node: dict(zip(MEASURES, sums, strict=True)) for node, sums in self.state.rollups.items().items()}

    def resolved(self, warehouse_id, sku) -> dict:
        limits = self.state.thresholds[(warehouse_id, sku)]
        return {
            "level_type": limits.level_type, "level_id": limits.level_id or None, "warehouse_id": limits.warehouse_id,
            "min_threshold_qty": limits.min_qty, "reorder_threshold_qty": limits.reorder_qty,
            "min_threshold_days": limits.min_days, "reorder_threshold_days": limits.reorder_days,
            "cooldown_minutes": limits.cooldown_minutes, "enabled": limits.is_enabled,
        }  # fmt: skip

    def alerts(self) -> list[dict]:
        shown = []
        for alert in self.known_alerts.values():
            wire = to_wire(alert, self.state.skus[alert.sku].parents, self.state.products.get(alert.sku))
            shown.append(
                {
                    **wire,
                    "timestamp": format_time(alert.breached_at),
                    "first_breach_time": format_time(alert.opened_at),
                    "state": "firing" if alert.is_firing else "resolved",
                    "resolved_reason": alert.resolved_reason,
                    "notification_count": alert.notification_count,
                    "opening_event_id": alert.opening_event_id,
                    "suggested_quantity": suggest_quantity(alert, alert.thresholds, self.state.products.get(alert.sku)),
                }
            )
        return shown

    def transitions(self) -> list[dict]:
        return self.log
