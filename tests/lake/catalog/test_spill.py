"""Where a DuckDB spills: no two in one folder, and nothing is left of who was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from inventory_assets.lake.catalog.connect import open_duckdb
from inventory_assets.lake.catalog.spill import spill_folder
from inventory_assets.settings import Settings

# Three at once sort what does not fit; in one folder the process ends by a signal within a second.
SORTING = """
import sys, threading
from pathlib import Path
from inventory_assets.lake.catalog.connect import open_duckdb
from inventory_assets.settings import Settings

ROWS = 400_000
settings = Settings(home=Path(sys.argv[1]), duckdb_memory_limit="32MB", duckdb_threads=1)
right = []

def sort(number):
    connection = open_duckdb(settings)
    connection.execute(f"CREATE TABLE rows AS SELECT (range * 7919) % 1000003 AS place, 'of {number}: ' || range AS text FROM range({ROWS})")
    query = f"SELECT count(*), count(*) FILTER (text LIKE 'of {number}: %') FROM (SELECT * FROM rows ORDER BY place, text LIMIT {ROWS})"
    for _ in range(3):
        right.append(connection.execute(query).fetchone() == (ROWS, ROWS))
    connection.close()

threads = [threading.Thread(target=sort, args=(number,)) for number in range(3)]
[each.start() for each in threads]
[each.join() for each in threads]
assert right == [True] * 9, right
"""  # fmt: skip


def test_instances_that_spill_at_once_keep_their_rows(tmp_path):
    """A code server has four: the engine's, the lander's, upkeep's and a reader's."""
    done = subprocess.run([sys.executable, "-c", SORTING, tmp_path], capture_output=True, text=True)

    assert (0, "") == (done.returncode, done.stderr)


def test_each_instance_has_a_folder_below_the_home_and_leaves_none(tmp_path):
    first, second = (open_duckdb(Settings(home=tmp_path)) for _ in range(2))
    places = [Path(each.sql("SELECT current_setting('temp_directory')").fetchone()[0]) for each in (first, second)]

    assert places[0] != places[1]
    assert [tmp_path / "tmp"] * 2 == [each.parent for each in places]
    for each in (first, second):
        each.close()
    assert not any(each.exists() for each in places)


def test_what_a_killed_process_spilled_is_removed_by_the_next_and_by_no_other(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from inventory_assets.lake.catalog.spill import spill_folder; "
        "folder = spill_folder(Path(sys.argv[1])); folder.mkdir(); (folder / 'spilled').touch(); "
        "print(folder, flush=True); time.sleep(600)"
    )
    dead, alive = (
        subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    try:
        folders = [Path(each.stdout.readline().strip()) for each in (dead, alive)]
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        ours = spill_folder(tmp_path)

        assert [False, True] == [each.exists() for each in folders]
        assert ours.parent == folders[0].parent
        assert 2 == len([*ours.parent.glob("*.lock")])
    finally:
        for each in (dead, alive):
            each.kill()
            each.wait()


@pytest.mark.parametrize(("age", "is_left"), [(3_600, True), (100_000, False)])
def test_what_an_older_release_spilled_goes_after_a_day(tmp_path, age, is_left):
    """It may run beside this one, and knows no folders."""
    left = tmp_path / "tmp" / "duckdb_temp_storage_S32K-0.tmp"
    left.parent.mkdir()
    left.touch()
    now = left.stat().st_mtime
    os.utime(left, (now - age, now - age))

    spill_folder(tmp_path)

    assert is_left == left.exists()
