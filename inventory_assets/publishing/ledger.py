"""What a drop folder's files came to, across restarts: a small database of the home.

Here: rows of it, and whose turn it is. Not here: what is decided by them (`domain.publish.drop`, `drop`).
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from inventory_assets.domain.publish.drop import Seen
from inventory_assets.errors import InventoryError

# Kept for who asks how it was; what keeps a file from being sent twice stays for good.
KEPT_ROWS = 10_000
# Of one name: a file that grows was the last of it, one that is written anew each day had another content.
MOST_COMPARED = 5
_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (
    place TEXT, name TEXT, mark TEXT, since INTEGER, judged_mark TEXT, judged_mapping TEXT, PRIMARY KEY (place, name));
CREATE TABLE IF NOT EXISTS taken (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT, name TEXT, is_reported INTEGER, body TEXT);
CREATE TABLE IF NOT EXISTS published (project TEXT, sha256 TEXT, name TEXT, at INTEGER, size INTEGER,
    PRIMARY KEY (project, sha256));
CREATE TABLE IF NOT EXISTS tries (sha256 TEXT PRIMARY KEY, count INTEGER);
"""


class DropBusyError(InventoryError):
    """Another process of the home takes files right now."""


class Verdict(StrEnum):
    """What became of a file."""

    PUBLISHED = "published"
    REFUSED = "refused"
    KNOWN = "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A file that was looked at.

    Attributes:
        name: Below the folder.
        verdict: What became of it.
        at: When, in microseconds.
        sha256: Of its bytes; "" where they were not read.
        mapping: The mapping's name; "" for none.
        topic, envelope: Where its rows went, and how; "" where it did not come to that.
        rows, sent, bad: Counts of its rows.
        size: Its bytes.
        problems: Bad rows by line, the first ones.
        why: Why it was refused as a whole, or whose bytes it has.
        seq: In the order in which they were looked at.
    """

    name: str
    verdict: Verdict
    at: int
    sha256: str = ""
    mapping: str = ""
    topic: str = ""
    envelope: str = ""
    rows: int = 0
    sent: int = 0
    bad: int = 0
    size: int = 0
    problems: tuple[str, ...] = ()
    why: str = ""
    seq: int = 0


class Ledger:
    """The database, for as long as one look takes.

    Args:
        home: INVENTORY_HOME.
        place: The folder, or `gs://bucket/prefix`.
    """

    def __init__(self, home: Path, place: str) -> None:
        self._folder = home / "publish"
        self._place = place

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only one of the home who takes files; the kernel ends it with the process.

        Raises:
            DropBusyError: Another one does.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder / "drop.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DropBusyError("another process of this home takes the folder's files; it goes on there") from None
            yield
        finally:
            os.close(lock)

    def seen(self) -> dict[str, Seen]:
        """What the last look left."""
        rows = self._rows(
            "SELECT name, mark, since, judged_mark, judged_mapping FROM seen WHERE place = ?", self._place
        )
        return {name: Seen(mark, since, (judged, mapping)) for name, mark, since, judged, mapping in rows}

    def keep_seen(self, seen: Mapping[str, Seen]) -> None:
        """Keep what the next look has to know."""
        with self._writing() as connection:
            connection.execute("DELETE FROM seen WHERE place = ?", (self._place,))
            connection.executemany(
                "INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?)",
                [(self._place, name, each.mark, each.since, *each.judged) for name, each in seen.items()],
            )

    def published_as(self, project: str, sha256: str) -> tuple[str, int] | None:
        """(name, when) of the file that was published with these bytes; None where there was none."""
        rows = self._rows("SELECT name, at FROM published WHERE project = ? AND sha256 = ?", project, sha256)
        return rows[0] if rows else None

    def published_before(self, project: str, name: str, size: int) -> list[tuple[str, int, int]]:
        """(sha256, size, when) of the last files of a name that were published and shorter, the newest first."""
        return self._rows(
            "SELECT sha256, size, at FROM published WHERE project = ? AND name = ? AND size < ? "
            "ORDER BY at DESC LIMIT ?",
            project, name, size, MOST_COMPARED,
        )  # fmt: skip

    def begin(self, sha256: str) -> int:
        """Note that a file is begun; how many tries before have ended without a word."""
        with self._writing() as connection:
            row = connection.execute("SELECT count FROM tries WHERE sha256 = ?", (sha256,)).fetchone()
            before = row[0] if row else 0
            connection.execute("INSERT OR REPLACE INTO tries VALUES (?, ?)", (sha256, before + 1))
        return before

    def end(self, sha256: str) -> None:
        """Note that a try has ended, however."""
        with self._writing() as connection:
            connection.execute("DELETE FROM tries WHERE sha256 = ?", (sha256,))

    def record(self, project: str, taken: Taken, judged: tuple[str, str]) -> None:
        """Keep what became of a file, in one transaction: a crash leaves it taken, or not."""
        body = {name: getattr(taken, name) for name in _FIELDS}
        with self._writing() as connection:
            if taken.verdict is Verdict.PUBLISHED:
                connection.execute(
                    "INSERT OR IGNORE INTO published VALUES (?, ?, ?, ?, ?)",
                    (project, taken.sha256, taken.name, taken.at, taken.size),
                )
            connection.execute(
                "INSERT INTO taken (place, name, is_reported, body) VALUES (?, ?, 0, ?)",
                (self._place, taken.name, json.dumps(body)),
            )
            self._judge(connection, taken.name, judged)
            connection.execute("DELETE FROM tries WHERE sha256 = ?", (taken.sha256,))
            connection.execute("DELETE FROM taken WHERE seq <= (SELECT max(seq) FROM taken) - ?", (KEPT_ROWS,))

    def pass_over(self, name: str, judged: tuple[str, str]) -> None:
        """Note that a file was looked at and has nothing new to say."""
        with self._writing() as connection:
            self._judge(connection, name, judged)

    def _judge(self, connection: sqlite3.Connection, name: str, judged: tuple[str, str]) -> None:
        connection.execute(
            "UPDATE seen SET judged_mark = ?, judged_mapping = ? WHERE place = ? AND name = ?",
            (*judged, self._place, name),
        )

    def unreported(self) -> list[Taken]:
        """The newest of each file whose report is not written yet."""
        return self._taken(
            "seq IN (SELECT max(seq) FROM taken WHERE place = ? GROUP BY name) AND is_reported = 0 LIMIT 100",
            self._place,
        )

    def reported(self, name: str) -> None:
        """Note that a file's report is written, or wanted by nobody."""
        with self._writing() as connection:
            connection.execute("UPDATE taken SET is_reported = 1 WHERE place = ? AND name = ?", (self._place, name))

    def after(self, seq: int, most: int) -> list[Taken]:
        """The files that were looked at after one, the first ones."""
        return self._taken("place = ? AND seq > ? ORDER BY seq LIMIT ?", self._place, seq, most)

    def newest_seq(self) -> int:
        """The number of the file that was looked at last; 0 where none was."""
        rows = self._rows("SELECT coalesce(max(seq), 0) FROM taken")
        return int(rows[0][0]) if rows else 0

    def _taken(self, where: str, *values: object) -> list[Taken]:
        rows = self._rows(f"SELECT seq, body FROM taken WHERE {where}", *values)
        return [_read(seq, json.loads(body)) for seq, body in rows]

    def _rows(self, statement: str, *values: object) -> list[tuple]:
        if not self._path.exists():
            return []
        with closing(self._open()) as connection:
            return connection.execute(statement, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with closing(self._open()) as connection, connection:
            yield connection

    def _open(self) -> sqlite3.Connection:
        self._folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=30)
        connection.executescript(_SCHEMA)
        return connection

    @property
    def _path(self) -> Path:
        return self._folder / "drop.sqlite"


_FIELDS = tuple(name for name in Taken.__dataclass_fields__ if name != "seq")


def _read(seq: int, body: dict) -> Taken:
    return Taken(**{**body, "verdict": Verdict(body["verdict"]), "problems": tuple(body["problems"])}, seq=seq)
