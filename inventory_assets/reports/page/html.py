"""Draw a page as one self-contained HTML file: style and pictures inline, no script, no request.

The page carries its own Content-Security-Policy, which allows nothing but the
one style sheet in it, so that even a mistake in escaping could not run.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from inventory_assets.reports.page.view import Page
from inventory_assets.words.templates import make_environment


def render_page(page: Page, links: Mapping[str, str], *, base: str | None = "") -> bytes:
    """A report's page.

    Args:
        page: What it shows.
        links: Label to target, for the top of the page.
        base: Where the CSV files are from where the page is, such as `nightly/2025-03-04/`; None names
            them without a link, for a page that travels alone.
    """
    return render("report.html.j2", page=page, links=links, base=base)


def render(template: str, **values: Any) -> bytes:
    """A template of this package with the style sheet."""
    style, style_hash = _style()
    return _environment().get_template(template).render(style=style, style_hash=style_hash, **values).encode()


@cache
def _environment() -> Environment:
    return make_environment("inventory_assets.reports")


@cache
def _style() -> tuple[Markup, str]:
    """The style sheet, and its hash as the page's policy names it."""
    text = files("inventory_assets.reports").joinpath("templates", "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest())
    return Markup(text), f"sha256-{digest.decode()}"
