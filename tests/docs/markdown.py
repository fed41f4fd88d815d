"""Read the documents: their code blocks, links, headings.

Belongs here: Markdown as values. Does not belong: what is asserted of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_DOCS = ROOT / "docs"
# In the order they are run: the README fills the lake that the others ask, and these two ask it as it is then.
_FIRST = (ROOT / "README.md", _DOCS / "first-alert.md", _DOCS / "sql.md")
DOCUMENTS = (
    *_FIRST,
    *(ROOT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")),
    *(document for document in sorted(_DOCS.glob("*.md")) if document not in _FIRST),
    *sorted((_DOCS / "adr").glob("*.md")),
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: `language`, its code, where it is, and the paragraph before it."""

    place: str
    language: str
    code: str
    lead: str = ""


def blocks(document: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a document, in order."""
    text = document.read_text()
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        lead = text[: match.start()].rstrip().rpartition("\n\n")[2]
        yield Block(f"{document.relative_to(ROOT)}:{line}", match[1], match[2], lead)


def prose(document: Path) -> str:
    """A document's text without its fenced blocks."""
    return _FENCE.sub("", document.read_text())


def links(document: Path) -> list[str]:
    """Targets of a document's links and images."""
    return _LINK.findall(prose(document))


def anchors(document: Path) -> set[str]:
    """What `#…` may name in a document, as GitHub spells headings."""
    names = _HEADING.findall(prose(document))
    return {re.sub(r"[^\w\- ]", "", name.lower()).strip().replace(" ", "-") for name in names}


def table_names(document: Path) -> set[str]:
    """The first cell of every table row that is `code`."""
    return set(re.findall(r"^\| `([^`]+)` \|", prose(document), re.MULTILINE))
