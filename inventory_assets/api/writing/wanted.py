"""The types of what can be written and of what that is answered, for the description.

Read by hand (`domain.changes`), as a message's own reader judges what they say.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from inventory_assets.api.reading import Id, Moment, any_of, one_of
from inventory_assets.domain.events.control import MAX_SILENCE_MINUTES
from inventory_assets.domain.values import MAX_REMARK
from inventory_assets.ranges import MAX_QUANTITY

Units = Annotated[int, msgspec.Meta(ge=-MAX_QUANTITY, le=MAX_QUANTITY, description="units")]
_Few = Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY, description="units")]


_ONE_LINE = {"pattern": "^[^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]*$"}
_Remark = Annotated[
    str, msgspec.Meta(max_length=MAX_REMARK, description="one line, why", extra_json_schema=_ONE_LINE)
]  # fmt: skip
Remark = Annotated[_Remark, msgspec.Meta(min_length=1)]


class Where(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A shelf, where neither path nor body names it."""

    warehouse: Id | None = None
    sku: Id | None = None


class Count(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What was counted: on hand, or else available with reserved (absent: 0). When: now if not said."""

    SHAPE: ClassVar[Mapping[str, Any]] = any_of("quantity_on_hand", "quantity_available")
    quantity_available: Units | None = None
    quantity_on_hand: Units | None = None
    quantity_reserved: Units | None = None
    last_updated: Moment | None = None
    warehouse_id: Id | None = None
    sku: Id | None = None
    product_id: Id | None = None


class Change(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Exactly one of the three quantities; when (now if not said) and why."""

    SHAPE: ClassVar[Mapping[str, Any]] = one_of("quantity_change", "reserve", "release")
    quantity_change: Annotated[Units, msgspec.Meta(extra_json_schema={"not": {"const": 0}})] | None = None
    reserve: _Few | None = None
    release: _Few | None = None
    timestamp: Moment | None = None
    reason: Remark | None = None
    warehouse_id: Id | None = None
    sku: Id | None = None
    product_id: Id | None = None


_OF_COMMANDS: Mapping[str, Any] = {
    "minutes": Annotated[int, msgspec.Meta(ge=1, le=MAX_SILENCE_MINUTES, description="from now on")],
    "until": Moment,
    "source": Id,
    "alert_type": Literal["STOCKOUT", "LOW_STOCK", "REORDER"],
    "quantity": _Few,
    "warehouse_id": Id,
    "sku": Id,
}


def body_of(command: str, fields: Sequence[str], *, is_reason_needed: bool) -> type[msgspec.Struct]:
    """The body of a command on an alert or on a line of the plan.

    Args:
        command: Its name.
        fields: What it takes beside a reason.
        is_reason_needed: Whether that has to be said.
    """
    reason = ("reason", Remark) if is_reason_needed else ("reason", _Remark | None, None)
    shape = one_of("minutes", "until") if "until" in fields else {}
    return msgspec.defstruct(
        command.title().replace("-", ""),
        [reason, *((name, _OF_COMMANDS[name] | None, None) for name in fields)],
        kw_only=True, forbid_unknown_fields=True, namespace={"SHAPE": shape, "__doc__": f"What {command} takes."},
    )  # fmt: skip


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
