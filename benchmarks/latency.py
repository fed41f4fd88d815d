"""Publish to alert received, through the emulator and the burst sensor under `dagster dev`.

The emulator, Dagster, the load generator and the subscriber share this machine.
Every probe is an order that takes a key of its own below its threshold.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benchmarks.measure import percentiles
from inventory_assets.commands.run.processes import free_port, python_environment, wait_for_port
from inventory_assets.lake.journal.behind import find_behind
from inventory_assets.messaging.client import OutgoingMessage, PubSubBurstSource, PubSubPublisher
from inventory_assets.messaging.topology_apply import apply_topology
from inventory_assets.settings import Settings

PROJECT_DIR = Path(__file__).resolve().parents[1]
PROJECT = "inventory-local"
PROBES_PER_SECOND = 10
# What a process is, by a sign in its command line; the first that fits.
_KINDS = {
    "emulator": "emulator", "notifier": "delivery", "daemon": "daemon", "webserver": "webserver",
    "api grpc": "code server", "code-server": "code server",
}  # fmt: skip


def run(*, rates: Sequence[int] = (300, 1_000, 5_000), seconds: int = 60) -> None:
    """Print latency and throughput at each rate (events a second), for `seconds` each."""
    print("\nlatency: publish -> alert received; own emulator, dagster dev, load and subscriber on one machine")
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as home, Product(Path(home)) as product:
        for rate in rates:
            product.measure(rate, seconds)


class Product:
    """The running product, and both ends of its broker."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._settings = Settings(home=home)
        self._behind: list[float] = []
        self._children: list[subprocess.Popen] = []
        self._probe = 0
        self._order = 0

    def __enter__(self) -> "Product":
        port = free_port(18_085)
        self.host = f"localhost:{port}"
        environment = python_environment(
            INVENTORY_HOME=str(self._home), PUBSUB_EMULATOR_HOST=self.host,
            DAGSTER_HOME=str(self._home / "dagster"), GOOGLE_CLOUD_PROJECT=PROJECT,
        )  # fmt: skip
        (self._home / "dagster").mkdir()
        (self._home / "dagster" / "dagster.yaml").write_text((PROJECT_DIR / "deploy" / "dagster.yaml").read_text())
        # As `make run` starts it.
        command = [sys.executable, "-m", "inventory_assets.emulator", "--host", "localhost"]
        command += ["--port", str(port), "--data", str(self._home / "emulator")]
        emulator = self._start(command, environment)
        wait_for_port(port, host="localhost", seconds=30, child=emulator)
        apply_topology(PROJECT, emulator_host=self.host)
        ui = free_port(13_000)
        dagster = self._start(
            [str(Path(sys.executable).with_name("dagster")), "dev", "-w", str(PROJECT_DIR / "workspace.yaml"),
             "-h", "127.0.0.1", "-p", str(ui), "--log-level", "error"],
            environment,
        )  # fmt: skip
        wait_for_port(ui, seconds=120, child=dagster)
        self.publisher = PubSubPublisher(PROJECT, emulator_host=self.host)
        self.alerts = PubSubBurstSource(PROJECT, ["alerts-subscription"], emulator_host=self.host)
        self._open_stock()
        return self

    def __exit__(self, *error: object) -> None:
        self.alerts.close()
        self.publisher.close()
        for child in self._children:
            for process in [*psutil.Process(child.pid).children(recursive=True), psutil.Process(child.pid)]:
                try:
                    process.send_signal(signal.SIGKILL)
                except psutil.Error:
                    continue
            child.wait()

    def _start(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen:
        log = (self._home / f"log{len(self._children)}").open("wb")
        child = subprocess.Popen(
            command, env=environment, cwd=PROJECT_DIR, stdout=log, stderr=log, start_new_session=True
        )
        self._children.append(child)
        return child

    def _open_stock(self, keys: int = 10_000) -> None:
        at = _now_text()
        levels = [_level(f"SKU-{n % 2_000:05d}", f"WH-{n // 2_000}", 1_000_000, at) for n in range(keys)]
        for start in range(0, keys, 1_000):
            self.publisher.publish(levels[start : start + 1_000])
        self._await_drained(keys)

    def _await_drained(self, keys: int) -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            shown = subprocess.run(
                [sys.executable, "-m", "inventory_assets.cli", "sql", "--format", "json",
                 "SELECT count(*) AS n FROM core.sku_state"],
                env={**os.environ, "INVENTORY_HOME": str(self._home)}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if shown.returncode == 0 and json.loads(shown.stdout)[0]["n"] >= keys:
                return
            time.sleep(1)
        raise TimeoutError("the opening stock was not taken in within three minutes")

    def measure(self, rate: int, seconds: int) -> None:
        """Publish at a rate with probes among it; print when the probes' alerts came."""
        sent: dict[str, float] = {}
        latencies: list[float] = []
        stop = threading.Event()
        listener = threading.Thread(target=self._listen, args=(sent, latencies, stop))
        listener.start()
        # Probe keys exist before they are probed, so that their alert costs one event.
        probes = [f"PROBE-{self._probe + n:06d}" for n in range(seconds * PROBES_PER_SECOND)]
        self._probe += len(probes)
        at = _now_text()
        self.publisher.publish([_level(sku, "WH-PROBE", 100, at) for sku in probes])
        time.sleep(3)
        cpu, files = self._cpu_seconds(), self._files_made()
        self._behind = []
        published = self._load(rate, seconds, probes, sent)
        cpu = {name: spent - cpu.get(name, 0.0) for name, spent in self._cpu_seconds().items()}
        files = self._files_made() - files
        deadline = time.monotonic() + 60
        while len(latencies) < len(probes) and time.monotonic() < deadline:
            time.sleep(0.2)
        stop.set()
        listener.join()
        memory = sum(
            process.memory_info().rss
            for child in self._children
            for process in [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
        )
        print(
            f"  {rate:>6,}/s wanted, {published / seconds:,.0f}/s published: "
            f"{len(latencies):,} of {len(probes):,} alerts, "
            f"ms {percentiles(latencies or [0.0], 50, 95, 99)}; all processes {memory / 2**20:,.0f} MiB"
        )
        shares = ", ".join(f"{name} {spent / seconds:.0%}" for name, spent in sorted(cpu.items()))
        print(f"         of a core: {shares}; {files / seconds * 60:,.0f} data files a minute")
        print(f"         readers behind, ms: {percentiles(self._behind or [0.0], 50, 95, 99)}")

    def _processes(self) -> list[psutil.Process]:
        found = []
        for child in self._children:
            found += [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
        return found

    def _cpu_seconds(self) -> dict[str, float]:
        """User and system time so far, by what a process is."""
        spent: dict[str, float] = {}
        for process in self._processes():
            try:
                line, times = " ".join(process.cmdline()), process.cpu_times()
            except psutil.Error:
                continue
            name = next((name for sign, name in _KINDS.items() if sign in line), "other")
            spent[name] = spent.get(name, 0.0) + times.user + times.system
        return spent

    def _files_made(self) -> int:
        """Data files that the lake has ever taken over: their numbers are never used twice."""
        with closing(sqlite3.connect(self._home / "lake" / "catalog.sqlite", timeout=30)) as catalog:
            return catalog.execute("SELECT max(next_file_id) FROM ducklake_snapshot").fetchone()[0]

    def _load(self, rate: int, seconds: int, probes: list[str], sent: dict[str, float]) -> int:
        started = time.monotonic()
        published = probe = 0
        while (elapsed := time.monotonic() - started) < seconds:
            owed = int(elapsed * rate) - published
            batch = [self._next_order() for _ in range(min(max(owed, 0), 1_000))]
            while probe < len(probes) and probe < elapsed * PROBES_PER_SECOND:
                sku = probes[probe]
                probe += 1
                batch.append(_order(f"PRB-{sku}", sku, "WH-PROBE", -60))
                sent[sku] = time.time()
            if batch:
                self.publisher.publish(batch)
                published += len(batch)
            if len(self._behind) < elapsed * 4 and (found := find_behind(self._settings)) is not None:
                self._behind.append(found.milliseconds)
            time.sleep(0.01)
        return published

    def _next_order(self) -> OutgoingMessage:
        self._order += 1
        return _order(f"ORD-{self._order}", f"SKU-{self._order * 7 % 2_000:05d}", f"WH-{self._order % 5}", -1)

    def _listen(self, sent: dict[str, float], latencies: list[float], stop: threading.Event) -> None:
        while not stop.is_set():
            burst = self.alerts.next_burst(max_messages=100, max_bytes=10**7, wait_seconds=0.5)
            now = time.time()
            for message in burst:
                published_at = sent.pop(json.loads(message.data)["sku"], None)
                if published_at is not None:
                    latencies.append((now - published_at) * 1000)
            self.alerts.acknowledge(burst)


def _now_text() -> str:
    return datetime.now(UTC).isoformat()


def _level(sku: str, warehouse_id: str, stock: int, at: str) -> OutgoingMessage:
    document = {
        "sku": sku, "product_id": sku, "brand_id": "B", "category_id": f"C{sku[-1]}", "department_id": "D",
        "warehouse_id": warehouse_id, "current_stock": stock, "reserved_stock": 0,
        "min_threshold": 50, "reorder_threshold": 60, "last_updated": at,
    }  # fmt: skip
    return OutgoingMessage("inventory-updates-topic", json.dumps(document).encode())


def _order(transaction_id: str, sku: str, warehouse_id: str, quantity: int) -> OutgoingMessage:
    document = {
        "transaction_id": transaction_id, "transaction_type": "ORDER", "status": "COMPLETED", "sku": sku,
        "warehouse_id": warehouse_id, "quantity": quantity, "timestamp": _now_text(),
    }  # fmt: skip
    return OutgoingMessage("inventory-transactions-topic", json.dumps(document).encode())
