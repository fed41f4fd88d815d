"""What to do about a shelf: transfers first, then the order, in the same words wherever it is said. Pure."""

from collections.abc import Iterable

from inventory_assets.domain.alerts.recommend import Recommendation, Supply
from inventory_assets.words.text import capital, clean

NO_TARGET = "No target stock is known, so no quantity is suggested"
NOTHING_TO_ORDER = "nothing to order: what is inbound fills the shelf"


def steps(transfers: Iterable[tuple[int, str]], order_quantity: int | None, supply: Supply | None = None) -> list[str]:
    """`transfer 30 from WH-2`, `then order 120`, a step each; with `supply`, from whom and how long it takes.

    Args:
        transfers: (units, warehouse), in their order.
        order_quantity: Units to order; null where no target stock is known.
        supply: What is known of buying it, to be said with the order.
    """
    found = [f"transfer {quantity:,} from {clean(warehouse_id)}" for quantity, warehouse_id in transfers]
    if order_quantity:
        found.append(f"{'then order' if found else 'order'} {order_quantity:,}{'' if supply is None else _of(supply)}")
    return found or [NO_TARGET if order_quantity is None else NOTHING_TO_ORDER]


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
    return steps(moves, found.order_quantity, supply)
