"""Find what a person means by an id or a part of one: an alert, an incident, a notification."""

from collections.abc import Sequence

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import Reader
from inventory_assets.words.text import visible

SHOWN_CANDIDATES = 5
# The open ones first, then the newest.
_ALERTS = "SELECT alert_id AS id, state = 'firing' AS is_open, opened_at AS since FROM out.alerts"
_SUBJECTS = f"""
    {_ALERTS}
    UNION ALL SELECT incident_id, state = 'open', opened_at FROM out.incidents
    UNION ALL SELECT notification_id, false, max(planned_at) FROM out.notifications GROUP BY notification_id
"""
_LISTS = {
    "inc-": ("incident", "inventory incidents --state all"),
    "ntf-": ("notification", "inventory alerts notifications"),
}


KNOWN = {
    "warehouse": "SELECT DISTINCT warehouse_id AS id FROM core.sku_state",
    "sku": "SELECT DISTINCT sku AS id FROM core.sku_state",
    "category": "SELECT DISTINCT category_id AS id FROM core.sku_state",
    "brand": "SELECT DISTINCT brand_id AS id FROM core.sku_state",
    "department": "SELECT DISTINCT department_id AS id FROM core.sku_state",
    "supplier": "SELECT DISTINCT supplier_id AS id FROM core.products",
    "category name": "SELECT DISTINCT category_name AS id FROM core.products",
    "brand name": "SELECT DISTINCT brand_name AS id FROM core.products",
    "department name": "SELECT DISTINCT department_name AS id FROM core.products",
    "alert": "SELECT alert_id AS id FROM out.alerts WHERE state = 'firing'",
}
"""What has ids that a person may mean, and where they are."""
MOST_LISTED = 200


def known_ids(reader: Reader, what: str, beginning: str = "", *, limit: int = MOST_LISTED) -> list[str]:
    """The ids of a kind that begin so, in capitals or not; at most so many."""
    rows = reader.query(
        f"SELECT id FROM ({KNOWN[what]}) WHERE id IS NOT NULL AND starts_with(lower(id), lower(?)) "
        f"ORDER BY id LIMIT {limit:d}",
        [beginning],
    )
    return rows["id"].to_list()


class UnknownAlertError(LakeError):
    """No alert has this id."""


class UnknownIncidentError(LakeError):
    """No incident has this id."""


class AmbiguousAlertError(LakeError):
    """Several alerts, incidents or notifications have an id that begins so."""


class UnknownSubjectError(LakeError):
    """Nothing has this id, or one that begins so."""


def find_subject_id(reader: Reader, text: str) -> str:
    """Find the alert, incident or notification meant by an id, its beginning, or that of its last eight characters.

    Raises:
        UnknownSubjectError: None is meant.
        AmbiguousAlertError: Several are.
    """
    found = _begin_so(reader, _SUBJECTS, text)
    if not found:
        kind, command = _LISTS.get(text[:4], ("alert", "inventory alerts list --state all"))
        raise UnknownSubjectError(f"no {kind} {text!r}. List them with `{command}`.")
    return choose_id(found, text)


def find_alert_id(reader: Reader, text: str) -> str:
    """Find the alert meant by an id, the beginning of one, or of its last eight characters.

    Raises:
        UnknownAlertError: None is meant.
        AmbiguousAlertError: Several are.
    """
    found = _begin_so(reader, _ALERTS, text)
    if not found:
        raise UnknownAlertError(f"no alert {text!r}. List them with `inventory alerts list --state all`.")
    return choose_id(found, text)


def _begin_so(reader: Reader, subjects: str, text: str) -> list[str]:
    rows = reader.query(
        f"SELECT id FROM ({subjects}) WHERE starts_with(id, ?) OR starts_with(right(id, 8), ?) "
        "ORDER BY id = ? DESC, is_open DESC, since DESC, id",
        [text, text, text],
    )
    return rows["id"].to_list() if text else []


def choose_id(found: Sequence[str], text: str) -> str:
    """The one id meant by a part of it, among those that fit.

    Raises:
        AmbiguousAlertError: Several fit, and none is it to the letter.
    """
    if len(found) == 1 or found[0] == text:
        return found[0]
    shown = "\n  ".join(map(visible, found[:SHOWN_CANDIDATES]))
    more = len(found) - SHOWN_CANDIDATES
    rest = f"\n  and {more} more" if more > 0 else ""
    raise AmbiguousAlertError(f"{text!r} was the beginning of {len(found)} ids; give more of it:\n  {shown}{rest}")
