"""Everybody who listens to changes: told the same where they want the same, once a second at most, never waited for.

A row is encoded once when it changes; those who want the same form a group, and its message is made once. It is
written straight to the connections: a task and a queue each would be ten thousand of both. Who has not taken the last
message when the next is due gets none, and later one of all that changed meanwhile; who is 1 MB behind is closed.

All of it runs on the event loop.
"""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Protocol

from inventory_assets.api import events
from inventory_assets.api.events import End, Reset
from inventory_assets.api.http import Problem
from inventory_assets.domain.picture.picture import Changed, Picture
from inventory_assets.domain.picture.stream import Listeners, Pending, Wanted, knows, news

logger = logging.getLogger(__name__)

EACH_SECONDS = 1.0
# How finely that is kept: a change waits for half of it where nothing came before.
TICK_SECONDS = 0.05
BEAT_SECONDS = 15
# Bytes that a reader has not taken, or that were kept from it as it had not.
MOST_BEHIND = 1 << 20
# Another process of the service may have told of a version that this one sees a moment later.
AHEAD_SECONDS = 2.0
# Connections written to before others are answered: of a thousand rows each, 2 ms.
AT_ONCE = 32
# For the last event to leave.
CLOSE_SECONDS = 5.0

Judge = Callable[[Any], str | None]
"""Why a grant is not good any more; None where it is. Asked once a second for each token."""


class Source(Protocol):
    """What tells of changes: `Live`."""

    picture: Picture | None

    def listen(self, listener: Callable[[Changed | None], None]) -> None:
        """Tell of every version."""


class Stream:
    """One who listens.

    Attributes:
        version: Up to which it was told all.
        due: Before then it is told nothing.
        is_behind: Whether its group's messages are not for it, as it lacks what came before.
        must_reset: Whether its version is of another picture.
        missed: Bytes kept from it since it stopped to read.
    """

    __slots__ = (
        "ahead_until", "due", "grant", "group", "is_behind", "missed", "must_reset", "number", "sent_at", "transport",
        "version",
    )  # fmt: skip

    def __init__(self, number: int, group: "_Group", transport: asyncio.WriteTransport, grant: Any) -> None:
        self.number = number
        self.group = group
        self.transport = transport
        self.grant = grant
        self.version = 0
        self.due = self.sent_at = self.ahead_until = 0.0
        self.is_behind = self.must_reset = False
        self.missed = 0


class _Group:
    """Those who want the same."""

    __slots__ = ("due", "pending", "quiet", "streams", "upto", "wanted")

    def __init__(self, wanted: Wanted, upto: int) -> None:
        self.wanted = wanted
        self.streams: dict[Stream, None] = {}
        # Every change after the version `upto` is in `pending`; there was none up to `quiet`.
        self.pending: Pending[bytes] = Pending({}, {})
        self.upto = self.quiet = upto
        self.due = 0.0


