"""A file that is held is a living process's; what nobody holds is handed over to be buried."""

import os

from inventory_assets.lake.holds import hold, living


def test_who_holds_lives_and_who_let_go_is_buried(tmp_path):
    held, dead = tmp_path / "held", tmp_path / "dead"
    descriptor = hold(held)
    os.close(hold(dead))
    buried = []

    made = living([held, dead, tmp_path / "gone"], buried.append)

    assert [held.stat().st_mtime] == made
    assert [dead] == buried
    os.close(descriptor)
    assert [] == living([held], buried.append)
