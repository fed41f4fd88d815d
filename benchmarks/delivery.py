"""10,000 breaches at once: owed in one commit, told within the limits, and what that costs the burst loop.

Bursts are committed without a delivery, then with a courier riding along (a
webhook server in this process and a channel that is dead); the figure is the
median burst of each. What `inventory deliver` does, as a writer of its own, is
the third.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.measure import Traffic, median, open_stock, percentiles
from inventory_assets.domain.ingest.process import Message
from inventory_assets.domain.notify.policy import ChannelKind, ChannelPolicy, Limit, Match, Policy, Route
from inventory_assets.ingest.engine import Engine
from inventory_assets.notify.delivery import run_delivery
from inventory_assets.notify.process import Courier
from inventory_assets.settings import Settings
from inventory_assets.wiring import courier_of, delivery_of, lake_notes_of

BREACHES = 10_000
LIMIT = Limit(120, 60)
SECRET = "BENCHMARK_SECRET"


def run(*, bursts: int = 120, skus: int = 2_000, warehouses: int = 20) -> None:
    """Print the figures."""
    print(f"\ndelivery: {BREACHES:,} breaches at once, {skus * warehouses:,} keys")
    print(f"  limit {LIMIT.count} in {LIMIT.seconds} s on each of two channels, one of them dead")
    with _server() as (port, received):
        quiet, idle, _ = _measure(bursts, skus, warehouses, port, received, None)
        again, _, _ = _measure(bursts, skus, warehouses, port, received, None)
        print(f"  without, twice: burst, ms: {percentiles(quiet, 50, 95)}; {percentiles(again, 50, 95)}: the noise")
        quiet += again
        for name, start in (
            ("courier, in a process of its own", _courier),
            ("a writer of its own, on a thread", _beside),
        ):
            busy, spent, lines = _measure(bursts, skus, warehouses, port, received, start)
            print(f"  {name}: burst, ms: without {percentiles(quiet, 50, 95)}   with {percentiles(busy, 50, 95)}")
            print(f"    median burst with / without: {median(busy) / median(quiet):.3f}")
            print(f"    CPU of the process, with / without: {spent / idle:.3f}  (robust where the machine is shared)")
            for line in lines:
                print(f"    {line}")


Start = Callable[[Settings, Policy], AbstractContextManager[Courier | None]]


def _measure(
    bursts: int, skus: int, warehouses: int, port: int, received: list[float], start: Start | None
) -> tuple[list[float], float, list[str]]:
    received.clear()
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as home, ExitStack() as stack:
        settings = Settings(home=Path(home))
        engine = Engine(settings)
        stack.callback(engine.close)
        traffic = Traffic(skus=skus, warehouses=warehouses)
        open_stock(engine, traffic)
        engine.land_beside()
        policy = _policy(port)
        rider = None if start is None else stack.enter_context(start(settings, policy))
        times = []
        breached_at = 0.0
        begun = time.process_time()
        for number in range(bursts):
            if number == 10:
                breached_at = time.time()
                _commit(engine, _breaches(traffic), rider)
            began = time.perf_counter()
            _commit(engine, traffic.burst(), rider)
            times.append((time.perf_counter() - began) * 1000)
        spent = time.process_time() - begun
        lines = []
        if start is not None:
            while not received:
                _commit(engine, traffic.burst(), rider)
            time.sleep(1.0)
            _commit(engine, traffic.burst(), rider)
            lines = _account(engine, received, breached_at)
    # The breach itself and what comes before it are not what is compared.
    return times[10:], spent, lines


def _policy(port: int) -> Policy:
    urls = {"hook": f"http://127.0.0.1:{port}/", "dead": "http://127.0.0.1:9/"}
    channels = {
        name: ChannelPolicy(
            name, ChannelKind.WEBHOOK, {"url": url, "secret_env": SECRET, "allow_hosts": ["127.0.0.1"]}, LIMIT
        )
        for name, url in urls.items()
    }
    return Policy(channels, (Route(Match(), tuple(channels)),))


def _commit(engine: Engine, messages: list[Message], rider: Courier | None) -> None:
    rides = rider if rider is not None and rider.wants_commit() else None
    commits = engine.commit_burst(messages, also=None if rides is None else rides.record)
    if rides is not None:
        rides.recorded()
    if rider is not None and any("alerts" in commit.counts for commit in commits):
        rider.wake()


def _breaches(traffic: Traffic) -> list[Message]:
    levels = list(traffic.opening())[:BREACHES]
    return [
        Message(f"b{n}", m.topic, m.publish_at + 600_000_000, "", {}, _emptied(m.data)) for n, m in enumerate(levels)
    ]


def _emptied(data: bytes) -> bytes:
    head, _, tail = data.partition(b'"current_stock": ')
    return (
        head
        + b'"current_stock": 5'
        + tail[tail.index(b",") :].replace(b"2026-01-01T00:00:00Z", b"2026-01-01T00:00:30Z")
    )


def _account(engine: Engine, received: list[float], breached_at: float) -> list[str]:
    rows = engine.lake.query(
        """SELECT version, count(*) AS n, sum(len(from_json(members, '["JSON"]'))) AS members FROM out.notifications
        WHERE channel = 'hook' GROUP BY 1 ORDER BY members DESC LIMIT 1"""
    ).row(0)
    most = max(sum(at <= other < at + LIMIT.seconds for other in received) for at in received)
    return [
        f"one commit owes {rows[2]:,} tellings in {rows[1]:,} notifications on the live channel",
        f"first told {received[0] - breached_at:.2f} s after the breaches came; most in {LIMIT.seconds} s: {most}",
        f"versions made: {engine.lake.watermark().version}",
    ]


@contextmanager
def _courier(settings: Settings, policy: Policy) -> Iterator[Courier]:
    os.environ[SECRET] = "x"
    with courier_of(settings, policy) as courier:
        yield courier


@contextmanager
def _beside(settings: Settings, policy: Policy) -> Iterator[None]:
    """What `inventory deliver` does, on a thread of this process."""
    os.environ[SECRET] = "x"
    stop = threading.Event()

    def work() -> None:
        with lake_notes_of(settings) as notes, delivery_of(settings, policy) as delivery:
            run_delivery(delivery, notes, seconds=None, stop=stop)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield None
    finally:
        stop.set()
        thread.join(30)


@contextmanager
def _server() -> Iterator[tuple[int, list[float]]]:
    received: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            received.append(time.time())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], received
    finally:
        server.shutdown()
        server.server_close()
