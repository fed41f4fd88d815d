"""`make soak`: an hour at 1,000 events/s; what grows, and what does not.

Every five minutes a line: latency percentiles of that span, memory, files and
disk. The first and the last line are what to compare.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.latency import Product
from benchmarks.measure import print_machine


def main() -> None:
    """Run the soak."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--span", type=int, default=300, help="seconds a line")
    arguments = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(prefix="inventory-soak-") as home, Product(Path(home)) as product:
        ends_at = time.monotonic() + arguments.minutes * 60
        while time.monotonic() < ends_at:
            product.measure(arguments.rate, arguments.span)
            free = psutil.virtual_memory().available / 2**30
            print(f"         {disk_line(Path(home))}; free memory {free:.1f} GiB", flush=True)
    print_machine()


def disk_line(home: Path) -> str:
    """Bytes and files by what they are."""
    parts = {"lake data": home / "lake" / "data", "emulator": home / "emulator", "dagster": home / "dagster"}
    shown = []
    for name, path in parts.items():
        sizes = [_size(Path(root) / file) for root, _, files in os.walk(path) for file in files]
        shown.append(f"{name} {sum(sizes) / 2**20:,.0f} MiB in {len(sizes):,} files")
    catalog = _size(home / "lake" / "catalog.sqlite")
    journal = sum(_size(path) for path in (home / "lake").glob("catalog.journal.sqlite*"))
    return "; ".join([*shown, f"catalog {catalog / 2**20:,.1f} MiB", f"journal {journal / 2**20:,.1f} MiB"])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


if __name__ == "__main__":
    main()
