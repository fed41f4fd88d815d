"""Tell first deliveries from repeats and contradictions (RULES 9-11, 13)."""

from inventory_assets.domain.events import Event, Outcome, Rejection, Transaction, entity_names
from inventory_assets.domain.state import Draft


def admit(draft: Draft, event: Event) -> Outcome | Rejection | None:
    """Decide whether an event is new; None where it is.

    Pub/Sub is at-least-once, so a repeat is normal input. The first in
    `raw.messages` order wins a conflict.
    """
    for name in entity_names(event):
        for known in draft.known(name):
            if known.event_id == event.event_id:
                if known.kind == event.kind and known.content == event.content:
                    return Outcome.DUPLICATE
                return Rejection(
                    "conflicting_duplicate",
                    f"event {event.event_id!r} was {known.content!r}, now {event.content!r}",
                )
            if isinstance(event, Transaction) and isinstance(known, Transaction):
                if (known.warehouse_id, known.sku, known.to_warehouse_id) != (
                    event.warehouse_id,
                    event.sku,
                    event.to_warehouse_id,
                ):
                    return Rejection(
                        "transaction_moved",
                        f"transaction {event.transaction_id!r} was at {known.warehouse_id}/{known.sku}, "
                        f"now {event.warehouse_id}/{event.sku}",
                    )
    return None
