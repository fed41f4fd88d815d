"""A build that is killed, and two at once, leave whole partitions or none."""

import os
import signal
import subprocess
import sys
from datetime import date, timedelta

import pytest

from inventory_assets.lake.files.partition_files import DAILY_STOCK, PartitionFiles
from inventory_assets.snapshots.build import build_partitions
from tests.builders import cut, level, message, transaction
from tests.domain.histories import LATER
from tests.messaging.brokers import REPOSITORY, eventually

FIRST, DAYS = date(2022, 4, 20), 30
LAST = FIRST + timedelta(days=DAYS - 1)
KEYS = 400


@pytest.fixture
def shop(engine):
    documents = [level(50, "2022-04-20T00:00:00Z", sku=f"S{number}") for number in range(KEYS)]
    documents += [
        transaction(f"T{number}", at=f"2022-05-{1 + number % 19:02}T08:00:00Z", sku=f"S{number}")
        for number in range(KEYS)
    ]
    for burst in cut(documents, 500):
        engine.commit_burst([message(each, published_at=LATER) for each in burst])
    return engine


def start_build(home):
    command = ("snapshots", "build", "--from", str(FIRST), "--to", str(LAST), "--table", "daily_stock")
    return subprocess.Popen(
        [sys.executable, "-m", "inventory_assets.cli", *command], cwd=REPOSITORY, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, env={**os.environ, "INVENTORY_HOME": str(home)},
    )  # fmt: skip


def anew(shop, home):
    """What a build that nobody disturbs makes."""
    files = PartitionFiles(str(home / "anew"), DAILY_STOCK)
    list(build_partitions(shop.lake, files, FIRST, LAST, today=LAST + timedelta(days=1)))
    return {day: files.content(day) for day in files.manifests()}


@pytest.mark.parametrize("after", [7, *(pytest.param(days, marks=pytest.mark.big) for days in (1, 20))])
def test_a_killed_build_leaves_whole_days_and_the_next_makes_the_rest(shop, home, after):
    files = PartitionFiles(str(home / "snapshots"), DAILY_STOCK)
    process = start_build(home)
    eventually(lambda: len(files.manifests()) >= after or process.poll() is not None, seconds=60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()

    left = files.manifests()
    expected = anew(shop, home)
    assert {day: expected[day] for day in left} == {day: files.content(day) for day in left}
    again = start_build(home)
    assert 0 == again.wait(timeout=120), again.stderr.read()
    again.stderr.close()
    assert expected == {day: files.content(day) for day in files.manifests()}


@pytest.mark.big
def test_two_builds_at_once_leave_the_files_of_one(shop, home):
    processes = [start_build(home) for _ in range(2)]
    for process in processes:
        assert 0 == process.wait(timeout=120), process.stderr.read()
        process.stderr.close()

    files = PartitionFiles(str(home / "snapshots"), DAILY_STOCK)
    assert anew(shop, home) == {day: files.content(day) for day in files.manifests()}
