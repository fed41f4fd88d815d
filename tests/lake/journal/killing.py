"""Kill a process at each step of a commit, a landing and a barrier, and let the next one go on: on one lake.

Run as a program it keeps to itself: it loads everything and opens nothing, then
forks a process for each kill, so that a kill costs a start of the engine and
not one of Python. `python -m tests.lake.journal.killing HOME --seeds 4` is part of `make soak`.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inventory_assets.ingest import rebuild
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.ingest.verify import verify_lake
from inventory_assets.lake import landing
from inventory_assets.lake.journal import sql
from inventory_assets.lake.journal.postgres import PostgresJournal
from inventory_assets.lake.journal.sql import HEAD, VERSIONS, Journal
from inventory_assets.lake.journal.sqlite import SqliteJournal
from inventory_assets.messaging.messages import OutgoingMessage, ReceivedMessage
from inventory_assets.settings import Settings
from tests.builders import published, simulated
from tests.facts import STOCK, doubled_events, ledger, rows
from tests.lake.catalog.postgres import PostgresServer, find_binaries
from tests.messaging.memory import InMemoryBroker

SHOP = {"skus": 20, "warehouses": 2, "disorder_rate": 0.1, "malformed_rate": 0.02, "duplicate_rate": 0.02}
BURST = 50
# What of the messages each process may see: something is left for the next.
PER_KILL = 150


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _after(owner: Any, name: str, number: int, when: Callable[..., bool] = lambda *arguments: True) -> None:
    """Die after the `number`-th call that matters."""
    real, left = getattr(owner, name), [number]

    def call(*arguments: Any, **options: Any) -> Any:
        found = real(*arguments, **options)
        if when(*arguments):
            left[0] -= 1
            if left[0] == 0:
                _die()
        return found

    setattr(owner, name, call)


def _says(words: str) -> Callable[..., bool]:
    return lambda journal, sql, *rest: words in sql


def _journal(settings: Settings) -> type[Journal]:
    return SqliteJournal if settings.is_embedded else PostgresJournal


# In the order in which they come: what is done to die there, after so many times that it went well. Landings gather
# what there is, so that a quick machine makes one of all: they count but once.
POINTS: dict[str, Callable[[Settings, int], None]] = {
    "head": lambda s, n: _after(_journal(s), "_execute", n, _says(f"UPDATE {HEAD} SET version")),
    "insert": lambda s, n: _after(_journal(s), "_execute", n, _says(f"INSERT INTO {VERSIONS}")),
    "committed": lambda s, n: _after(Journal, "commit", n),
    "ack": lambda s, n: _after(FileBroker, "acknowledge", n),
    "landing begun": lambda s, n: _after(landing, "advance", 1),
    "landing written": lambda s, n: _after(landing, "append_rows", n),
    "landing committed": lambda s, n: _after(landing, "commit", 1),
    "synced": lambda s, n: _after(landing, "sync_new_files", 1),
    "landed": lambda s, n: _after(Journal, "note_landed", 1),
    "forgetting": lambda s, n: _after(_journal(s), "_execute", 1, _says(f"DELETE FROM {VERSIONS}")),
}
BARRIER_POINTS: dict[str, Callable[[Settings, int], None]] = {
    "barrier": lambda s, n: _after(Journal, "begin_barrier", 1),
    "swap": lambda s, n: _after(rebuild, "_swap", 1),
    "clearing": lambda s, n: _after(Journal, "end_barrier", 1),
    "cleared": lambda s, n: _after(landing, "commit", 1, lambda connection, message, *_: "rebuild" in message),
}


class FileBroker:
    """A broker whose acknowledgements outlive the process: a line each in a file."""

    def __init__(self, messages: Sequence[OutgoingMessage], place: Path) -> None:
        self._broker = InMemoryBroker(ack_deadline_seconds=3600)
        self._file = place.open("a+")
        self._file.seek(0)
        gone = set(self._file.read().split())
        ids = self._broker.publish(messages)
        waiting = self._broker.next_burst(max_messages=len(ids) + 1, max_bytes=1 << 30, wait_seconds=0)
        self._waiting = [each for each in waiting if each.message_id not in gone]
        self.resting = False

    def next_burst(self, *, max_messages: int, max_bytes: int, wait_seconds: float) -> list[ReceivedMessage]:
        """The next messages in order."""
        found, self._waiting = self._waiting[:BURST], self._waiting[BURST:]
        return found

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        """Write them down."""
        self._file.write("".join(f"{message.message_id}\n" for message in messages))
        self._file.flush()

    def release(self, messages: Sequence[ReceivedMessage]) -> None:
        """Give them back."""
        self._waiting = [*messages, *self._waiting]

    def has_more(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    def publish(self, messages: Sequence[OutgoingMessage]) -> list[str]:
        """What leaves goes nowhere."""
        return [str(number) for number, _ in enumerate(messages)]


def _live(settings: Settings, messages: Sequence[OutgoingMessage], *, is_rebuilding: bool) -> None:
    broker = FileBroker(messages, settings.home.parent / "acknowledged")
    engine = Engine(settings)
    Ingest(engine, broker, broker).run(max_seconds=120, wait_seconds=0, until_empty=True)
    if is_rebuilding:
        rebuild_lake(engine, Replay(meaning=engine.meaning))
    engine.close()


def _in_a_fork(job: Callable[[], None]) -> int:
    process = os.fork()
    if process == 0:
        code = 1
        try:
            job()
            code = 0
        except BaseException as error:
            print(f"  {type(error).__name__}: {error}", flush=True)
        os._exit(code)
    return os.waitpid(process, 0)[1]


def kill_everywhere(settings: Settings, seed: int) -> list[str]:
    """Kill at every point in turn, let the last process finish, and say what is not as it should be."""
    points = [*POINTS.items(), *BARRIER_POINTS.items()]
    simulation, sent = simulated(PER_KILL * (len(points) + 1), seed=seed, **SHOP)
    messages = published(sent)
    settings.home.mkdir(0o700, parents=True, exist_ok=True)
    wrong = []

    # Something to forget, so early.
    sql.KEPT_VERSIONS, sql.KEPT_SECONDS = 2, 0

    def die_at(install: Callable[[Settings, int], None], part: int, is_rebuilding: bool) -> None:
        install(settings, 1 + seed % 3)
        _live(settings, messages[:part], is_rebuilding=is_rebuilding)

    for number, (name, install) in enumerate(points):
        part = len(messages) * (number + 1) // (len(points) + 1)
        status = _in_a_fork(lambda: die_at(install, part, name in BARRIER_POINTS))  # noqa: B023
        if not os.WIFSIGNALED(status):
            wrong.append(f"{name}: it was not killed there (status {status})")
    if _in_a_fork(lambda: _live(settings, messages, is_rebuilding=False)):
        wrong.append("the last process failed")
    return wrong + _differences(settings, simulation, len(messages))


def _note(place: Path, wrong: list[str]) -> None:
    place.write_text(json.dumps(wrong))


def _differences(settings: Settings, simulation: Any, count: int) -> list[str]:
    wrong = [str(difference) for difference in verify_lake(settings, Engine(settings).meaning).differences]
    engine = Engine(settings)
    if (found := rows(engine.lake, "SELECT count(DISTINCT message_id) FROM raw.messages")) != [(count,)]:
        wrong.append(f"messages: {found} of {count}")
    if doubled := doubled_events(engine.lake):
        wrong.append(f"doubled: {doubled[:3]}")
    if rows(engine.lake, STOCK) != ledger(simulation):
        wrong.append("the stock is not the ledger's")
    versions = rows(engine.lake, "SELECT count(*), max(version) FROM meta.versions")
    if versions[0][0] != versions[0][1]:
        wrong.append(f"versions: {versions}")
    engine.close()
    return wrong


def main() -> None:
    """Kill, for each seed; exit 1 where anything is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", nargs="?", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--catalog", default="", help="of the one seed")
    parser.add_argument("--postgres", action="store_true", help="on a server of its own, started here")
    arguments = parser.parse_args()
    failed = False
    binaries = find_binaries() if arguments.postgres else None
    server = None if binaries is None else PostgresServer(binaries)
    for seed in range(1, arguments.seeds + 1):
        with tempfile.TemporaryDirectory(prefix="inventory-kills-") as place:
            home = (arguments.home or Path(place)) / f"seed-{seed}" / "home"
            catalog = arguments.catalog if server is None else server.new_catalog()
            settings = Settings(home=home, catalog=catalog, landing_seconds=0.05)
            said = Path(place) / "wrong.json"
            # In a process of its own: what looks at the lake has threads, and whoever is forked beside them may hang.
            _in_a_fork(lambda: _note(said, kill_everywhere(settings, seed)))  # noqa: B023
            wrong = json.loads(said.read_text()) if said.exists() else ["it ended with an error"]
        print(f"seed {seed}: {'; '.join(wrong) or 'nothing lost, nothing doubled'}", flush=True)
        failed = failed or bool(wrong)
    if server is not None:
        server.close()
    sys.exit(failed)


if __name__ == "__main__":
    main()
