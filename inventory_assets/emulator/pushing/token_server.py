"""A small HTTP server beside the broker: the key set that push tokens are verified with, and tokens to try out.

    /certs                                 the JWKS
    /.well-known/openid-configuration      issuer, and where the JWKS is
    /token?email=ACCOUNT&audience=URL      a token, as Cloud Scheduler or a push would carry it

Whoever reaches it gets a token of any account: it is as good as the emulator's
key, which is to say for nothing but an endpoint that was told of this server.
"""

import asyncio
import contextlib
import json
import socket
from urllib.parse import parse_qs, urlsplit

import h11

from inventory_assets.addresses import write_address
from inventory_assets.emulator.pushing.identity import Identity, jwks_text

_CHUNK_BYTES = 16 * 1024
_REQUEST_SECONDS = 5.0
_MOST_BYTES = 4_096
Answer = tuple[int, str, str]


class TokenServer:
    """Serves an identity; one request a connection."""

    def __init__(self, identity: Identity, host: str) -> None:
        self._identity = identity
        self._host = host
        self._server: asyncio.Server | None = None
        self.base = ""

    async def start(self, port: int) -> None:
        """Listen; 0 picks a free port.

        Raises:
            OSError: It is taken, or no place of this machine.
        """
        # A free port would be another one for each of a name's addresses.
        family = 0 if port else socket.getaddrinfo(self._host, port, type=socket.SOCK_STREAM)[0][0]
        self._server = await asyncio.start_server(self._serve, self._host, port, family=family, limit=_CHUNK_BYTES)
        bound = self._server.sockets[0].getsockname()[1]
        self.base = f"http://{write_address(self._host, bound)}"

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_CHUNK_BYTES)
        # Whoever is slow, gone or no HTTP client gets no answer, and costs five seconds at most.
        with contextlib.suppress(OSError, h11.ProtocolError, TimeoutError):
            async with asyncio.timeout(_REQUEST_SECONDS):
                request = await _read(connection, reader)
                writer.write(_written(connection, self._answer(request)))
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def _answer(self, request: h11.Request) -> Answer:
        parts = urlsplit(request.target.decode("ascii", errors="replace"))
        if request.method != b"GET":
            return _refusal(405, "ask with GET")
        if parts.path == "/certs":
            return 200, "application/json", jwks_text(self._identity)
        if parts.path == "/.well-known/openid-configuration":
            found = {"issuer": self._identity.issuer, "jwks_uri": f"{self.base}/certs"}
            return 200, "application/json", json.dumps(found, indent=2) + "\n"
        if parts.path == "/token":
            return self._token(parts.query)
        return _refusal(404, "there is /certs, /.well-known/openid-configuration and /token?email=…&audience=…")

    def _token(self, query: str) -> Answer:
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        email, audience = given.get("email", ""), given.get("audience", "")
        if not email or not audience or len(email) + len(audience) > _MOST_BYTES:
            return _refusal(400, "email and audience are needed: /token?email=ACCOUNT&audience=URL")
        return 200, "text/plain", self._identity.token(email, audience, is_fresh=True) + "\n"


async def _read(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK_BYTES))
        elif isinstance(event, h11.Request):
            return event
        else:
            raise ConnectionError("the connection ended before a request")


def _written(connection: h11.Connection, answer: Answer) -> bytes:
    status, kind, text = answer
    body = text.encode()
    headers = [
        ("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"), ("Connection", "close"),
    ]  # fmt: skip
    parts = (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage())
    return b"".join(connection.send(part) or b"" for part in parts)


def _refusal(status: int, why: str) -> Answer:
    return status, "application/json", json.dumps({"error": why}) + "\n"
