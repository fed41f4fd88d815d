"""A process that has a journal open: it lands, for all that others see, or it commits without a pause.

Belongs here: what `test_journal` needs a process of its own for.
"""

import signal
import sys
from pathlib import Path

from inventory_assets.lake.journal.contract import JournaledVersion
from inventory_assets.lake.journal.postgres import PostgresJournal
from inventory_assets.lake.journal.sql import Journal
from inventory_assets.lake.journal.sqlite import SqliteJournal

if __name__ == "__main__":
    where, stage, *times = sys.argv[1:]
    journal: Journal = PostgresJournal(where) if where.startswith("postgres:") else SqliteJournal(Path(where))
    if stage == "land":
        journal.mark_lander()
        print("landing", flush=True)
        signal.pause()
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(times[0])):
        with journal.exclusive():
            known = journal.head()
            entry = JournaledVersion(known.version + 1, stage, 0, 1, b"rows")
            journal.commit(known.epoch, known.version, entry, {})
    journal.close()