class Hub:
    """The streams of one process."""

    def __init__(
        self, source: Source, *, most: int, most_of_token: int, judge: Judge = lambda grant: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Make it; nobody is told anything before `start`.

        Args:
            source: What tells of changes.
            most: Streams in all.
            most_of_token: Streams of one token; who needs none is bounded by `most` alone.
            judge: Whether a token is still good.
            monotonic: Seconds.
        """
        self._source = source
        self._most = most
        self._most_of_token = most_of_token
        self._judge = judge
        self._monotonic = monotonic
        self._groups: dict[Wanted, _Group] = {}
        self._listeners: Listeners[_Group] = Listeners()
        self._tokens: dict[str, dict[Stream, None]] = {}
        self._beats: list[dict[Stream, None]] = [{} for _ in range(BEAT_SECONDS)]
        self._dirty: dict[_Group, None] = {}
        self._behind: dict[Stream, None] = {}
        # Of one step: what was made for those who were away.
        self._made: dict[tuple[Wanted, int], tuple[int, bytes]] = {}
        self._closing: dict[asyncio.WriteTransport, float] = {}
        self._number = 0
        self._beaten_at = int(monotonic())
        self._is_over = False
        self._running: asyncio.Task[None] | None = None
        self.dropped = 0
        source.listen(self._changed)

    def __len__(self) -> int:
        """How many listen."""
        return sum(map(len, self._tokens.values()))

    def check_room(self, grant: Any) -> None:
        """Make sure that one more may listen.

        Raises:
            Problem: 429, the token has enough of them; 503, there are enough, or this process ends.
        """
        token_id = _token_of(grant)
        mine = len(self._tokens.get(token_id, ()))
        if token_id and mine >= self._most_of_token:
            raise Problem(
                429, f"this token has {mine} streams open, and may have {self._most_of_token}; close one, or listen to "
                "more with each: warehouse= and sku= may be given several times", headers=[(b"retry-after", b"5")],
            )  # fmt: skip
        if self._is_over or len(self) >= self._most:
            raise Problem(
                503, "this process ends" if self._is_over else f"there are {self._most} streams open, and no more may "
                "be; ask again later, or raise INVENTORY_STREAMS", headers=[(b"retry-after", b"5")],
            )  # fmt: skip

    def start(self) -> None:
        """Begin to tell. Twice is once."""
        if self._running is None and not self._is_over:
            self._running = asyncio.create_task(self._run())

    def join(self, wanted: Wanted, since: int | None, transport: asyncio.WriteTransport, grant: Any = None) -> Stream:
        """Tell somebody of changes from now on, and of those since a version.

        Args:
            wanted: Of which.
            since: The version that is known; None to go on from now.
            transport: Where to write; the head of the answer was written.
            grant: Whose it is.
        """
        picture = self._picture()
        group = self._groups.get(wanted)
        if group is None:
            group = self._groups[wanted] = _Group(wanted, picture.version)
            self._listeners.add(wanted, group)
        now = self._monotonic()
        self._number += 1
        stream = Stream(self._number, group, transport, grant)
        group.streams[stream] = None
        self._tokens.setdefault(_token_of(grant), {})[stream] = None
        self._beats[stream.number % BEAT_SECONDS][stream] = None
        stream.version = picture.version if since is None else since
        if since is None:
            self._write(stream, events.start(stream.version, picture.epoch, stream.number), now)
        else:
            self._write(stream, events.resumed(stream.number), now, is_message=False)
            stream.ahead_until = now + AHEAD_SECONDS
            if not group.upto <= since <= picture.version:
                self._fall_behind(stream)
            elif group.pending:
                self._dirty[group] = None
        return stream

    def leave(self, stream: Stream) -> None:
        """Tell it nothing more. Twice is once."""
        group = stream.group
        if group.streams.pop(stream, stream) is stream:
            return
        token_id = _token_of(stream.grant)
        mine = self._tokens[token_id]
        del mine[stream], self._beats[stream.number % BEAT_SECONDS][stream]
        if not mine:
            del self._tokens[token_id]
        self._behind.pop(stream, None)
        if not group.streams:
            del self._groups[group.wanted]
            self._listeners.remove(group.wanted, group)
            self._dirty.pop(group, None)

    def close(self) -> None:
        """End all streams, and begin no more."""
        self._is_over = True
        for stream in [stream for mine in self._tokens.values() for stream in mine]:
            self._end(stream, End.SHUTDOWN, "this process ends; come back with Last-Event-ID")
        if self._running is not None:
            self._running.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self.step()
            except Exception:
                # A fault of ours must not silence everybody: it is said, and the next second is another.
                logger.exception("streams were not sent what changed")
            await asyncio.sleep(TICK_SECONDS)

    async def step(self) -> None:
        """Tell what is due."""
        now = self._monotonic()
        self._made.clear()
        for group in [group for group in self._dirty if group.due <= now]:
            self._dirty.pop(group, None)
            await self._tell(group, now)
        for place, stream in enumerate([stream for stream in self._behind if stream.due <= now], start=1):
            if stream in self._behind:
                self._catch_up(stream, now)
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)
        # A second for each slot, also those that were slept through.
        while self._beaten_at < int(now):
            self._beaten_at = max(self._beaten_at + 1, int(now) - BEAT_SECONDS + 1)
            await self._beat(self._beats[self._beaten_at % BEAT_SECONDS], now)
            if self._beaten_at == int(now):
                self._look(now)

    def _changed(self, changed: Changed | None) -> None:
        if changed is None:
            self._begin_anew()
            return
        for row in changed.stock:
            body = b""
            for group in self._listeners.of(row.key):
                if group.wanted.stock:
                    body = body or events.stock_json(row)
                    self._pending_of(group, changed.version).stock[row.key] = body
        for alert in changed.alerts:
            body = b""
            for group in self._listeners.of((alert.warehouse_id, alert.sku)):
                if group.wanted.alerts:
                    body = body or events.alert_json(alert)
                    self._pending_of(group, changed.version).alerts[alert.alert_id] = body

    def _pending_of(self, group: _Group, version: int) -> Pending[bytes]:
        if not group.pending:
            group.quiet = version - 1
            self._dirty[group] = None
        return group.pending

    def _begin_anew(self) -> None:
        self._made.clear()
        self._dirty.clear()
        for group in self._groups.values():
            group.pending = Pending({}, {})
            group.upto = group.quiet = self._picture().version
            for stream in group.streams:
                stream.must_reset = True
                self._fall_behind(stream)

    async def _tell(self, group: _Group, now: float) -> None:
        picture = self._picture()
        pending, group.pending = group.pending, Pending({}, {})
        quiet, version = group.quiet, picture.version
        group.upto = version
        group.due = now + EACH_SECONDS
        body = events.changes(version, picture.committed_us, pending.stock.values(), pending.alerts.values())
        try:
            for place, stream in enumerate(list(group.streams), start=1):
                if place % AT_ONCE == 0:
                    await asyncio.sleep(0)
                if stream in group.streams:
                    self._tell_one(stream, version, body, now)
        finally:
            # Who was not told lacks what came after `quiet`: those that had to be passed over, or all where it broke.
            for stream in group.streams:
                if stream.version < version and not stream.is_behind:
                    stream.version = max(stream.version, quiet)
                    self._fall_behind(stream)

    def _tell_one(self, stream: Stream, version: int, body: bytes, now: float) -> None:
        unsent = stream.transport.get_write_buffer_size()
        if unsent:
            stream.missed += len(body)
            if unsent + stream.missed > MOST_BEHIND:
                self._drop(stream)
                return
        if not stream.is_behind and not unsent and stream.due <= now:
            self._write(stream, body, now)
            stream.version = version

    def _fall_behind(self, stream: Stream) -> None:
        stream.is_behind = True
        # With its group's next message it is told what it lacks, and is one of them again.
        stream.due = max(stream.due, stream.group.due)
        self._behind[stream] = None

    def _catch_up(self, stream: Stream, now: float) -> None:
        if stream.transport.get_write_buffer_size():
            return
        stream.missed = 0
        picture, wanted = self._picture(), stream.group.wanted
        if stream.must_reset:
            self._reset(stream, Reset.RELOADED, now)
        elif stream.version > picture.version:
            if now >= stream.ahead_until:
                self._reset(stream, Reset.AHEAD, now)
        elif not knows(picture, wanted, stream.version):
            self._reset(stream, Reset.FORGOTTEN, now)
        else:
            version, body = self._made_for(picture, wanted, stream.version)
            if body:
                self._write(stream, body, now)
            stream.version = version
            self._settle(stream)

    def _made_for(self, picture: Picture, wanted: Wanted, since: int) -> tuple[int, bytes]:
        """The next message of who knows a version; empty where there is nothing to say but the version."""
        made = self._made.get((wanted, since))
        if made is None:
            told = news(picture, wanted, since)
            body = b""
            if told.stock or told.alerts:
                committed_us = picture.committed_at(told.version) or picture.committed_us
                body = events.changes(
                    told.version, committed_us,
                    [events.stock_json(row) for row in told.stock], [events.alert_json(row) for row in told.alerts],
                )  # fmt: skip
            made = self._made[wanted, since] = (told.version, body)
        return made

    def _reset(self, stream: Stream, reason: Reset, now: float) -> None:
        picture = self._picture()
        stream.version, stream.must_reset = picture.version, False
        self._write(stream, events.reset(picture.version, picture.epoch, reason), now)
        self._settle(stream)

    def _settle(self, stream: Stream) -> None:
        if stream.version >= stream.group.upto:
            stream.is_behind = False
            self._behind.pop(stream, None)

    async def _beat(self, streams: dict[Stream, None], now: float) -> None:
        for place, stream in enumerate(list(streams), start=1):
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)
            is_quiet = now - stream.sent_at >= BEAT_SECONDS - EACH_SECONDS
            if stream in streams and is_quiet and not stream.transport.get_write_buffer_size():
                group = stream.group
                if not stream.is_behind:
                    known = group.quiet if group.pending else self._picture().version
                    stream.version = max(stream.version, known)
                self._write(stream, events.beat(stream.version), now, is_message=False)

    def _look(self, now: float) -> None:
        """Whether tokens are good still, and who was to go has gone."""
        for mine in list(self._tokens.values()):
            detail = self._judge(next(iter(mine)).grant)
            if detail is not None:
                for stream in list(mine):
                    self._end(stream, End.TOKEN, detail)
        for transport in [each for each, until in self._closing.items() if until <= now]:
            del self._closing[transport]
            transport.abort()

    def _write(self, stream: Stream, body: bytes, now: float, *, is_message: bool = True) -> None:
        # One that has gone is left by its own task, in a moment.
        if not stream.transport.is_closing():
            stream.transport.write(body)
        stream.sent_at = now
        if is_message:
            stream.due = now + EACH_SECONDS

    def _end(self, stream: Stream, reason: End, detail: str) -> None:
        self.leave(stream)
        transport = stream.transport
        if transport.get_write_buffer_size():
            # It has not taken the last message; it would not take this one.
            transport.abort()
        elif not transport.is_closing():
            transport.write(events.end(reason, detail))
            transport.close()
            self._closing[transport] = self._monotonic() + CLOSE_SECONDS

    def _drop(self, stream: Stream) -> None:
        self.dropped += 1
        logger.info("a stream was %d bytes behind and is closed", MOST_BEHIND)
        self.leave(stream)
        connection = stream.transport.get_extra_info("socket")
        if connection is not None:
            # What the kernel still has of it goes too, rather than wait for who does not read.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.transport.abort()

    def _picture(self) -> Picture:
        picture = self._source.picture
        assert picture is not None, "nobody is let in before there is one"
        return picture


def _token_of(grant: Any) -> str:
    return getattr(grant, "token_id", "")
