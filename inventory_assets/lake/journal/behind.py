"""How far the lake is behind its journal, for who reads."""

import time
from typing import NamedTuple

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.journal.contract import Backlog
from inventory_assets.lake.journal.open import has_journal, open_journal
from inventory_assets.settings import Settings


def is_full(settings: Settings, backlog: Backlog, *, share: float = 1.0) -> bool:
    """Whether so much waits to land, by bytes or by age, that no more should be added; of a share of the bounds."""
    age = 0 if backlog.oldest_at is None else (time.time_ns() // 1000 - backlog.oldest_at) / 1e6
    return backlog.bytes >= share * settings.journal_bytes or age >= share * settings.journal_seconds


class Behind(NamedTuple):
    """What a reader does not see yet.

    Attributes:
        versions: How many.
        milliseconds: How long ago the oldest was committed.
        bytes: What they take in the journal.
        is_being_landed: Somebody lives who lands them.
        newest: The newest version.
        is_full: Pulling waits for a landing.
    """

    versions: int
    milliseconds: int
    bytes: int
    is_being_landed: bool
    newest: int
    is_full: bool


def has_lander(settings: Settings) -> bool:
    """Whether a process lives that lands what is committed: one that takes something in, or has just done so."""
    if not has_journal(settings):
        return False
    try:
        journal = open_journal(settings, read_only=True)
    except LakeError:
        return False
    try:
        return journal.has_lander()
    except LakeError:
        return False
    finally:
        journal.close()


def find_behind(settings: Settings) -> Behind | None:
    """How far the lake is behind; None where its journal cannot be read, or an earlier release wrote it."""
    if not has_journal(settings):
        return None
    try:
        journal = open_journal(settings, read_only=True)
    except LakeError:
        return None
    try:
        backlog, head = journal.backlog(), journal.head()
        age = 0 if backlog.oldest_at is None else max(0, time.time_ns() // 1000 - backlog.oldest_at) // 1000
        is_being_landed = backlog.versions == 0 or journal.has_lander()
        full = is_full(settings, backlog)
        return Behind(backlog.versions, age, backlog.bytes, is_being_landed, head.version, full)
    except LakeError:
        return None
    finally:
        journal.close()
