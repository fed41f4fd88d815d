"""How a page or a mail is made from a template: everything escaped, a missing value an error."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from inventory_assets.words.numbers import counted, figure, number
from inventory_assets.words.text import clean, spaced, visible_lines
from inventory_assets.words.times import wire_moment


def exact(text: object) -> Markup:
    """A text for a program to read, such as an id that a button sends back: escaped, and every character as it is."""
    return escape(text)


def _shown(value: Any) -> Any:
    # Whatever a template prints is seen by a person. What is HTML by now was text before.
    return visible_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def make_environment(
    package: str, *, filters: Mapping[str, Any] | None = None, values: Mapping[str, Any] | None = None
) -> Environment:
    """The templates in a package's `templates`.

    Args:
        package: Its name.
        filters: What the package adds to those of every template.
        values: What each of its templates may use by name.
    """
    found = Environment(
        loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, finalize=_shown,
    )  # fmt: skip
    found.filters.update(
        clean=clean, exact=exact, counted=counted, figure=figure, number=number, spaced=spaced, wire_moment=wire_moment,
        **(filters or {}),
    )  # fmt: skip
    found.globals.update(values or {})
    return found
