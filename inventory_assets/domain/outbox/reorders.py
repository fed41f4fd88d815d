"""Service events of the plan: what to order, what somebody accepted, what is not wanted any more.

A recommendation is a line that asks for an order before the next review (RULES 42); what
can wait is in the plan and rings nobody. What somebody decides on a line is an event of its own.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from inventory_assets.domain.events.kinds import Command
from inventory_assets.domain.outbox.envelope import event_uuid, service_event
from inventory_assets.domain.replenish.plan import Reason
from inventory_assets.domain.values import format_time

RECOMMENDATION = "REORDER_RECOMMENDATION"
PURCHASE_ORDER = "PURCHASE_ORDER"
CANCELLED = "REORDER_CANCELLED"
DECISIONS = {"plan-accept": PURCHASE_ORDER, "plan-dismiss": CANCELLED}
"""What of a plan's commands leaves; a snooze says when to ask again, to nobody but its author."""

SEVERITIES = {
    Reason.OUT: "CRITICAL", Reason.TOO_LATE: "HIGH", Reason.DUE: "MEDIUM", Reason.AT_RISK: "MEDIUM",
    Reason.BELOW_LIMIT: "MEDIUM",
}  # fmt: skip
"""The reasons for which an order may not be able to wait."""

OTHER_SEVERITY = "MEDIUM"
ORDER_PREFIX = "ord-"

Line = Mapping[str, Any]


def is_recommended(line: Line) -> bool:
    """Whether a line asks for an order before the next review.

    Lines of releases before do not say so: all of these reasons were urgent (docs/adr/0032-what-is-urgent.md).
    """
    is_urgent = line["is_order_urgent"]
    return bool(line["order_quantity"]) and (line["reason"] in SEVERITIES if is_urgent is None else is_urgent)


def severity_of_line(line: Line) -> str:
    """How urgent a line is."""
    return SEVERITIES.get(line["reason"], OTHER_SEVERITY)


def recommendation(line: Line) -> dict[str, Any]:
    """The event of a line that asks for an order now. `line` is a row of out.plans."""
    return service_event(
        RECOMMENDATION,
        event_id=event_uuid(RECOMMENDATION, line["line_id"], line["warehouse_id"], line["sku"]),
        sku=line["sku"],
        warehouse_id=line["warehouse_id"],
        quantity_change=line["order_quantity"],
        timestamp=_midnight(line["plan_date"]),
        reference_id=line["line_id"],
        notes=line["reason"],
        more=_of_line(line),
    )


def decision(command: Command, line: Line) -> dict[str, Any]:
    """The event of what somebody decided on a line: a purchase order, or that there is none to be."""
    kind = DECISIONS[command.command]
    accepted = line["order_quantity"] if command.quantity is None else command.quantity
    return service_event(
        kind,
        event_id=event_uuid(kind, command.event_id),
        sku=line["sku"],
        warehouse_id=line["warehouse_id"],
        quantity_change=accepted if kind == PURCHASE_ORDER else 0,
        timestamp=format_time(command.event_at, digits=3),
        reference_id=line["line_id"],
        notes=command.reason,
        more=_of_line(line) | {"issuedBy": command.issued_by},
    )


def order_subject(event_id: str) -> str:
    """What `out.deliveries` calls what a command owes."""
    return ORDER_PREFIX + event_id


def _of_line(line: Line) -> dict[str, Any]:
    return {
        "reason": line["reason"], "planDate": _day(line["plan_date"]), "orderBy": _day(line["order_by"]),
        "runsOutOn": _day(line["runs_out_on"]), "supplierId": line["supplier_id"],
        "leadTimeDays": line["lead_time_days"], "available": line["available"], "inbound": line["inbound"],
        "asOfVersion": line["as_of_version"],
    }  # fmt: skip


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00.000Z"
