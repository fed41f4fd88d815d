"""What the stock service is compared with: the same server around nothing, and around Redis."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import msgspec

_HEADERS = [(b"content-type", b"application/json")]


class RedisClient:
    """Redis' protocol, as far as this needs it: one connection, one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, path: str) -> "RedisClient":
        """Connect to a server's socket."""
        return cls(*await asyncio.open_unix_connection(path, limit=1 << 22))

    async def ask(self, *words: bytes) -> Any:
        """Send a command; its answer."""
        async with self._turn:
            parts = [b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)]
            self._writer.write(b"".join(parts))
            return await self._read()

    async def values(self, keys: Sequence[bytes]) -> list[bytes]:
        """What MGET answers where each key is there, taken apart at once as a client in C does."""
        async with self._turn:
            parts = [b"*%d\r\n$4\r\nMGET\r\n" % (len(keys) + 1), *(b"$%d\r\n%s\r\n" % (len(key), key) for key in keys)]
            self._writer.write(b"".join(parts))
            await self._reader.readline()
            found, ends = b"", 0
            while ends < 2 * len(keys):
                part = await self._reader.read(1 << 20)
                found += part
                ends = found.count(b"\r\n")
            return found.split(b"\r\n")[1::2]

    async def _read(self) -> Any:
        line = (await self._reader.readline())[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"*":
            return [await self._read() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else (await self._reader.readexactly(int(rest) + 2))[:-2]
        return rest


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, answer a constant."""
    if scope["type"] != "http":
        return
    await _body(receive)
    await _send(send, b'{"stocks":{"P00001":100}}')


_redis: list[RedisClient] = []


async def redis(scope: Any, receive: Any, send: Any) -> None:
    """Answer R3's bulk from Redis: MGET of JSON, decoded."""
    if scope["type"] != "http":
        return
    body = await _body(receive)
    if not body:
        await _send(send, b"{}")
        return
    if not _redis:
        _redis.append(await RedisClient.open(os.environ["BENCH_REDIS"]))
    ids = msgspec.json.decode(body)["product_ids"]
    values = await _redis[0].values([f"catalog:stock:{each}:total".encode() for each in ids])
    stocks = {each: msgspec.json.decode(value)["available"] for each, value in zip(ids, values, strict=True)}
    await _send(send, msgspec.json.encode({"stocks": stocks}))


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Any, body: bytes) -> None:
    headers = [*_HEADERS, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
