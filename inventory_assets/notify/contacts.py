"""Who a threshold rule says should be told: its `alert_settings`."""

import json
from typing import Any, NamedTuple

from inventory_assets.lake.query.reader import Reader


class Contact(NamedTuple):
    """A rule's `notification_channel` and `recipients`."""

    channel: str | None = None
    recipients: tuple[str, ...] = ()


NOBODY = Contact()


class RuleContacts:
    """Remembers the contacts of rules by scope and version: rules change seldom."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[tuple, Contact] = {}

    def of(self, rule: dict[str, Any]) -> Contact:
        """The contact of a rule as an alert's lineage names it; nobody for embedded and system limits."""
        if rule["version"] is None:
            return NOBODY
        scope = (rule["level_type"], rule["level_id"] or "", rule["warehouse_id"], rule["version"])
        if scope not in self._known:
            self._known[scope] = self._read(*scope)
        return self._known[scope]

    def _read(self, level_type: str, level_id: str, warehouse_id: str | None, version: int) -> Contact:
        rows = self._reader.query(
            "SELECT * FROM core.threshold_rules_changes WHERE version = ? AND level_type = ? "
            "AND coalesce(level_id, '') = ? AND warehouse_id IS NOT DISTINCT FROM ?",
            [version, level_type, level_id, warehouse_id],
        )
        if not rows.height:
            return NOBODY
        row = rows.row(0, named=True)
        if row.get("notification_channel") or row.get("recipients"):
            return _contact(row)
        message = self._reader.query(
            "SELECT data FROM raw.messages WHERE version = ? AND event_id = ? LIMIT 1", [version, row["event_id"]]
        )
        if not message.height:
            return NOBODY
        try:
            document = json.loads(message.item())
        except ValueError:
            return NOBODY
        document = document.get("document") or document
        settings = document.get("alert_settings") if isinstance(document, dict) else None
        return _contact(settings) if isinstance(settings, dict) else NOBODY


def _contact(settings: dict[str, Any]) -> Contact:
    channel, recipients = settings.get("notification_channel"), settings.get("recipients")
    if isinstance(recipients, str):
        try:
            recipients = json.loads(recipients)
        except ValueError:
            recipients = [recipients]
    texts = tuple(each for each in recipients or () if isinstance(each, str))
    return Contact(channel if isinstance(channel, str) else None, texts)
