"""Real servers on the loopback that fail on cue.

Belongs here: an HTTP server and an SMTP server, and what they received. Does
not belong: expectations.
"""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpServer:
    """Takes POSTs. `cues` are how it answers the next ones: a status, (status, headers), `reset`, `hang`, `drip`, `flood`.

    With `echoes` it answers with all that it was sent, as the page of a 404 does.
    """

    url: str = ""
    received: list[Received] = field(default_factory=list)
    cues: list[Any] = field(default_factory=list)
    echoes: bool = False
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1].strip("/"))


@contextlib.contextmanager
def http_server() -> Iterator[HttpServer]:
    """Run an HTTP server."""
    state = HttpServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.received.append(Received(self.path, headers, body))
            cue = state.cues.pop(0) if state.cues else 200
            if cue == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                return
            if cue == "hang":
                state.released.wait(120)
                return
            if cue == "drip":
                with contextlib.suppress(OSError):
                    while not state.released.wait(0.05):
                        self.wfile.write(b"X")
                return
            if cue == "flood":
                self.send_response(200)
                self.end_headers()
                with contextlib.suppress(OSError):
                    while not state.released.is_set():
                        self.wfile.write(b"x" * 65536)
                return
            status, extra = cue if isinstance(cue, tuple) else (cue, {})
            answer = b'{"id":"m-1","text":"' + b"x" * 100 + b'"}'
            if state.echoes:
                told = [self.path, *(f"{name}: {value}" for name, value in headers.items() if name == "authorization")]
                answer = json.dumps({"id": " ".join(told), "text": told}).encode() + body[:100]
                extra = {"X-Request-Id": " ".join(told), **extra}
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()


class Mailbox:
    """aiosmtpd handler: keeps mail; answers `reply` instead where it is set."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.reply: str | None = None
        self.refused: dict[str, str] = {}

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.reply is not None:
            return self.reply
        self.mails.append(envelope)
        return "250 OK"


class _BoundController(Controller):
    """Serves on a socket that is bound already: a port alone could be taken meanwhile."""

    def __init__(self, *arguments: Any, bound: socket.socket, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._bound = bound

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._bound, ssl=self.ssl_context)


@contextlib.contextmanager
def smtp_server(**options: Any) -> Iterator[tuple[Mailbox, int]]:
    """Run an SMTP server; (mailbox, port)."""
    mailbox = Mailbox()
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    # A busy machine may need more than the five seconds that aiosmtpd waits for itself.
    controller = _BoundController(mailbox, bound=bound, hostname="127.0.0.1", port=port, ready_timeout=60, **options)
    controller.start()
    try:
        yield mailbox, port
    finally:
        controller.stop()
