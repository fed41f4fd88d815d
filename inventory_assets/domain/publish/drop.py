"""Which files of a drop folder are to be looked at now: those that are whole, and new or replaced.

Here: names and marks. Not here: reading a folder, or what its files hold (`publishing.drop`).
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

REPORT = ".report.txt"
MAPPING = ".toml"
FOLDER_MAPPING = "drop.toml"
# Who copies a file writes all the time, with gaps of seconds.
SETTLE_US = 10_000_000
# A file that ends in the middle of a line is most likely half a one, of somebody whose line is slow.
UNENDED_US = 120_000_000
# What a file system takes of one name.
_MOST_NAME_BYTES = 255
_TELLS_APART = 12
# Under these names files are written before they get their own: of rsync, sftp, browsers, editors.
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".swp", ".lock", ".unfinished", "~")


class Seen(NamedTuple):
    """A file as a look found it, and what came of it.

    Attributes:
        mark: What changes whenever the content does.
        since: When it was first seen so, in microseconds.
        judged: (mark, mapping) that it was judged by; "" and "" where it was not.
    """

    mark: str
    since: int
    judged: tuple[str, str] = ("", "")


class Candidate(NamedTuple):
    """A file that may be taken: it was seen so for so long, in microseconds, and which mapping says how."""

    name: str
    mark: str
    mapping: str
    unchanged: int


class Look(NamedTuple):
    """What a look at a folder comes to.

    Attributes:
        ready: To be taken, by name.
        waiting: Names of files that change still, or did a moment ago.
        seen: What the next look has to know.
    """

    ready: list[Candidate]
    waiting: list[str]
    seen: dict[str, Seen]


def is_file_of_rows(name: str) -> bool:
    """Whether a name is one of a file to be taken: none hidden, none half written, no mapping, no report of ours."""
    parts = name.split("/")
    is_ours = name.endswith((REPORT, MAPPING))
    return not is_ours and not any(part.startswith(".") for part in parts) and not name.lower().endswith(_UNFINISHED)


def report_of(name: str) -> str:
    """The name of a file's report: its own with an ending; of one too long its beginning, and a hash of all of it."""
    folder, slash, own = name.rpartition("/")
    if len(own.encode()) + len(REPORT) > _MOST_NAME_BYTES:
        room = _MOST_NAME_BYTES - len(REPORT) - _TELLS_APART - 1
        beginning = own.encode()[:room].decode(errors="ignore")
        own = f"{beginning}-{hashlib.sha256(own.encode()).hexdigest()[:_TELLS_APART]}"
    return f"{folder}{slash}{own}{REPORT}"


def mapping_of(name: str, names: Mapping[str, str]) -> str:
    """The mapping that holds for a file: its own beside it, else its folder's, else one further up; "" for none."""
    folder = name.rpartition("/")[0]
    places = [f"{name}{MAPPING}"]
    while folder:
        places.append(f"{folder}/{FOLDER_MAPPING}")
        folder = folder.rpartition("/")[0]
    places.append(FOLDER_MAPPING)
    return next((place for place in places if place in names), "")


def look(found: Mapping[str, str], seen: Mapping[str, Seen], now: int, *, settle: int = SETTLE_US) -> Look:
    """Decide which files are to be taken.

    A file that was judged is judged again where it, or the mapping that holds for it, has changed since.

    Args:
        found: Every file below the folder, and its mark.
        seen: What the last look left.
        now: Microseconds.
        settle: How long a file has to stay as it is; 0 takes it as it stands.
    """
    ready, waiting, kept = [], [], {}
    for name in sorted(filter(is_file_of_rows, found)):
        mark, mapping = found[name], mapping_of(name, found)
        before = seen.get(name)
        if before is None or before.mark != mark:
            before = Seen(mark, now, before.judged if before else ("", ""))
        kept[name] = before
        wanted = (mark, f"{mapping}:{found[mapping]}" if mapping else "")
        if before.judged == wanted:
            continue
        # A clock that was set back makes nobody wait for the years between.
        unchanged = now - before.since if now >= before.since else settle
        if unchanged < settle:
            waiting.append(name)
        else:
            ready.append(Candidate(name, *wanted, unchanged))
    return Look(ready, waiting, kept)
