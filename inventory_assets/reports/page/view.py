"""What a page shows, before it is HTML: sections of figures, tables and pictures. Pure; texts are escaped by the page.

`Page` is filled by `nightly` and `weekly` and drawn by `html`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from inventory_assets.reports.read.model import Notice


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell: a text, a smaller line below, a tone (bad, warn, good, quiet), a picture of ours."""

    text: str
    sub: str = ""
    tone: str = ""
    picture: Markup | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A row that heads those after it."""

    text: str
    sub: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column. `kind`: name (the row's title), number, do (what to do), or empty."""

    label: str
    kind: str = ""


_KINDS = {"#": "number", ">": "do"}


def columns_of(name: str, *labels: str) -> list[Column]:
    """Columns by their labels, the row's title first; `#Units` is a number, `>To do` what to do."""
    others = [Column(label.lstrip("#>"), _KINDS.get(label[0], "")) for label in labels]
    return [Column(name, "name"), *others]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that a page shows, some under a heading, and a row of sums; `hidden` more are in the file `csv`."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell] | Group]
    hidden: int = 0
    csv: str = ""
    title: str = ""
    sums: Sequence[Cell] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the few figures at the top, with how it changed."""

    label: str
    value: str
    sub: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page under a heading. `commands`: a question and what answers it."""

    anchor: str
    title: str
    lines: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Markup] = ()
    notices: Sequence[Notice] = ()
    commands: Sequence[tuple[str, str]] = ()
    csv: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A report's page."""

    kind: str
    title: str
    headline: str
    as_of: str
    version: str
    figures: Sequence[Figure]
    sections: Sequence[Section]
    notices: Sequence[Notice] = ()
