"""Who a rule may name to be told: what no channel can reach would be kept, and nobody told of it."""

import re

from inventory_assets.notify.channels.mail import valid_addresses

_TELEPHONE = re.compile(r"\+[0-9][0-9 ]*")


def recipient_problem(recipient: str) -> str | None:
    """What is wrong with a recipient; None for a mail address or a telephone number."""
    if valid_addresses((recipient,)) or _TELEPHONE.fullmatch(recipient):
        return None
    return (
        f"was {recipient!r}; expected a mail address such as buying@example.com, "
        "a telephone number such as +4915112345678."
    )
