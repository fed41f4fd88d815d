"""10,000 breaches at once: owed in one commit, told within the limits, and what that costs the burst loop.

Bursts are committed with a courier riding along (an in-process webhook server
and a channel that is dead), and, alternating with it, without one; the figure
is the median burst of each. `inventory deliver` beside the loop, as a writer
of its own, is the third.
"""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.measure import Traffic, median, open_stock, percentiles
from inventory_assets.delivery.http import GuardedClient
from inventory_assets.delivery.webhook import WebhookChannel
from inventory_assets.domain.burst import Message
from inventory_assets.domain.policy import ChannelKind, ChannelPolicy, Limit, Match, Policy, Route
from inventory_assets.settings import Settings
from inventory_assets.stages.courier import Courier
from inventory_assets.stages.deliver import Delivery, LakeNotes, run_delivery
from inventory_assets.stages.engine import Engine
from inventory_assets.wiring import LakeReader, lake_notes_of

BREACHES = 10_000
LIMIT = Limit(120, 60)


def run(*, bursts: int = 120, skus: int = 2_000, warehouses: int = 20) -> None:
    """Print the figures."""
    print(f"\ndelivery: {BREACHES:,} breaches at once, {skus * warehouses:,} keys")
    print(f"  limit {LIMIT.count} in {LIMIT.seconds} s on each of two channels, one of them dead")
    with _server() as (port, received):
        quiet, idle, _ = _measure(bursts, skus, warehouses, port, received, lambda *parts: None)
        for name, start in (("courier in the process", _courier), ("a writer of its own", _beside)):
            busy, spent, lines = _measure(bursts, skus, warehouses, port, received, start)
            print(f"  {name}: burst, ms: without {percentiles(quiet, 50, 95)}   with {percentiles(busy, 50, 95)}")
            print(f"    median burst with / without: {median(busy) / median(quiet):.3f}")
            print(f"    CPU of the process, with / without: {spent / idle:.3f}  (robust where the machine is shared)")
            for line in lines:
                print(f"    {line}")


Stop = Callable[[], None]
Start = Callable[[Engine, Settings, Policy, dict], tuple[Courier | None, Stop] | None]


def _measure(
    bursts: int, skus: int, warehouses: int, port: int, received: list[float], start: Start
) -> tuple[list[float], float, list[str]]:
    received.clear()
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as home:
        settings = Settings(home=Path(home))
        engine = Engine(settings)
        traffic = Traffic(skus=skus, warehouses=warehouses)
        open_stock(engine, traffic)
        client = GuardedClient(f"http://127.0.0.1:{port}/", allow_hosts=["127.0.0.1"])
        dead = GuardedClient("http://127.0.0.1:9/", allow_hosts=["127.0.0.1"])
        senders = {"hook": WebhookChannel(client, b"x"), "dead": WebhookChannel(dead, b"x")}
        channels = {each: ChannelPolicy(each, ChannelKind.WEBHOOK, {}, LIMIT) for each in senders}
        policy = Policy(channels, (Route(Match(), tuple(senders)),))
        started = start(engine, settings, policy, senders)
        rider = started[0] if started else None
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
            engine.maintain()
        spent = time.process_time() - begun
        lines = []
        if started:
            while not received:
                time.sleep(0.05)
            time.sleep(1.0)
            _commit(engine, traffic.burst(), rider)
            lines = _account(engine, received, breached_at)
            started[1]()
        engine.close()
    # The breach itself and what comes before it are not what is compared.
    return times[10:], spent, lines


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


def _courier(engine: Engine, settings: Settings, policy: Policy, senders: dict) -> tuple[Courier, Stop]:
    courier = Courier(Delivery(LakeReader(settings), policy, senders))
    courier.start()
    return courier, courier.close


def _beside(engine: Engine, settings: Settings, policy: Policy, senders: dict) -> tuple[None, Stop]:
    delivery = Delivery(LakeReader(settings), policy, senders)
    delivery.start()
    stop = threading.Event()

    def work() -> None:
        with lake_notes_of(settings) as notes:
            assert isinstance(notes, LakeNotes)
            run_delivery(delivery, notes, seconds=None, stop=stop)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(30)
        delivery.close()

    return None, end


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
