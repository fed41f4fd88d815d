"""Options that choose and sort alerts, for every list of them."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches

import click
from click.core import ParameterSource

from inventory_assets.commands.completing import ids_of
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.lake.query.reader import Reader
from inventory_assets.queries.alerts import ORDERS
from inventory_assets.queries.ids import KNOWN, known_ids
from inventory_assets.words.numbers import counted
from inventory_assets.words.text import listed

_PLACES = {
    "warehouse": "Only this warehouse's.",
    "category": "Only this category's, by id or name.",
    "brand": "Only this brand's, by id or name.",
    "department": "Only this department's, by id or name.",
    "supplier": "Only what this supplier delivers.",
    "sku": "Only this SKU's.",
}
# Enough to find a slip of the finger among.
_MOST_COMPARED = 20_000


def choosing_options(command: Callable) -> Callable:
    """Add `--warehouse … --search --sort` to a command, which gets them as keywords."""
    options = [
        click.option(f"--{name}", name, metavar="ID", help=text, shell_complete=ids_of(name))
        for name, text in _PLACES.items()
    ]
    kinds = click.Choice([str(kind) for kind in Condition], case_sensitive=False)
    options += [
        click.option("--type", "type", type=kinds, help="Only this kind."),
        click.option("--search", metavar="WORDS", help="Only where all words are in the SKU or its product's names."),
        click.option("--sort", type=click.Choice(list(ORDERS)), default="worst", show_default=True),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def refuse_before(context: click.Context) -> None:
    """Refuse options that stand before a subcommand: they would be of no effect.

    Raises:
        click.UsageError: There are some.
    """
    given = [
        option.opts[0]
        for option in context.command.params
        if option.name is not None and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"give {listed(given)} after `{context.invoked_subcommand}`, not before it.")


def why_none(reader: Reader, chosen: Mapping[str, str | None], search: str | None) -> str:
    """What to say where no alert fits: which id is unknown, and which one is near it."""
    for name, value in chosen.items():
        if value is None or name not in KNOWN:
            continue
        ids = [
            each
            for what in (name, f"{name} name")
            if what in KNOWN
            for each in known_ids(reader, what, limit=_MOST_COMPARED)
        ]
        if value.lower() in map(str.lower, ids):
            continue
        by_sound = {each.lower(): each for each in ids}
        near = [by_sound[each] for each in get_close_matches(value.lower(), by_sound, n=3, cutoff=0.5)]
        hint = f" Near it: {', '.join(near)}." if near else f" There are {counted(len(ids), 'other')}."
        return f"no {name} is called {value!r}.{hint}"
    if search:
        return f"no alert has {search!r} in its SKU or the names of its product"
    return "no alert fits; --state all has those that are over"
