"""What to do about a shelf: transfers first, then the order, in the same words wherever it is said. Pure."""

from collections.abc import Iterable

from inventory_assets.domain.alerts.recommend import Recommendation, Supply
from inventory_assets.words.text import capital, clean

NO_TARGET = "No target stock is known, so no quantity is suggested"
NOTHING_TO_ORDER = "nothing to order"


def steps(
    transfers: Iterable[tuple[int, str]], order_quantity: int | None, supply: Supply | None = None, because: str = ""
) -> list[str]:
    """`transfer 30 from WH-2`, `then order 120`, a step each; with `supply`, from whom and how long it takes.

    Args:
        transfers: (units, warehouse), in their order.
        order_quantity: Units to order; null where no target stock is known.
        supply: What is known of buying it, to be said with the order.
        because: Why nothing is to be done, where that is so.
    """
    found = [f"transfer {quantity:,} from {clean(warehouse_id)}" for quantity, warehouse_id in transfers]
    if order_quantity:
        found.append(f"{'then order' if found else 'order'} {order_quantity:,}{'' if supply is None else _of(supply)}")
    nothing = f"{NOTHING_TO_ORDER}: {because}" if because else NOTHING_TO_ORDER
    return found or [NO_TARGET if order_quantity is None else nothing]


def _of(supply: Supply) -> str:
    return (
        (f" from {clean(supply.supplier_id)}" if supply.supplier_id else "")
        + (f", lead time {supply.lead_time_days} days" if supply.lead_time_days is not None else "")
        + (f", in packs of {supply.pack_multiple}" if supply.pack_multiple else "")
    )


def describe_actions(found: Recommendation) -> list[str]:
    """What to do, a short step a line; an empty list where no quantity is known."""
    return [] if found.order_quantity is None else _steps(found, None)


def action_sentence(found: Recommendation) -> str:
    """What to do, as one sentence without its full stop."""
    return capital(", ".join(_steps(found, found.supply)))


def action_lines(found: Recommendation) -> list[str]:
    """What to do, a line each, with all that is known of it: how a transfer leaves its giver, whence the order."""
    lines = [capital(step) for step in _steps(found, found.supply)]
    for place, transfer in enumerate(found.transfers):
        lines[place] += f" (leaves it {transfer.available_after:,}, it keeps {transfer.keeps:,})"
    return lines


def _steps(found: Recommendation, supply: Supply | None) -> list[str]:
    moves = [(transfer.quantity, transfer.warehouse_id) for transfer in found.transfers]
    return steps(moves, found.order_quantity, supply, found.nothing_because)


def difference_sentence(suggested: int | None, found: Recommendation | None) -> str:
    """Why a message suggests another quantity than what is to be ordered; empty where it does not.

    The message speaks of one shelf (RULES 30); what other warehouses can spare is not in it.
    """
    if found is None or suggested is None or suggested == found.order_quantity:
        return ""
    if not found.transfers:
        # The one other way: an older lake's message was made of numbers that advice leaves out.
        unusable = ", ".join(found.supply.unusable)
        return f"The message suggests {suggested:,}, made of {unusable} beyond all range" if unusable else ""
    moved = sum(transfer.quantity for transfer in found.transfers)
    return (
        f"The message suggests {suggested:,}, what fills the shelf if all of it is bought; "
        f"other warehouses can give {moved:,} of that, which leaves {found.order_quantity or 0:,} to order"
    )
