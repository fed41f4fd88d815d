"""Read a report's page and files as a stranger would: an HTML parser, a CSV reader.

Belongs here: HTML and CSV as values. Does not belong: what they must say.
"""

import csv
import io
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "br", "hr", "img", "input", "rect", "line", "circle"})


@dataclass
class Element:
    """A tag that was opened, with its attributes."""

    tag: str
    attributes: dict[str, str]


@dataclass
class Section:
    """The text of a section, and the rows of all its tables."""

    text: str = ""
    rows: list[list[str]] = field(default_factory=list)


class Document(HTMLParser):
    """A page's elements, its sections by anchor, and its whole text. Fails on tags that do not match."""

    def __init__(self, content: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.sections: dict[str, Section] = {}
        self.text = ""
        self._open: list[str] = []
        self._section: Section | None = None
        self._cell: list[str] | None = None
        self.feed(content.decode())
        self.close()
        assert self._open == [], self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append(Element(tag, attributes))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "section":
            self._section = self.sections[attributes.get("id", "")] = Section()
        elif tag == "tr" and self._section is not None:
            self._section.rows.append([])
        elif tag in ("td", "th") and self._section is not None:
            self._cell = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag
        if tag == "section":
            self._section = None
        elif tag in ("td", "th") and self._cell is not None and self._section is not None:
            self._section.rows[-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if self._section is not None:
            self._section.text += data
        if self._cell is not None:
            self._cell.append(data)


def read_csv(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file, as texts."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
