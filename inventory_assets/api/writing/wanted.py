"""The types of what can be written and of what that is answered, for the description.

Read by hand (`domain.changes`), as a message's own reader judges what they say.
"""

from typing import Annotated

import msgspec

from inventory_assets.api.reading import Id, Moment
from inventory_assets.ranges import MAX_QUANTITY

Units = Annotated[int, msgspec.Meta(ge=-MAX_QUANTITY, le=MAX_QUANTITY, description="units")]
_Few = Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY, description="units")]


class Where(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A shelf, where neither path nor body names it."""

    warehouse: Id | None = None
    sku: Id | None = None


class Count(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What was counted: on hand, or else available with reserved (absent: 0). When: now if not said."""

    quantity_available: Units | None = None
    quantity_on_hand: Units | None = None
    quantity_reserved: Units | None = None
    last_updated: Moment | None = None
    warehouse_id: Id | None = None
    sku: Id | None = None
    product_id: Id | None = None


class Change(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Exactly one of the three quantities; when (now if not said) and why."""

    quantity_change: Units | None = None
    reserve: _Few | None = None
    release: _Few | None = None
    timestamp: Moment | None = None
    reason: str | None = None
    warehouse_id: Id | None = None
    sku: Id | None = None
    product_id: Id | None = None


class Command(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Why, which all but ack and unsilence need; until when a silence lasts; whose data are not to be trusted."""

    reason: str | None = None
    minutes: int | None = None
    until: Moment | None = None
    source: str | None = None
    alert_type: str | None = None


class Decision(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Why; how much is ordered, if not as it says; until when it is hidden; which shelf, where its id fits two."""

    reason: str | None = None
    quantity: _Few | None = None
    minutes: int | None = None
    until: Moment | None = None
    warehouse_id: Id | None = None
    sku: Id | None = None


class Accepted(msgspec.Struct):
    """A request that was sent. The ids are in the order of its events; more members say what was sent."""

    request_id: str
    outcome: str
    outcome_url: str
    accepted_at_version: int
    message_ids: list[str]
    event_ids: list[str | None]


class Unchanged(msgspec.Struct):
    """A request that would have changed nothing."""

    outcome: str
    detail: str
