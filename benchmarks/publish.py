"""A CSV file of 100,000 lines: looked at, made messages in each envelope, and published through our emulator."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from inventory_assets.clock import machine_microseconds
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.publish.encode import Envelope
from inventory_assets.ingest.meaning import meaning_of, parsing_of
from inventory_assets.publishing.mapping import FileFormat
from inventory_assets.publishing.rows import Order, plan_rows
from inventory_assets.publishing.table import read_table
from inventory_assets.settings import Settings
from tests.messaging.brokers import EmulatorProcess

LINES = 100_000
# How it goes out: (envelope, topic, in binary).
WAYS = (
    (Envelope.DOCUMENT, Topic.ADJUSTMENTS, False),
    (Envelope.ADJUSTMENT, Topic.ADJUSTMENTS, False),
    (Envelope.CLOUDEVENTS, Topic.SERVICES, False),
    (Envelope.SERVICE, Topic.SERVICES, False),
    (Envelope.PROTOBUF, Topic.ADJUSTMENTS, False),
    (Envelope.PROTOBUF, Topic.ADJUSTMENTS, True),
)


def run(*, lines: int = LINES) -> None:
    """Print seconds of the preview, and rows a second by envelope and through the emulator.

    Args:
        lines: Of the file.
    """
    print(f"\npublish: a CSV file of {lines:,} lines")
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as place:
        path = Path(place) / "adjustments.csv"
        path.write_text("".join(_file(lines)))
        _measure_command("preview, with the command's start (goal 3 s)", path, lines, place, "--dry-run")
        content = path.read_bytes()
        for envelope, topic, is_binary in WAYS:
            began = time.perf_counter()
            count = _encode(content, envelope, topic, is_binary=is_binary)
            name = f"{envelope}{', binary' if is_binary else ''}"
            print(f"  mapped and encoded as {name}, rows/s (goal 10,000): {count / (time.perf_counter() - began):,.0f}")
        emulator = EmulatorProcess(Path(place) / "emulator")
        try:
            host = {"PUBSUB_EMULATOR_HOST": emulator.host}
            _measure_command("through our emulator (goal 5,000 rows/s)", path, lines, place, **host)
        finally:
            emulator.stop()


def _file(lines: int) -> Iterator[str]:
    yield "item_id,warehouse_id,adjustment,timestamp,reason\n"
    for number in range(lines):
        day, minute = number // 1440 % 28 + 1, number % 1440
        at = f"2025-03-{day:02d}T{minute // 60:02d}:{minute % 60:02d}:00Z"
        yield f"ITEM-{number % 10_000:05d},WH-{number % 20},{number % 40 - 20 or 20},{at},counted\n"


def _encode(content: bytes, envelope: Envelope, topic: Topic, *, is_binary: bool) -> int:
    table = read_table(BytesIO(content), "adjustments.csv", "csv", FileFormat())
    order = Order(
        topic=topic, envelope=envelope, is_binary=is_binary, now=machine_microseconds(),
        parsing=parsing_of(meaning_of(Settings())),
    )  # fmt: skip
    count = 0
    for draft in plan_rows(table, None, FileFormat(), order).drafts():
        assert draft.message is not None, draft.problem
        count += 1
    return count


def _measure_command(what: str, path: Path, lines: int, home: str, *more: str, **environment: str) -> None:
    command = [sys.executable, "-m", "inventory_assets.cli", "publish", str(path), "--topic", Topic.ADJUSTMENTS]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [*command, "--format-in", "csv", *more], check=True, capture_output=True,
        env={**os.environ, "INVENTORY_HOME": home, "PUBSUB_EMULATOR_HOST": "127.0.0.1:1", **environment},
    )  # fmt: skip
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(f"  {what}: {seconds:.2f} s, {lines / seconds:,.0f} rows/s, CPU {cpu:.2f} s")
