"""The stock service under load: 10,000 products in 20 warehouses, bursts of 1,000 events/s beside it.

Needs Debian's `hey` and `wrk`; with `redis-server` the same bulk is asked of Redis, behind the same server. A run of
`hey` counts only where at least 99 % of the asked rate was reached.
"""

import asyncio
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec import structs

from benchmarks.measure import BURST, Traffic, open_stock, percentiles
from inventory_assets.domain.ingest.process import Message
from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings

HOST = "127.0.0.1"
BULK = 1_000
LEAST_RATE = 0.99
STARTS = 5
TICKS = os.sysconf("SC_CLK_TCK")
BULK_PATH = "/v1/batch/stock"


def run(*, skus: int = 10_000, warehouses: int = 20, seconds: int = 30) -> None:
    """Print latencies at fixed rates, requests a core-second, freshness, memory, and the start after a kill.

    Args:
        skus, warehouses: Each SKU is a product of its own.
        seconds: Of each run.
    """
    lacking = [name for name in ("hey", "wrk") if shutil.which(name) is None]
    if lacking:
        print(f"\nservice: left out, there is no {' and no '.join(lacking)} here (Debian: apt-get install hey wrk)")
        return
    print(f"\nservice: {skus:,} products in {warehouses} warehouses")
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as home:
        traffic = _fill(Path(home), skus, warehouses)
        ids = [f"P{number:05d}" for number in random.Random(1).sample(range(skus), min(BULK, skus))]
        bulk = Path(home) / "bulk.json"
        bulk.write_text(json.dumps({"product_ids": ids}))
        single = f"/v1/stock/{traffic.keys[7][0]}/{traffic.keys[7][1]}"
        with _serving(home) as (server, port):
            print(f"  memory when loaded, MiB (goal 250): {_rss(server.pid):,}")
            _print_core_seconds("ours", server.pid, port, bulk, single, seconds // 3)
            with _trading(home, skus, warehouses) as trade:
                _print_rate("bulk of 1,000 at 300/s (goal p99 25 ms)", port, seconds, 300, 30, bulk)
                _print_rate("single at 2,000/s (goal p99 10 ms)", port, seconds, 2_000, 50, None, single)
                _print_freshness(trade, port, seconds)
            print(f"  memory after the bursts, MiB (goal 250): {_rss(server.pid):,}")
        _print_starts(home)
        for name, application in (("a bare ASGI app", "bare"), ("Redis, MGET of JSON", "redis")):
            _print_other(name, application, home, ids, bulk, single, seconds // 3)


class _Products(Traffic):
    """Each SKU is a product of its own."""

    def opening(self) -> Iterator[Message]:
        for message in super().opening():
            document = json.loads(message.data)
            document["product_id"] = f"P{document['sku'][4:]}"
            yield structs.replace(message, data=json.dumps(document).encode())


def _fill(home: Path, skus: int, warehouses: int) -> Traffic:
    traffic = _Products(skus=skus, warehouses=warehouses)
    engine = Engine(Settings(home=home))
    open_stock(engine, traffic)
    engine.land()
    engine.upkeep.maintenance.run_all()
    engine.close()
    return traffic


@contextmanager
def _serving(home: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Our service, once it answers with stock."""
    port = _free_port()
    command = [sys.executable, "-m", "inventory_assets.cli", "serve", "api", "--port", str(port)]
    server = subprocess.Popen(command, env={**os.environ, "INVENTORY_HOME": home}, start_new_session=True)
    try:
        _wait_for(port, "/v1/stock/WH-0/SKU-00000")
        yield server, port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@contextmanager
def _trading(home: str, skus: int, warehouses: int) -> Iterator[subprocess.Popen[str]]:
    """A process that commits a burst of 1,000 events each second, and says when each was durable."""
    command = [sys.executable, "-m", "benchmarks.service.load", home, str(skus), str(warehouses)]
    trade = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert trade.stdout is not None
        trade.stdout.readline()
        yield trade
    finally:
        trade.terminate()
        trade.wait()


def _trade(home: str, skus: int, warehouses: int) -> None:
    engine = Engine(Settings(home=Path(home)))
    engine.land_beside()
    traffic = _Products(skus=skus, warehouses=warehouses, seed=time.time_ns())
    traffic._number = time.time_ns()
    due = time.monotonic()
    while True:
        [commit] = engine.commit_burst(traffic.burst(BURST))
        print(commit.version, time.time_ns(), flush=True)
        engine.upkeep.wake(0)
        due += 1
        time.sleep(max(0.0, due - time.monotonic()))


def _print_starts(home: str) -> None:
    waits = []
    for _ in range(STARTS):
        began = time.perf_counter()
        with _serving(home):
            waits.append(time.perf_counter() - began)
    shown = ", ".join(f"{each:.2f}" for each in waits)
    print(f"  killed and started, s until the first right answer (goal 3), of {STARTS} kills: {shown}")


def _print_rate(
    what: str, port: int, seconds: int, rate: int, clients: int, body: Path | None, path: str = BULK_PATH
) -> None:
    command = ["hey", "-z", f"{seconds}s", "-q", f"{rate / clients:g}", "-c", str(clients)]
    if body is not None:
        command += ["-m", "POST", "-T", "application/json", "-D", str(body)]
    said = subprocess.run([*command, f"http://{HOST}:{port}{path}"], capture_output=True, text=True, check=True).stdout
    reached = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])  # type: ignore[index]
    found = {int(percent): float(value) * 1000 for percent, value in re.findall(r"(\d+)% in ([\d.]+) secs", said)}
    wrong = [line.strip() for line in said.splitlines() if re.match(r"\s+\[(?!200)\d+\]", line)]
    verdict = "" if reached >= LEAST_RATE * rate else f" (does not count: {reached:,.0f}/s reached)"
    listed = "  ".join(f"p{percent} {found[percent]:.1f}" for percent in (50, 95, 99) if percent in found)
    print(f"  {what}, ms: {listed}{verdict}{' '.join(['', *wrong])}")


def _print_core_seconds(name: str, pid: int, port: int, bulk: Path, single: str, seconds: int) -> None:
    script = bulk.with_suffix(".lua")
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f"local file = io.open({json.dumps(str(bulk))}, 'r')\nwrk.body = file:read('*a')\nfile:close()\n"
    )
    for what, extra, path in (("bulk", ["-s", str(script)], BULK_PATH), ("single", [], single)):
        before = _cpu_seconds(pid)
        command = ["wrk", "-t1", "-c16", f"-d{seconds}s", *extra, f"http://{HOST}:{port}{path}"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent = _cpu_seconds(pid) - before
        count = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
        wrong = re.search(r"Non-2xx.*", said)
        goal = {"bulk": "1,500", "single": "10,000"}[what]
        said = f" {wrong[0]}" if wrong else ""
        print(f"  {name}: {what} requests a core-second (goal {goal}): {count / spent:,.0f}{said}")


def _print_freshness(trade: subprocess.Popen[str], port: int, seconds: int) -> None:
    """Between a burst's commit and the first answer that shows it."""
    durable: dict[int, int] = {}

    def listen() -> None:
        assert trade.stdout is not None
        for line in trade.stdout:
            version, at = map(int, line.split())
            durable[version] = at

    threading.Thread(target=listen, daemon=True).start()
    shown: dict[int, int] = {}
    until = time.monotonic() + seconds
    # What came before this was read is not waited for.
    known = _get(port, "/v1/stock/WH-0/SKU-00000")[1]
    while time.monotonic() < until:
        version = _get(port, "/v1/stock/WH-0/SKU-00000")[1]
        now = time.time_ns()
        for each in range(known + 1, version + 1):
            shown[each] = now
        known = version
        time.sleep(0.005)
    waits = [(shown[each] - at) / 1e6 for each, at in durable.items() if each in shown and shown[each] > at]
    print(f"  from durable to readable, ms (goal p50 250, p99 1,000): {percentiles(waits, 50, 99)}")


def _print_other(
    name: str, application: str, home: str, ids: Sequence[str], bulk: Path, single: str, seconds: int
) -> None:
    redis = None
    socket_path = str(Path(home) / "redis.sock")
    if application == "redis":
        if shutil.which("redis-server") is None:
            print(f"  {name}: left out, there is no redis-server here")
            return
        redis = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", socket_path, "--save", "", "--daemonize", "no"],
            stdout=subprocess.DEVNULL, cwd=home,
        )  # fmt: skip
        while not Path(socket_path).exists():
            time.sleep(0.05)
        asyncio.run(_fill_redis(socket_path, ids))
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", f"benchmarks.service.bare:{application}", "--port", str(port),
               "--log-level", "warning", "--no-access-log"]  # fmt: skip
    server = subprocess.Popen(command, env={**os.environ, "BENCH_REDIS": socket_path})
    try:
        _wait_for(port, single)
        _print_core_seconds(name, server.pid, port, bulk, single, seconds)
        if redis is not None:
            _print_rate(f"{name}: bulk of 1,000 at 300/s", port, seconds, 300, 30, bulk)
    finally:
        for process in (server, redis):
            if process is not None:
                process.kill()
                process.wait()


async def _fill_redis(path: str, ids: Sequence[str]) -> None:
    from benchmarks.service.bare import RedisClient

    client = await RedisClient.open(path)
    for each in ids:
        await client.ask(b"SET", f"catalog:stock:{each}:total".encode(), json.dumps({"available": 2_000}).encode())


def _get(port: int, path: str) -> tuple[Any, int]:
    with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=5) as answer:
        return json.load(answer), int(answer.headers.get("Lake-Version") or 0)


def _wait_for(port: int, path: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            _get(port, path)
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return found.getsockname()[1]


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        with suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _cpu_seconds(pid: int) -> float:
    total = 0
    for each in _tree(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def _rss(pid: int) -> int:
    """Of the largest process of the tree: a worker."""
    sizes = [0]
    for each in _tree(pid):
        with suppress(OSError):
            found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{each}/status").read_text())
            sizes.append(int(found[1]) // 1024 if found else 0)
    return max(sizes)


if __name__ == "__main__":
    _trade(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
