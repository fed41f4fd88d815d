"""`/health`, `/readiness` and `/metrics` over HTTP, in a thread of their own.

Here: paths, statuses, and a server that starts before the stream and never keeps the process.
Not here: the rules (`health`) and the numbers (`metrics`).
"""

import logging
import socket
import threading
from collections.abc import Callable
from datetime import datetime

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inventory_assets.connector.errors import ConfigurationError
from inventory_assets.connector.ops.health import Limits, Verdict, judge
from inventory_assets.connector.ops.metrics import CONTENT_TYPE, ConnectorMetrics
from inventory_assets.connector.ops.vitals import Vitals

logger = logging.getLogger(__name__)

# Probes come one at a time; more is somebody who should not be here.
_MAX_CONNECTIONS = 64


def build_app(
    *,
    vitals: Callable[[], Vitals],
    metrics: ConnectorMetrics,
    now: Callable[[], datetime],
    limits: Limits,
    clean: Callable[[str], str] = str,
) -> Starlette:
    """Build the application.

    Args:
        vitals: How the connector is; called at every request, so it must not wait for anything.
        clean: Takes secrets out of a body: an error's text may quote a URI.
    """

    def answer(is_well: Callable[[Verdict], bool]) -> Response:
        current = vitals()
        found = judge(current, now(), limits)
        is_good = is_well(found)
        body = {"status": "ok" if is_good else "failing", **found._asdict(), **msgspec.to_builtins(current)}
        text = clean(msgspec.json.encode(body).decode())
        return Response(text, 200 if is_good else 503, media_type="application/json")

    async def health(request: Request) -> Response:
        return answer(lambda found: found.is_alive)

    async def readiness(request: Request) -> Response:
        return answer(lambda found: found.is_ready)

    async def show_metrics(request: Request) -> Response:
        return Response(metrics.render(vitals(), now()), media_type=CONTENT_TYPE)

    async def fail(request: Request, error: Exception) -> Response:
        # Starlette raises it again for the server's log, which is cleaned as every other line.
        body = {"status": "failing", "reasons": [f"the connector could not tell: {type(error).__name__}"]}
        return Response(msgspec.json.encode(body), 500, media_type="application/json")

    routes = [Route("/health", health), Route("/readiness", readiness), Route("/metrics", show_metrics)]
    return Starlette(routes=routes, exception_handlers={Exception: fail})


class OperationsServer:
    """Serves `build_app`'s application from `start` until `close`."""

    def __init__(self, app: Starlette, *, host: str, port: int) -> None:
        """Prepare.

        Args:
            port: 0 picks a free one.
        """
        self._host = host
        self._wanted_port = port
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, lifespan="off", ws="none", loop="asyncio",
            http="h11", limit_concurrency=_MAX_CONNECTIONS, timeout_graceful_shutdown=1, timeout_keep_alive=5,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        # A daemon: whatever a client does, the process ends.
        self._thread = threading.Thread(target=self._serve, name="connector-http", daemon=True)
        self._listener: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port it listens on; after `start`."""
        assert self._listener is not None
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Listen; connections are taken from here on.

        Raises:
            ConfigurationError: The port is taken, or no place of this machine.
        """
        self._listener = _listen(self._host, self._wanted_port)
        self._thread.start()

    def close(self, *, timeout_seconds: float = 2.0) -> None:
        """Stop serving; returns after `timeout_seconds` whatever is open."""
        if self._listener is None:
            return
        self._server.should_exit = True
        # Does not wait for answers under way: a probe that is lost comes again.
        self._server.force_exit = True
        self._thread.join(timeout_seconds)
        self._listener.close()

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._listener] if self._listener else None)
        except Exception:
            # The stream goes on; the probe that finds nobody restarts the process.
            logger.exception("the HTTP server of /health ended")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            # Who comes between this and the first answer waits, and is not turned away.
            listener.listen(socket.SOMAXCONN)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"cannot serve /health on {host!r} port {port}: {error.strerror or error}. "
            "Another program has the port, or the address is not this machine's: set another HEALTH_PORT."
        ) from error
    return listener
