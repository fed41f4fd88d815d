"""Serve the console over a retailer's lake, and have `walks.py` use it in Debian's Chromium: `make browser`.

Playwright is in an environment of its own, which has nothing of the product. Here: the lake, the console, and what a
burst loop does meanwhile. `python -m tests.browser --screens DIR` keeps a picture of each page, and `-k`, `-x` and
all else that pytest knows is handed on.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from inventory_assets.console.access import access_of
from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.console.conftest import start, take_in
from tests.demo.retail import open_demo, small
from tests.messaging.memory import InMemoryBroker

ROOT = Path(__file__).parents[2]
PYTEST = ROOT / ".venv-browser" / "bin" / "pytest"
WALKS = Path(__file__).with_name("walks.py")
# Weeks enough for a plan, shelves enough for several pages of it.
RETAILER = small(skus=150, warehouses=3, messages_per_day=300.0, history_days=45)


def main(screens: str | None, more: Sequence[str]) -> int:
    """Serve and walk; pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix="inventory-browser-") as folder:
        settings = Settings(home=Path(folder) / "home", partitions_start_date=RETAILER.start_at.date())
        print("browser: a retailer's past", flush=True)
        settings.home.mkdir(0o700)
        open_demo(settings, RETAILER, speed=1)
        broker = InMemoryBroker()
        engine = Engine(settings)
        server, port, thread = start(settings, access_of("127.0.0.1", None), broker)
        try:
            return _walk(f"http://127.0.0.1:{port}", screens, more, engine, broker)
        finally:
            server.should_exit = True
            thread.join(60)
            engine.close()


def _walk(address: str, screens: str | None, more: Sequence[str], engine: Engine, broker: InMemoryBroker) -> int:
    environment = {**os.environ, "CONSOLE": address, "SCREENS": screens or ""}
    # Not the suite's own settings and fixtures: they need the product.
    command = [
        PYTEST,
        "-c",
        os.devnull,
        "--rootdir",
        ROOT,
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "-ra",
        WALKS,
        *more,
    ]
    walking = subprocess.Popen([str(each) for each in command], cwd=ROOT, env=environment)
    while walking.poll() is None:
        take_in(engine, broker)
        engine.lake.land()
        try:
            walking.wait(0.2)
        except subprocess.TimeoutExpired:
            pass
    return walking.returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.browser")
    parser.add_argument("--screens", metavar="DIR")
    given, rest = parser.parse_known_args()
    sys.exit(main(given.screens, rest))
