"""What the status line of `make run` says of memory."""

import psutil

from inventory_assets.commands.run.processes import Processes


def test_our_own_memory_counts_and_what_is_shared_by_its_share(tmp_path):
    found = Processes(tmp_path / "run.json").memory_bytes()

    assert ["run"] == list(found)
    assert 0 < found["run"] <= psutil.Process().memory_info().rss * 1.1
