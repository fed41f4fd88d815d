"""What is committed and has not landed: of an alert, of a request. Read from the journal, a second or two of it.

Here: what a person waits for after an act of theirs. Not here: what lists show, which follow the journal by themselves.
"""

from collections.abc import Collection
from contextlib import closing
from typing import Any

import polars as pl

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.journal.body import gather
from inventory_assets.lake.journal.open import has_journal, open_journal
from inventory_assets.lake.tables import DEAD_LETTERS, RAW_MESSAGES, TRANSITIONS
from inventory_assets.settings import Settings


def unlanded_steps(settings: Settings, alert_id: str, *, after: int) -> list[dict[str, Any]]:
    """The steps of an alert's life that came after a version, as `queries.alerts.read_steps` has them."""
    frame = unlanded_rows(settings, {TRANSITIONS.full_name}, after).get(TRANSITIONS.full_name)
    if frame is None:
        return []
    rows = frame.filter(pl.col("alert_id") == alert_id).sort("version", "seq")
    return rows.select(
        pl.col("event_at").cast(pl.Datetime("us")).alias("at"),
        "transition", "reason", "actor", "event_id", "is_late", "version",
    ).to_dicts()  # fmt: skip


def unlanded_outcomes(settings: Settings, request_id: str, *, topic: str, after: int) -> list[dict[str, Any]]:
    """What became of the messages of a request on a topic after a version, each by its first delivery."""
    frames = unlanded_rows(settings, {RAW_MESSAGES.full_name, DEAD_LETTERS.full_name}, after)
    messages = frames.get(RAW_MESSAGES.full_name)
    if messages is None:
        return []
    mine = messages.filter(
        (pl.col("topic") == topic) & pl.col("attributes").str.contains(f'"{request_id}"', literal=True)
    )
    first = mine.sort("version", "seq").unique("message_id", keep="first", maintain_order=True)
    letters = frames.get(DEAD_LETTERS.full_name)
    reasons = {} if letters is None else {
        (row["message_id"], row["version"]): row for row in letters.select(*_REASON, "message_id", "version").to_dicts()
    }  # fmt: skip
    nothing = dict.fromkeys(_REASON)
    return [
        row | {name: reasons.get((row["message_id"], row["version"]), nothing)[name] for name in _REASON}
        for row in first.select("message_id", "outcome", "version").to_dicts()
    ]


_REASON = ("reason", "detail")


def unlanded_rows(settings: Settings, tables: Collection[str], after: int) -> dict[str, pl.DataFrame]:
    """Rows by table after a version; none where the journal cannot be read: who asks sees them when they land."""
    if not has_journal(settings):
        return {}
    try:
        with closing(open_journal(settings, read_only=True)) as journal:
            head = journal.head()
            if head.barrier is not None or head.version <= after:
                return {}
            return gather(((each.version, each.body) for each in journal.read(after, head.version)), only=tables)
    except LakeError:
        return {}
