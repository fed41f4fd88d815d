"""Tell first deliveries from repeats and contradictions (RULES 9-11, 13)."""

from inventory_assets.domain.events.kinds import Event, Outcome, Rejection, Transaction
from inventory_assets.domain.ingest.state import Draft


def admit(draft: Draft, event: Event, names: tuple[str, ...]) -> Outcome | Rejection | None:
    """Decide whether an event, known under its `entity_names`, is new; None where it is.

    Pub/Sub is at-least-once, so a repeat is normal input. The first in
    `raw.messages` order wins a conflict.
    """
    known_events = draft.known(names[0])
    if len(names) > 1:
        known_events += draft.known(names[1])
    if not known_events:
        return None
    # Identity first: a version that moved under a known id is a conflict, whichever
    # version of the transaction happened to come before.
    for known in known_events:
        if known.event_id == event.event_id:
            if known.kind == event.kind and known.content == event.content:
                return Outcome.DUPLICATE
            return Rejection(
                "conflicting_duplicate",
                f"event {event.event_id!r} was {known.content!r}, now {event.content!r}",
            )
    if isinstance(event, Transaction):
        for known in known_events:
            if isinstance(known, Transaction) and _place(known) != _place(event):
                return Rejection(
                    "transaction_moved",
                    f"transaction {event.transaction_id!r} was at {known.warehouse_id}/{known.sku}, "
                    f"now {event.warehouse_id}/{event.sku}",
                )
    return None


def _place(event: Transaction) -> tuple[str, str, str | None]:
    return (event.warehouse_id, event.sku, event.to_warehouse_id)
