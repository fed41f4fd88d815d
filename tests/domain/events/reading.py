"""Documents as the product reads them."""

from typing import Any

from inventory_assets.domain.events.parse import ParseSettings, parse_message
from tests.builders import Document, message


def read(
    body: Document | bytes, *, topic: str | None = None, settings: ParseSettings | None = None, **attributes: str
) -> Any:
    """The event, or why there is none."""
    sent = message(body, topic=topic, **attributes)
    return parse_message(sent.topic, sent.data, sent.attributes, sent.publish_at, settings or ParseSettings())
