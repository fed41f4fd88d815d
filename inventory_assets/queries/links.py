"""Links that people left on an alert or an incident: a note with a web address is where its story is told."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from inventory_assets.lake.query.reader import Reader

# No quotes, angle brackets or white space: what is found may be put into a page. Only what a browser opens
# without running anything.
_LINK = re.compile(r"https?://[^\s<>\"'`\\]+", re.IGNORECASE)


def find_links(text: str) -> list[str]:
    """The web addresses in a text, without the punctuation of the sentence around them."""
    found = (match.rstrip(".,;:!?") for match in _LINK.findall(text))
    return [link.removesuffix(")") if "(" not in link else link for link in found]


def post_mortems(steps: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The links among an alert's or incident's notes, a link a row, oldest first."""
    return [
        {"url": link, "note": step["reason"], "by": step["actor"], "at": step["at"]}
        for step in steps
        if step["transition"] == "note"
        for link in find_links(step["reason"] or "")
    ]


def read_incident_notes(reader: Reader, incident_id: str) -> list[dict[str, Any]]:
    """The notes on an incident, oldest first, as steps of an alert are read.

    An incident has no state of its own to move: its notes are the commands as they were taken in.
    """
    rows = reader.query(
        """SELECT event_at AS at, 'note' AS transition, (details->>'reason') AS reason,
            (details->>'issued_by') AS actor, event_id, false AS is_late, version
        FROM core.events
        WHERE kind = 'control' AND (details->>'command') = 'note' AND (details->>'alert_id') = ?
        ORDER BY version, seq""",
        [incident_id],
    )
    return list(rows.iter_rows(named=True))
