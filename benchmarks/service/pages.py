"""The console's pages under load: 200,000 keys, 20,000 open alerts, a hundred at once.

Needs Debian's `hey`. Each page is asked one at a time first, as its own seconds, then by a hundred at once.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from benchmarks.measure import Traffic, open_stock
from benchmarks.service.load import HOST, _cpu_seconds, _free_port, _rss, _wait_for
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.settings import Settings
from tests.builders import messages, rule

AT_ONCE = 100
# Every key of a warehouse is below this.
ENOUGH = 1_000_000


def run(*, skus: int = 10_000, warehouses: int = 20, low: int = 2, requests: int = 1_000) -> None:
    """Print p50 and p95 of each page, alone and a hundred at once, and the server's CPU time for one.

    Args:
        skus, warehouses: How many keys.
        low: In so many warehouses every shelf has an alert.
        requests: Of each run.
    """
    if shutil.which("hey") is None:
        print("\npages: left out, there is no hey here (Debian: apt-get install hey)")
        return
    print(f"\npages: {skus * warehouses:,} keys, {skus * low:,} open alerts, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as home:
        paths = _fill(Path(home), skus, warehouses, low)
        measure(Path(home), paths, requests)


def measure(home: Path, paths: dict[str, str], requests: int) -> None:
    """Print the figures of some pages of a home.

    Args:
        home: Whose lake is served.
        paths: By what they are called.
        requests: Of each run.
    """
    with _serving(home) as (server, port):
        for name, path in paths.items():
            _wait_for_page(port, path)
            before = _cpu_seconds(server.pid)
            alone = _hey(port, path, requests // 10, 1)
            between = _cpu_seconds(server.pid)
            many = _hey(port, path, requests, AT_ONCE)
            after = _cpu_seconds(server.pid)
            print(
                f"  {name}: alone {alone}, CPU {1000 * (between - before) / (requests // 10):.1f} ms; "
                f"{AT_ONCE} at once (goal p95 1,000) {many}, CPU {1000 * (after - between) / requests:.1f} ms"
            )
        print(f"  memory, MiB: {_rss(server.pid):,}")


def _fill(home: Path, skus: int, warehouses: int, low: int) -> dict[str, str]:
    engine = Engine(Settings(home=home))
    open_stock(engine, Traffic(skus=skus, warehouses=warehouses))
    for number in range(low):
        engine.commit_burst(messages(rule(ENOUGH, ENOUGH, warehouse_id=f"WH-{number}")))
    engine.land()
    engine.upkeep.maintenance.run_all()
    engine.close()
    return paths_of(home)


def paths_of(home: Path) -> dict[str, str]:
    """Pages of a home: the alerts, one of them, its SKU, its warehouse, a search."""
    reader = LakeReader(Settings(home=home))
    [alert] = reader.rows(
        "SELECT alert_id, sku, warehouse_id FROM out.alerts WHERE state = 'firing' ORDER BY alert_id LIMIT 1"
    )
    reader.connection.close()
    return {
        "alerts": "/", "an alert": f"/alerts/{quote(alert['alert_id'], safe='')}",
        "stock of a SKU": f"/stock?sku={quote(alert['sku'])}",
        "stock of a warehouse": f"/stock?warehouse={quote(alert['warehouse_id'])}",
        "a search": f"/stock?q={quote(alert['sku'][:7])}",
    }  # fmt: skip


@contextmanager
def _serving(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = _free_port()
    command = [sys.executable, "-m", "inventory_assets.cli", "serve", "--port", str(port)]
    server = subprocess.Popen(command, env={**os.environ, "INVENTORY_HOME": str(home)}, start_new_session=True)
    try:
        _wait_for(port, "/api/openapi.json")
        with suppress(OSError):
            _wait_for(port, "/health")
        yield server, port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait_for_page(port: int, path: str) -> None:
    with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=60) as answer:
        answer.read()


def _hey(port: int, path: str, requests: int, clients: int) -> str:
    command = ["hey", "-n", str(requests), "-c", str(clients), "-t", "60", f"http://{HOST}:{port}{path}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {int(percent): float(value) * 1000 for percent, value in re.findall(r"(\d+)% in ([\d.]+) secs", said)}
    wrong = [line.strip() for line in said.splitlines() if re.match(r"\s+\[(?!200)\d+\]", line)]
    return "  ".join([*(f"p{each} {found[each]:.0f}" for each in (50, 95) if each in found), *wrong]) + " ms"
