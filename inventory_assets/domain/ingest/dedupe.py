"""Tell first deliveries from repeats and contradictions (RULES 9-11, 13)."""

from inventory_assets.domain.events.kinds import Event, Level, Outcome, Rejection, Transaction, is_row
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
            if known.kind == event.kind and _said_whole(known) == _said_whole(event):
                return Outcome.DUPLICATE
            return Rejection(
                "conflicting_duplicate",
                f"event {event.event_id!r} was {_said_whole(known)!r}, now {_said_whole(event)!r}",
            )
    for known in known_events:
        if (is_row(event) or is_row(known)) and _contradicts(event, known):
            return Rejection(
                "conflicting_duplicate",
                f"{event.event_id!r} says {event.content!r} and {known.event_id!r} said {known.content!r} of the same "
                f"{event.kind} and time; {CORRECTION[event.kind]}",
            )
    if isinstance(event, Transaction):
        for known in known_events:
            if isinstance(known, Transaction) and _place(known) != _place(event):
                return Rejection(
                    "transaction_moved",
                    f"transaction {event.transaction_id!r} of {event.warehouse_id} was of {_said(known)}, now of "
                    f"{_said(event)}; give each line of an order a line_id, or send an ADJUSTMENT",
                )
    return None


CORRECTION = {
    Transaction.kind: "to correct it, send an ADJUSTMENT of the difference under an id of its own, "
    "or the row with a later updated_at",
    Level.kind: "to correct it, send one with a later last_updated",
}
"""What to do about a contradiction, by kind: for the dead letter, and for who publishes a file."""


def _said_whole(event: Event) -> tuple:
    """What a repeat must agree on. A status is part of a document's id, but not of another envelope's."""
    return (*event.content, event.status) if type(event) is Transaction else event.content


def _contradicts(event: Event, known: Event) -> bool:
    """Whether two events, one of them a row of a file, say otherwise of one transaction or level at one time.

    Rows have ids of their own, so that equal lines are two events; which of two
    that differ came first must not be decided by the hashes of their files.
    """
    if not isinstance(event, (Transaction, Level)) or event.kind != known.kind:
        return False
    if isinstance(event, Transaction) and (not isinstance(known, Transaction) or event.status != known.status):
        return False
    same_time = (event.position, event.source) == (known.position, known.source)  # type: ignore[union-attr]
    return same_time and not event.has_cluster_time and event.content != known.content


def _place(event: Transaction) -> tuple[str, str | None]:
    return (event.sku, event.to_warehouse_id)


def _said(event: Transaction) -> str:
    return event.sku if event.to_warehouse_id is None else f"{event.sku} to {event.to_warehouse_id}"
