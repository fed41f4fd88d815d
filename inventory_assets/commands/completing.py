"""What a shell may offer for an argument: ids of the lake, where there is one and it answers. Never an error."""

import re
from collections.abc import Callable

import click
import duckdb
from click.shell_completion import CompletionItem

from inventory_assets.errors import InventoryError

# A shell puts in what it is offered as it is: an id such as `$(touch x)` would be run (RULES 4).
_PLAIN = re.compile(r"[\w@%+:,./][\w@%+:,./-]*")
Offers = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def ids_of(what: str) -> Offers:
    """Offer the ids of a kind of `queries.ids.KNOWN` that begin as what was typed."""

    def offer(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        # A shell asks on every tab; who completes no id loads no lake.
        from inventory_assets.lake.query.reader import LakeReader
        from inventory_assets.queries.ids import known_ids
        from inventory_assets.settings import load_settings

        try:
            found = known_ids(LakeReader(load_settings()), what, typed)
        except (InventoryError, duckdb.Error, OSError):
            return []
        return [CompletionItem(each) for each in found if _PLAIN.fullmatch(each)]

    return offer
