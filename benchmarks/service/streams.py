"""Streams of changes: what ten thousand that hear nothing hold, and what a thousand that hear all cost.

The service in a process of its own, over a picture of 200,000 keys without a lake; in this one sockets that read and
throw away. What the picture's own changes cost is measured before anybody listens, and taken off.
"""

import asyncio
import json
import os
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import START_AT, percentiles

SKUS, WAREHOUSES = 10_000, 20
PER_SECOND, VERSIONS = 1_000, 10
MEBIBYTE = 1 << 20


def run(*, idle: int = 10_000, hearing: int = 1_000, seconds: int = 20) -> None:
    """Print the figures."""
    _raise_limit()
    print(f"\nstreams: {SKUS * WAREHOUSES:,} keys; {PER_SECOND:,} changes a second in {VERSIONS} versions")
    for name, address in (("a SKU each", "/v1/stream?sku=SKU-{}"), ("all the same", "/v1/stream?warehouse=none")):
        with _service() as port, _Readers(port) as readers:
            before = _usage(port)["rss"]
            began = time.monotonic()
            readers.open([address.format(number % SKUS) for number in range(idle)])
            opened = time.monotonic() - began
            after = _usage(port)
            held = after["rss"] - before
            readers.read(seconds / 4)
            spent = _spent(port, readers, seconds / 2)
            print(
                f"  {idle:,} idle, {name}: {held / MEBIBYTE:.0f} MiB (bar 400), {held / idle / 1_000:.1f} kB each; "
                f"opened at {idle / opened:,.0f} a second; {spent:.1%} of a core"
            )
    with _service() as port, _Readers(port) as readers:
        _ask(port, "/pump")
        time.sleep(2)
        alone = _spent(port, readers, seconds / 2)
        readers.open(["/v1/stream"] * hearing)
        readers.read(3)
        readers.bytes_read = 0
        began = time.monotonic()
        waits: list[float] = []
        spent = _spent(port, readers, seconds, waits)
        read = readers.bytes_read / (time.monotonic() - began)
        print(
            f"  {hearing:,} hear all: {spent - alone:.1%} of a core (bar 30 %), beside {alone:.1%} for the picture "
            f"alone; {read / 1e6:,.0f} MB/s, {read / hearing / 1_000:,.0f} kB a second each"
        )
        print(f"    /health beside it, ms: {percentiles([1_000 * each for each in waits], 50, 95, 99)}")
        end = _usage(port)
        print(f"    streams at the end: {end['streams']:,}; closed as they were behind: {end['dropped']}")


def _raise_limit() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _spent(port: int, readers: "_Readers", seconds: float, waits: list[float] | None = None) -> float:
    """The share of a core that the service takes while sockets are read."""
    before, began = _usage(port)["cpu"], time.monotonic()
    until = began + seconds
    while time.monotonic() < until:
        readers.read(0.2)
        if waits is not None:
            asked = time.monotonic()
            _ask(port, "/health")
            waits.append(time.monotonic() - asked)
    return (_usage(port)["cpu"] - before) / (time.monotonic() - began)


def _usage(port: int) -> dict[str, Any]:
    return json.loads(_ask(port, "/usage"))


def _ask(port: int, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as asking:
        asking.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        parts = []
        while part := asking.recv(65_536):
            parts.append(part)
    return b"".join(parts).partition(b"\r\n\r\n")[2]


class _Readers:
    """Sockets that read and throw away."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self.bytes_read = 0

    def __enter__(self) -> "_Readers":
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            each.close()
        self._selector.close()

    def open(self, addresses: list[str]) -> None:
        """Ask, and wait until all heads are there."""
        waiting = set()
        for address in addresses:
            made = socket.create_connection(("127.0.0.1", self._port))
            made.setblocking(False)
            head = (
                f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUser-Agent: curl/8.5.0\r\n"
                "Accept: text/event-stream\r\nAccept-Encoding: gzip, deflate\r\nCache-Control: no-cache\r\n\r\n"
            )
            made.sendall(head.encode())
            self._sockets.append(made)
            self._selector.register(made, selectors.EVENT_READ)
            waiting.add(made)
            if len(waiting) > 100:
                waiting -= self._ready(0.01)
        while waiting:
            waiting -= self._ready(0.1)

    def read(self, seconds: float) -> None:
        """Read for a while."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._ready(left)

    def _ready(self, seconds: float) -> set[socket.socket]:
        found = set()
        for key, _ in self._selector.select(seconds):
            ready: socket.socket = key.fileobj  # type: ignore[assignment]
            body = ready.recv(262_144)
            if not body:
                raise RuntimeError("the service closed a stream; ask one by curl -i to see why")
            self.bytes_read += len(body)
            found.add(ready)
        return found


@contextmanager
def _service() -> Iterator[int]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.service.streams", str(port)])
    try:
        while process.poll() is None:
            try:
                _usage(port)
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=60)


def _serve(port: int) -> None:
    import uvicorn

    from inventory_assets.api.app import Api
    from inventory_assets.api.door import Door
    from inventory_assets.api.service import Service
    from inventory_assets.domain.picture.picture import Picture, Step
    from inventory_assets.domain.picture.rows import Stock
    from inventory_assets.picture.live import Live
    from inventory_assets.settings import Settings

    _raise_limit()

    def row(number: int, version: int) -> Stock:
        warehouse, sku = f"WH-{number % WAREHOUSES:02d}", f"SKU-{number // WAREHOUSES}"
        return Stock(
            warehouse, sku, number % 997, 0, 0, True, "D", f"CATEGORY-{number % 30}", "BRAND", f"P-{sku}", False, None,
            START_AT + version, version,
        )  # fmt: skip

    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as home:
        live = Live(Settings(home=Path(home)))
        service = Service(live._follower._settings, live)
        picture = live.picture = Picture(1)
        picture.start(1, [(1, START_AT)], {"stock": [row(number, 1) for number in range(SKUS * WAREHOUSES)]})
        api = Api(service, Door())
        pumping: list[asyncio.Task[None]] = []

        async def pump() -> None:
            place = 0
            due = time.monotonic()
            while True:
                due += 1 / VERSIONS
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                version, many = picture.version + 1, PER_SECOND // VERSIONS
                rows = [row((place + each) * 7_919 % (SKUS * WAREHOUSES), version) for each in range(many)]
                place += many
                live._tell(picture.apply(Step(version, START_AT + version, {"stock": rows})))

        async def app(scope: Any, receive: Any, send: Any) -> None:
            path = scope.get("path")
            if path not in ("/usage", "/pump"):
                await api(scope, receive, send)
                return
            if path == "/pump":
                pumping.append(asyncio.create_task(pump()))
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            used = {
                "rss": pages * os.sysconf("SC_PAGE_SIZE"), "cpu": time.process_time(),
                "streams": len(service.streams), "dropped": service.streams.dropped,
            }  # fmt: skip
            body = json.dumps(used).encode()
            head = [(b"connection", b"close"), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": body})

        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, log_level="warning", access_log=False, lifespan="off", backlog=4_096,
            timeout_graceful_shutdown=2,
        )  # fmt: skip
        uvicorn.Server(config).run()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
