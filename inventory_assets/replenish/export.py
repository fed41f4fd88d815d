"""A plan's line as a row of JSON or CSV: every column, what was decided on it, and in words what it says."""

from typing import Any

from inventory_assets.lake.tables import PLANS
from inventory_assets.replenish.lines import STATE
from inventory_assets.words.advice import steps
from inventory_assets.words.plan import not_known_text, order_by_day, reason_text, sum_texts

TEXTS = ("what_to_do", "why", "sums", "unknown")
_OF_PLAN = tuple(name for name in PLANS.columns if name != "version")
EXPORTED = ("product_name", "unit_price", *_OF_PLAN, *STATE, "order_by_day", *TEXTS, "version")


def exported(line: dict[str, Any]) -> dict[str, Any]:
    """The row of a line that `read_lines` gives."""
    words = ("; ".join(steps(line)), reason_text(line), "; ".join(sum_texts(line)), not_known_text(line) or None)
    whole = line | dict(zip(TEXTS, words, strict=True)) | {"order_by_day": order_by_day(line)}
    return {name: whole[name] for name in EXPORTED}
