"""How the service fares: for a probe, and for Prometheus. Both answer whatever else does not."""

from typing import Literal

import msgspec

from inventory_assets.api.http import Answer, Asked, answer
from inventory_assets.api.routes import Route
from inventory_assets.api.service import Service

# Longer than a landing, a rebuild's barrier or a busy disk takes; what has not been looked at for so long is old news.
STALE_SECONDS = 10.0
PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"


class Health(msgspec.Struct, frozen=True):
    """Whether answers are of now.

    `age_seconds` since the version shown was committed: a quiet shop's is old, and right. `stale_seconds` since it was
    last seen to be the newest.
    """

    status: Literal["ok", "loading", "stale"]
    version: int | None
    newest_version: int | None
    versions_behind: int | None
    age_seconds: float | None
    stale_seconds: float | None
    loads: int


def health(service: Service, asked: Asked) -> Answer:
    """Whether answers are of now."""
    live, picture = service.live, service.live.picture
    stale = live.stale_seconds
    if picture is None:
        return answer(Health("loading", None, None, None, None, None, live.loads), status=503)
    is_stale = stale is not None and stale > STALE_SECONDS
    found = Health(
        "stale" if is_stale else "ok", picture.version, live.newest, live.newest - picture.version, _age(service),
        None if stale is None else round(stale, 3), live.loads,
    )  # fmt: skip
    return answer(found, status=503 if is_stale else 200, shows=picture.version)


def metrics(service: Service, asked: Asked) -> Answer:
    """What this process counted."""
    live, picture = service.live, service.live.picture
    gauges = [
        ("inventory_api_streams", "Streams of changes that are open.", float(len(service.streams))),
        ("inventory_api_streams_dropped", "Streams closed as they were behind.", float(service.streams.dropped)),
        ("inventory_api_up", "Whether there is a picture to answer from.", float(picture is not None)),
        ("inventory_api_picture_loads", "How many pictures this process has loaded.", float(live.loads)),
    ]
    if picture is not None:
        gauges += [
            ("inventory_api_version", "The version shown.", float(picture.version)),
            ("inventory_api_versions_behind", "Versions not shown yet.", float(live.newest - picture.version)),
            ("inventory_api_version_age_seconds", "Seconds since it was committed.", _age(service)),
            ("inventory_api_stale_seconds", "Seconds since it was seen to be the newest.", live.stale_seconds or 0.0),
            ("inventory_api_horizon", "The earliest version that memory knows.", float(picture.horizon)),
            *(
                (f"inventory_api_rows_{name}", f"Rows of {name} in memory.", float(len(table)))
                for name, table in picture.tables.items()
            ),
        ]  # fmt: skip
    body = "\n".join([*service.metrics.lines(gauges), ""]).encode()
    return Answer(body, content_type=PROMETHEUS)


def _age(service: Service) -> float:
    picture = service.picture
    return max(0.0, round((service.clock.microseconds() - picture.committed_us) / 1e6, 3))


ROUTES = (
    Route("GET", "/health", health, "Whether answers are of now; needs no token.", scope="none",
          answers={200: (Health, "they are"), 503: (Health, "not yet, or no longer")}),
    Route("GET", "/metrics", metrics, "What this process counted, for Prometheus."),
)  # fmt: skip
