"""How an alert looks in a terminal: its priority in colour, its stock of now and as notified."""

from typing import Any

from rich.text import Text

from inventory_assets.replenish.present import Present
from inventory_assets.words.text import visible

STYLES = {"CRITICAL": "bold red", "HIGH": "yellow", "MEDIUM": "cyan"}


def product_text(body: dict[str, Any]) -> Text:
    """A product's name, and below it its SKU if that is another one."""
    product = Text(visible(body["product_name"]))
    return product if body["product_name"] == body["sku"] else product.append(f"\n{visible(body['sku'])}", "dim")


def available_text(body: dict[str, Any], present: Present | None) -> Text:
    """Available stock now, and what it was when the alert was notified if that is another figure."""
    notified = body["available_stock"]
    if present is None or present.available == notified:
        return Text(f"{notified:,}")
    return Text(f"{present.available:,}").append(f"\n{notified:,} when notified", "dim")
