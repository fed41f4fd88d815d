"""Publish the files of a drop folder: each once, with a report beside it (RULES 40).

Here: reading, judging and sending what a look found ready, and keeping what became of it. Not here: which
files those are (`domain.publish.drop`), what is kept (`ledger`), how a person is told (`words.drop`).

Killed anywhere, the next look goes on: a file is published when the ledger says so, in one transaction;
what was sent before that is sent again, and is a repeat. The report is owed until it is written.
"""

import hashlib
import io
import logging
import sqlite3
import tomllib
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from inventory_assets.clock import machine_microseconds
from inventory_assets.domain.events.kinds import Transaction
from inventory_assets.domain.publish.columns import ColumnMapping
from inventory_assets.domain.publish.drop import SETTLE_US, UNENDED_US, Candidate, look, report_of
from inventory_assets.errors import InventoryError
from inventory_assets.given_files import MAX_BYTES
from inventory_assets.given_text import decode
from inventory_assets.ingest.meaning import meaning_of, parsing_of
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.files.storage import Mark, Storage
from inventory_assets.messaging.errors import MessagingError, PublishError
from inventory_assets.messaging.messages import Publisher
from inventory_assets.publishing.asked import STOCK_TOPICS, Asked, asked_envelope, read_asked
from inventory_assets.publishing.delimited import plan_messages, read_delimited
from inventory_assets.publishing.ledger import Ledger, Taken, Verdict
from inventory_assets.publishing.lines import Lines
from inventory_assets.publishing.mapping import (
    PUBLISH,
    FileFormat,
    MappingError,
    of_opening_stock,
    to_mapping,
)
from inventory_assets.publishing.rows import Draft, Order, Plan, Tally, plan_rows
from inventory_assets.publishing.send import Progress, send
from inventory_assets.publishing.table import read_table
from inventory_assets.settings import Settings
from inventory_assets.words.drop import WRONG_ROWS, to_report
from inventory_assets.words.times import moment_of

logger = logging.getLogger(__name__)

MAX_MAPPING_BYTES = 1_000_000
# Of wrong rows in a report: whoever has more has one mistake in all of them.
MAX_PROBLEMS = 1_000
# A file that takes the process down with it (memory, a library's fault) must not do so for ever.
MAX_TRIES = 5
# None of these is a file's fault, and what holds for one file holds for the next: the next look tries again.
_NEVER = "INVALID_ARGUMENT"
_NOT_THE_FILES = (MessagingError, LakeError, OSError, sqlite3.Error)

