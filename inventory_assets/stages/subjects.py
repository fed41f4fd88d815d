"""Find what a person means by an id or a part of one: an alert, an incident, a notification."""

from inventory_assets.lake.errors import LakeError
from inventory_assets.stages.handling import choose_id
from inventory_assets.stages.warm import Reader

# The open ones first, then the newest.
_SUBJECTS = """
    SELECT alert_id AS id, state = 'firing' AS is_open, opened_at AS since FROM out.alerts
    UNION ALL SELECT incident_id, state = 'open', opened_at FROM out.incidents
    UNION ALL SELECT notification_id, false, max(planned_at) FROM out.notifications GROUP BY notification_id
"""
_LISTS = {
    "inc-": ("incident", "inventory incidents --state all"),
    "ntf-": ("notification", "inventory alerts notifications"),
}


class UnknownSubjectError(LakeError):
    """Nothing has this id, or one that begins so."""


def find_subject_id(reader: Reader, text: str) -> str:
    """Find the alert, incident or notification meant by an id, its beginning, or that of its last eight characters.

    Raises:
        UnknownSubjectError: None is meant.
        AmbiguousAlertError: Several are.
    """
    rows = reader.query(
        f"SELECT id FROM ({_SUBJECTS}) WHERE starts_with(id, ?) OR starts_with(right(id, 8), ?) "
        "ORDER BY id = ? DESC, is_open DESC, since DESC, id",
        [text, text, text],
    )
    found = rows["id"].to_list() if text else []
    if not found:
        kind, command = _LISTS.get(text[:4], ("alert", "inventory alerts list --state all"))
        raise UnknownSubjectError(f"no {kind} {text!r}. List them with `{command}`.")
    return choose_id(found, text)
