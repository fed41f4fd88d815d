"""What a command costs before it answers: CPU of whole processes, against the imports nobody can do without."""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Traffic, median, open_stock
from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings

RUNS = 10
# Command, baseline, how many times its CPU at most.
PAIRS = (
    (("-m", "inventory_assets.cli", "--help"), ("-c", "import click, rich"), 2.5),
    (("-m", "inventory_assets.cli", "alerts"), ("-c", "import duckdb, polars, click"), 2.0),
)


def cpu_seconds(arguments: tuple[str, ...], home: Path) -> float:
    """User and system time of one Python process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, env={**os.environ, "INVENTORY_HOME": str(home)}
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def run() -> None:
    """Print each command's median beside its baseline's, the two run in turn."""
    print(f"\nstartup: CPU of whole processes, median of {RUNS} in turn, after one of each")
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as place:
        home = Path(place)
        engine = Engine(Settings(home=home))
        traffic = Traffic(skus=20, warehouses=2)
        open_stock(engine, traffic)
        engine.commit_burst(traffic.burst(2_000))
        engine.close()
        for command, baseline, most in PAIRS:
            taken: dict[tuple[str, ...], list[float]] = {command: [], baseline: []}
            for _ in range(RUNS + 1):
                for each, seconds in taken.items():
                    seconds.append(cpu_seconds(each, home))
            ours, theirs = (median(seconds[1:]) for seconds in taken.values())
            name = f"inventory {command[-1]}"
            print(f"  {name:18} {ours:.3f} s, {ours / theirs:.2f} x of {theirs:.3f} s ({baseline[-1]}); at most {most}")
