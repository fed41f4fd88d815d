"""What the tables of `docs/connector.md` must say, as the code has it.

Belongs here: a row's checked cells. Does not belong: the words beside them, which are the document's.
"""

from typing import Any

from prometheus_client.metrics_core import Metric

from inventory_assets.connector.config_model import ConnectorConfig
from inventory_assets.connector.ops.metrics import ConnectorMetrics
from tests.connector.ops.vitals import NOW, vitals

# What a validator of ours allows, which no schema says.
_BOUNDS = {
    "MONGODB_URI": "`mongodb://…` or `mongodb+srv://…`",
    "COLLECTIONS_TO_WATCH": "some of the three",
    "ORDERING": "`lanes` (8), `sku`, `none` (0), or 0 to 1000",
    "HMAC_KEY": "16 characters at least",
}


def setting_cells() -> list[tuple[str, str, str]]:
    """(name, default, bound) of every setting, in the model's order."""
    properties = ConnectorConfig.model_json_schema()["properties"]
    return [
        (f"`{name.upper()}`", _default(field), _BOUNDS.get(name.upper()) or _bound(properties[name.upper()]))
        for name, field in ConnectorConfig.model_fields.items()
    ]


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value == ():
        return "–"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _bound(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        schema = next(each for each in schema["anyOf"] if each.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "pattern" in schema:
        return f"`{schema['pattern']}`"
    if "maxLength" in schema:
        return f"{schema['minLength']} to {schema['maxLength']} characters"
    if "maximum" in schema:
        least = f"over {schema['exclusiveMinimum']}" if "exclusiveMinimum" in schema else schema["minimum"]
        return f"{least} to {schema['maximum']}"
    return "–"


def metric_rows() -> list[str]:
    """A row of the table for every metric, in the order of `/metrics`."""
    metrics = ConnectorMetrics(connector_id="c", warehouse_id="w", version="1")
    once = {"x": 1}
    metrics.count("read", once)
    metrics.count("read_bytes", once)
    metrics.count("published", once)
    metrics.count("published_bytes", once)
    for name in ("failed", "dead_lettered", "dropped", "keys_changed", "copied"):
        metrics.count(name, once)
    metrics.render(vitals(), NOW)
    return [_metric_row(family) for family in metrics.registry.collect()]


def _metric_row(family: Metric) -> str:
    labels = {name: None for sample in family.samples for name in sample.labels if name not in ("connector_id", "le")}
    name = family.name + ("_total" if family.type == "counter" else "")
    return f"| `{name}` | {family.type} | {', '.join(labels) or '–'} | {family.documentation} |"
