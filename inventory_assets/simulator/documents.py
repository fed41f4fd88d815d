"""Parts of R0's documents as JSON text.

Text is put together from parts that were encoded once (ids, parents), because encoding each
document anew would make the simulator slower than what it feeds.
"""

from datetime import UTC, datetime

import msgspec

from inventory_assets.simulator.catalog import Product
from inventory_assets.simulator.rules import ThresholdRule

SECOND_US = 1_000_000
# How a document spells its times and ids.
PLAIN, RELAXED, CANONICAL = range(3)


def quoted(text: str | None) -> str:
    """Encode one string or null as JSON text."""
    return msgspec.json.encode(text).decode()


# Seconds remembered: orders are finished within minutes and spell their first time again.
_SECONDS_KEPT = 4096


class TimeText:
    """Spells microseconds since 1970 as RFC 3339; remembers recent seconds."""

    def __init__(self) -> None:
        self._prefixes: dict[int, str] = {}

    def rfc3339(self, at_us: int) -> str:
        second, micros = divmod(at_us, SECOND_US)
        prefix = self._prefixes.get(second)
        if prefix is None:
            if len(self._prefixes) >= _SECONDS_KEPT:
                self._prefixes.clear()
            prefix = datetime.fromtimestamp(second, UTC).isoformat()[:-6] + "."
            self._prefixes[second] = prefix
        if micros % 1000 == 0:
            return f"{prefix}{micros // 1000:03d}Z"
        return f"{prefix}{micros:06d}Z"

    def json(self, at_us: int, spelling: int) -> str:
        if spelling == CANONICAL:
            return f'{{"$date":{{"$numberLong":"{at_us // 1000}"}}}}'
        if spelling == RELAXED:
            return f'{{"$date":"{self.rfc3339(at_us)}"}}'
        return f'"{self.rfc3339(at_us)}"'


def object_id_json(object_id: str, spelling: int) -> str:
    return f'"{object_id}"' if spelling == PLAIN else f'{{"$oid":"{object_id}"}}'


def quantity_json(quantity: int, spelling: int) -> str:
    return f'{{"$numberLong":"{quantity}"}}' if spelling == CANONICAL else str(quantity)


def reference_json(name: str = "", value: str = "") -> str:
    """Write R0's four reference fields, all null but at most one."""
    return ",".join(
        f'"{field}":"{value}"' if field == name else f'"{field}":null'
        for field in ("order_id", "po_number", "return_id", "adjustment_reason")
    )


def hierarchy_json(product: Product) -> str:
    """Write the part of a level document that never changes for a SKU."""
    return (
        f'"sku":{quoted(product.sku)},"product_id":{quoted(product.product_id)},'
        f'"brand_id":{quoted(product.brand_id)},"category_id":{quoted(product.category_id)},'
        f'"department_id":{quoted(product.department_id)}'
    )


def metadata_json(product: Product, shelf: int) -> str:
    """Write R0's metadata; weight and dimensions follow from the price, for want of a scale."""
    size = round(5 + product.unit_price**0.5, 1)
    return (
        f'{{"weight_kg":{round(0.05 + product.unit_price / 400, 2)},"dimensions_cm":'
        f'{{"length":{size},"width":{round(size / 2, 1)},"height":{round(size / 4, 1)}}},'
        f'"shelf_location":"{chr(65 + shelf % 26)}{shelf // 26 % 60}-B{shelf % 9}",'
        f'"supplier_id":{quoted(product.supplier_id)}}}'
    )


def rule_json(rule: ThresholdRule, *, object_id: str, created_at: str, updated_at: str) -> str:
    mode: dict[str, object] = (
        {} if rule.service_level is None else {"mode": "dynamic", "service_level": rule.service_level}
    )
    values = {
        "level_type": rule.level_type,
        "level_id": rule.level_id,
        "warehouse_id": rule.warehouse_id,
        "min_threshold_qty": rule.min_qty,
        "reorder_threshold_qty": rule.reorder_qty,
        "min_threshold_days": rule.min_days,
        "reorder_threshold_days": rule.reorder_days,
        **mode,
        "alert_settings": {
            "notification_channel": "EMAIL",
            "recipients": ["inventory@example.com"],
            "cooldown_period_minutes": rule.cooldown_minutes,
            "enabled": rule.is_enabled,
        },
    }
    body = msgspec.json.encode(values).decode()[1:-1]
    return f'{{"_id":{object_id},{body},"created_at":{created_at},"updated_at":{updated_at},"created_by":"admin"}}'
