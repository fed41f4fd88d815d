"""What a process of the service counts, as Prometheus reads it.

Labels are routes as they are written, never what was asked: their number is that of the routes. Each line names the
process: workers share a socket, so each scrape asks one of them, and its counters are no other's.
"""

import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator

# Seconds; the last is whatever takes longer.
BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 5.0)
OTHER = "other"


class Metrics:
    """Counts of one process.

    Attributes:
        hits: Answers from memory.
        misses: Answers for which the lake was asked.
    """

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self._answers: dict[tuple[str, str, int], int] = {}
        self._seconds: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def count(self, path: str, method: str, status: int, seconds: float) -> None:
        """Count an answer."""
        key = (path, method, status)
        self._answers[key] = self._answers.get(key, 0) + 1
        buckets = self._seconds.get(path)
        if buckets is None:
            buckets = self._seconds[path] = [0] * (len(BOUNDS) + 1)
        buckets[bisect_left(BOUNDS, seconds)] += 1
        self._sums[path] = self._sums.get(path, 0.0) + seconds

    def lines(self, gauges: Iterable[tuple[str, str, float]]) -> Iterator[str]:
        """All of it as text; `gauges` are (name, what it is, value)."""
        process = f'process="{os.getpid()}"'
        yield from _head("inventory_api_requests_total", "counter", "Requests by route and status.")
        for (path, method, status), count in sorted(self._answers.items()):
            of = f'{process},route="{path}",method="{method}",status="{status}"'
            yield f"inventory_api_requests_total{{{of}}} {count}"
        yield from _head("inventory_api_request_seconds", "histogram", "Seconds until an answer was sent, by route.")
        for path, buckets in sorted(self._seconds.items()):
            total = 0
            for bound, count in zip((*BOUNDS, "+Inf"), buckets, strict=True):
                total += count
                yield f'inventory_api_request_seconds_bucket{{{process},route="{path}",le="{bound}"}} {total}'
            yield f'inventory_api_request_seconds_sum{{{process},route="{path}"}} {self._sums[path]:.6f}'
            yield f'inventory_api_request_seconds_count{{{process},route="{path}"}} {total}'
        for name, what, value in (
            ("inventory_api_hits_total", "Answers from memory.", self.hits),
            ("inventory_api_misses_total", "Answers for which the lake was asked.", self.misses),
        ):
            yield from _head(name, "counter", what)
            yield f"{name}{{{process}}} {value}"
        for name, what, number in gauges:
            yield from _head(name, "gauge", what)
            yield f"{name}{{{process}}} {number:.17g}"


def _head(name: str, kind: str, what: str) -> Iterator[str]:
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} {kind}"
