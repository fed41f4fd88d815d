"""How a connection of ours is set up, wherever it is opened."""

import subprocess
import sys

WITHOUT_SCRIPT = """
import sys
from pathlib import Path
from inventory_assets.lake.catalog.connect import open_duckdb
from inventory_assets.settings import Settings
connection = open_duckdb(Settings(home=Path(sys.argv[1])))
print(connection.execute("SELECT current_setting('enable_progress_bar')").fetchall())
"""


def test_no_progress_is_drawn_between_lines_of_output(home):
    """DuckDB would, in a process that has no script: a code server, a worker of these tests."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_SCRIPT, str(home)], capture_output=True, text=True, check=True)

    assert done.stdout == "[(False,)]\n"
