"""An HTTP server on loopback that a test tells what to answer, and that keeps what came.

Belongs here: the harness. Does not belong: assertions.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The wrapper."""
        return json.loads(self.body)


Decide = Callable[[Request], int]


class Endpoint:
    """What came, and where it comes to. `decide` gives each request's status."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Request] = []
        self.decide: Decide = lambda request: 204
        # Requests that are being answered.
        self.under_way = 0
        self.lock = threading.Lock()


@contextmanager
def serve_endpoint() -> Iterator[Endpoint]:
    """Serve on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, self.rfile.read(length))
            with endpoint.lock:
                endpoint.requests.append(request)
                endpoint.under_way += 1
            try:
                self._answer(endpoint.decide(request))
            finally:
                with endpoint.lock:
                    endpoint.under_way -= 1

        def _answer(self, status: int) -> None:
            if status == 102:
                self.wfile.write(b"HTTP/1.1 102 Processing\r\n\r\n")
                return
            self.send_response_only(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    endpoint = Endpoint(f"http://127.0.0.1:{server.server_address[1]}/push?token=hush")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
