"""A transaction under way and what its versions do to stock (RULES 15, 16)."""

from inventory_assets.simulator.documents import reference_json
from inventory_assets.simulator.ledger import NO_EFFECT, NO_KEY, Effect, PostedTransaction

Effects = tuple[Effect, Effect]
NO_EFFECTS: Effects = (NO_EFFECT, NO_EFFECT)
NO_REFERENCE = reference_json()


class Transaction(PostedTransaction):
    """One business event through its statuses.

    Attributes:
        effects: What its latest written version does, at its key and at the receiver's.
        created_us: Event time of the first version; 0 until that is written.
        reference: R0's reference fields, already encoded.
    """

    __slots__ = ("created_us", "effects", "number", "quantity", "reference", "type", "user")

    def __init__(
        self,
        number: int,
        type_: str,
        key: int,
        quantity: int,
        *,
        to_key: int = NO_KEY,
        user: str = "system",
        reference: str = NO_REFERENCE,
    ) -> None:
        # Not super().__init__: one is made per order, and the call is a tenth of its cost.
        self.key = key
        self.other_key = to_key
        self.versions = []
        self.number = number
        self.type = type_
        self.quantity = quantity
        self.reference = reference
        self.user = user
        self.created_us = 0
        self.effects = NO_EFFECTS


def effects_of(type_: str, status: str, quantity: int) -> Effects:
    """Say what a version does at its key and at the receiver's."""
    if type_ == "TRANSFER":
        if status == "PENDING":
            return (0, quantity, 0), NO_EFFECT
        if status == "SHIPPED":
            return (-quantity, 0, 0), (0, 0, quantity)
        if status == "COMPLETED":
            return (-quantity, 0, 0), (quantity, 0, 0)
        return NO_EFFECTS
    if type_ in ("RESERVE", "RELEASE"):
        return (0, quantity if type_ == "RESERVE" else -quantity, 0), NO_EFFECT
    if status == "COMPLETED":
        return (quantity, 0, 0), NO_EFFECT
    if status == "PENDING":
        return ((0, -quantity, 0) if quantity < 0 else (0, 0, quantity)), NO_EFFECT
    return NO_EFFECTS