OpenPublisher = Callable[[], AbstractContextManager[Publisher]]


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a look at the folder came to.

    Attributes:
        taken: The files that were looked at, whatever became of them.
        waiting: Names of files that are being written, as far as one can tell.
        odd: How many files have names that are no text, and are let alone.
        unreported: Why reports could not be written; "" where all are.
    """

    taken: tuple[Taken, ...] = ()
    waiting: tuple[str, ...] = ()
    odd: int = 0
    unreported: str = ""


def take_dropped(
    settings: Settings, storage: Storage, open_publisher: OpenPublisher, *, at_once: bool = False
) -> Dropped:
    """Publish the files that are ready; errors as `wiring.take_dropped_files` says.

    Args:
        settings: Of the home.
        storage: The folder.
        open_publisher: Opens what they go out through, when the first is to.
        at_once: They need not have stayed as they are for a while.
    """
    ledger = Ledger(settings.home, storage.uri)
    all_marks = storage.marks()
    marks = {name: mark for name, mark in all_marks.items() if name.isprintable()}
    before = ledger.seen()
    if not marks and not before:
        return Dropped(odd=len(all_marks))
    with ledger.turn(), ExitStack() as stack:
        words = {name: mark.word for name, mark in marks.items()}
        # Whoever had the turn before may have taken some.
        before = ledger.seen()
        found = look(words, before, machine_microseconds(), settle=0 if at_once else SETTLE_US)
        if found.seen != before:
            ledger.keep_seen(found.seen)
        taking = _Taking(settings, storage, ledger, marks, lambda: stack.enter_context(open_publisher()), at_once)
        try:
            for each in found.ready:
                taking.take(each)
        finally:
            unreported = taking.write_reports()
    return Dropped(tuple(taking.taken), (*found.waiting, *taking.waiting), len(all_marks) - len(marks), unreported)


class _Taking:
    def __init__(
        self, settings: Settings, storage: Storage, ledger: Ledger, marks: dict[str, Mark],
        open_publisher: Callable[[], Publisher], at_once: bool,
    ) -> None:  # fmt: skip
        self.taken: list[Taken] = []
        self.waiting: list[str] = []
        self._settings, self._storage, self._ledger, self._marks = settings, storage, ledger, marks
        self._open_publisher, self._at_once = open_publisher, at_once
        self._publisher: Publisher | None = None

    def take(self, each: Candidate) -> None:
        size = self._marks[each.name].size
        if size > MAX_BYTES:
            self._record(each, self._refused(each, f"it has more than {MAX_BYTES:,} bytes; give it in parts"))
            return
        try:
            content = self._storage.read(each.name)
        except PermissionError as error:
            self._record(each, self._refused(each, f"it could not be read: {error.strerror}"))
            return
        is_ended = not content or content.rstrip(b"\0").endswith((b"\n", b"\r"))
        if content is None or len(content) != size:
            self.waiting.append(each.name)  # it has changed since it was listed
        elif not is_ended and not self._at_once and each.unchanged < UNENDED_US:
            self.waiting.append(each.name)
        else:
            self._judge(each, content, hashlib.sha256(content).hexdigest())

    def _judge(self, each: Candidate, content: bytes, sha256: str) -> None:
        known = self._ledger.published_as(self._settings.project, sha256)
        if known is not None:
            name, at = known
            if name == each.name and report_of(name) in self._marks:
                self._ledger.pass_over(each.name, (each.mark, each.mapping))  # touched, or its mapping was
                return
            why = f"{name} of {moment_of(at)} had the same bytes"
            self._record(each, self._refused(each, why, sha256, Verdict.KNOWN))
            return
        if self._ledger.begin(sha256) >= MAX_TRIES:
            why = f"{MAX_TRIES} tries ended without a word, as those of a process that is killed; see its log"
            self._record(each, self._refused(each, why, sha256))
            return
        try:
            taken = self._published(each, content, sha256)
        except PublishError as error:
            if not all(reason.startswith(_NEVER) for reason in error.failures.values()):
                self._ledger.end(sha256)
                raise
            # Tried again it would be refused again, and keep the files behind it waiting for ever.
            taken = self._refused(each, f"the broker takes some of its messages at no time: {error}", sha256)
        except _NOT_THE_FILES:
            self._ledger.end(sha256)
            raise
        except InventoryError as error:
            taken = self._refused(each, str(error), sha256)
        except Exception as error:
            # A fault of ours must not keep the files behind this one waiting.
            logger.exception("a dropped file could not be published: %r", each.name)
            taken = self._refused(each, f"an error of the product's: {type(error).__name__}: {error}", sha256)
        except BaseException:
            self._ledger.end(sha256)
            raise
        self._record(each, taken)

    def _record(self, each: Candidate, taken: Taken) -> None:
        self._ledger.record(self._settings.project, taken, (each.mark, each.mapping))
        self.taken.append(taken)

    def _refused(self, each: Candidate, why: str, sha256: str = "", verdict: Verdict = Verdict.REFUSED) -> Taken:
        now, mapping = machine_microseconds(), _mapping_name(each)
        return Taken(name=each.name, verdict=verdict, at=now, sha256=sha256, mapping=mapping, why=why)

    def _published(self, each: Candidate, content: bytes, sha256: str) -> Taken:
        settings = self._settings
        mapping, written, asked = self._read_mapping(each)
        source, envelope, how = self._plan(each, content, mapping, written, asked)
        tally = Tally(most=MAX_PROBLEMS)
        is_by_line = False
        for draft in source.drafts():
            tally.count(draft)
            is_by_line = is_by_line or _is_by_line(draft)
        taken = replace(
            self._refused(each, "", sha256), topic=asked.topic, envelope=envelope, rows=tally.rows,
            bad=len(tally.bad), problems=tuple(tally.problems), size=len(content),
        )  # fmt: skip
        if tally.bad and not asked.skip_bad:
            return replace(taken, why=WRONG_ROWS)
        if is_by_line and (why := self._grown(each.name, content)):
            return replace(taken, why=why)
        progress = Progress.of(settings.home, sha256, settings.project, "drop", *how, sorted(tally.bad))
        if self._publisher is None:
            self._publisher = self._open_publisher()
        sent = send(self._publisher, source.messages(tally.bad), progress=progress)
        return replace(taken, verdict=Verdict.PUBLISHED, at=machine_microseconds(), sent=sent)

    def _grown(self, name: str, content: bytes) -> str:
        """Why rows that are known by file and line would count twice; "" where they would not."""
        for sha256, size, at in self._ledger.published_before(self._settings.project, name, len(content)):
            if hashlib.sha256(memoryview(content)[:size]).hexdigest() == sha256:
                return (
                    f"its first {size:,} bytes were published on {moment_of(at)}, and its rows have no ids of their "
                    "own, so these would count twice; give the new rows in a file of their own"
                )
        return ""

    def _plan(
        self, each: Candidate, content: bytes, mapping: ColumnMapping, written: FileFormat, asked: Asked
    ) -> tuple[Plan | Lines, str, tuple[object, ...]]:
        """(what gives its messages, in which envelope, all that decides what they are)."""
        name = each.name.rpartition("/")[2]
        kind, now, parsing = asked.kind_of(name), machine_microseconds(), parsing_of(meaning_of(self._settings))
        is_mapped = mapping != ColumnMapping({}, {}) or written != FileFormat()
        is_said = is_mapped or asked.envelope is not None or asked.time is not None
        if kind == "messages" or (kind == "json" and not is_said):
            # As `inventory publish` does: lines go out as they stand where nobody says what they are.
            lines = Lines(io.BytesIO(content), name, kind, asked.topic, {*STOCK_TOPICS}, now, parsing)
            return lines, "they stand", (asked.topic, kind)
        if kind == "state":
            mapping = of_opening_stock(mapping) or mapping
        source = io.BytesIO(content)
        is_rows = kind != "protobuf"
        table = read_table(source, name, kind, written, mapping) if is_rows else read_delimited(source, name)
        envelope, is_binary = asked_envelope(self._settings, asked.topic, asked.envelope)
        order = Order(
            topic=asked.topic, envelope=envelope, is_binary=is_binary, now=now, parsing=parsing, time=asked.time
        )
        meant = (asked.topic, kind, envelope.value, is_binary, asked.time, parsing.default_warehouse)
        plan = plan_rows(table, mapping, written, order) if is_rows else plan_messages(table, order)
        return plan, envelope.value, (*meant, str(mapping), written)

    def _read_mapping(self, each: Candidate) -> tuple[ColumnMapping, FileFormat, Asked]:
        name = _mapping_name(each)
        if not name:
            return ColumnMapping({}, {}), FileFormat(), Asked()
        try:
            content = self._read_toml(name)
            mapping, written = to_mapping(content)
            return mapping, written, read_asked(content.get(PUBLISH, {}))
        except MappingError as error:
            raise MappingError(f"{name}: {error}") from error

    def _read_toml(self, name: str) -> dict[str, Any]:
        if self._marks[name].size > MAX_MAPPING_BYTES:
            raise MappingError(f"it has more than {MAX_MAPPING_BYTES:,} bytes, which is no mapping.")
        content = self._storage.read(name)
        if content is None:
            raise MappingError("it is gone.")
        try:
            return tomllib.loads(decode(content, name))
        except tomllib.TOMLDecodeError as error:
            raise MappingError(f"it was no TOML: {error}.") from error

    def write_reports(self) -> str:
        """Write the reports that are owed; why one could not be, "" where all are."""
        why = ""
        for each in self._ledger.unreported():
            if each.name in self._marks:
                text = to_report(**{name: value for name, value in asdict(each).items() if name not in ("seq", "size")})
                try:
                    self._storage.write(report_of(each.name), text.encode())
                except (LakeError, OSError) as error:
                    why = str(error)
                    continue
            self._ledger.reported(each.name)
        return why


def _is_by_line(draft: Draft) -> bool:
    """Whether a row is known by its file and line alone: in a file that has grown it is another."""
    return type(draft.event) is Transaction and draft.event.transaction_id.startswith("file/")


def _mapping_name(each: Candidate) -> str:
    return each.mapping.rpartition(":")[0]
