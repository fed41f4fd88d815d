"""`inventory tail`: what passes on a topic, decoded and judged, and nothing taken away from anybody."""

import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from inventory_assets.commands.days import read_moment
from inventory_assets.commands.output import notes, print_line
from inventory_assets.commands.stopping import stop_event
from inventory_assets.domain.events.tail import HeldTo, Passing, look_at
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.meaning import meaning_of, parsing_of
from inventory_assets.messaging.messages import ReceivedMessage
from inventory_assets.option_types import ROWS, WAIT_SECONDS
from inventory_assets.settings import Settings, emulator_host, load_settings
from inventory_assets.words.numbers import counted
from inventory_assets.words.times import to_second

if TYPE_CHECKING:
    from inventory_assets.messaging.tail import Tail

# How long Ctrl-C and the end of --for may wait for a broker that has nothing.
LOOK_SECONDS = 0.25
# Of a body on a terminal; the other formats have all of it.
MOST_SHOWN = 1_000
_TOPIC = re.compile(r"[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
_HELD_TO: dict[str, HeldTo | None] = {
    "table": None, "json": None, "protobuf": "protobuf", "cloudevents": "cloudevents",
}  # fmt: skip


@click.command()
@click.option("--topic", required=True, help="Short name of the topic.")
@click.option("--since", help="Also what passed since this time (RFC 3339, UTC), where the topic keeps messages.")
@click.option("--filter", "filter_", default="", help="Only what matches, in Pub/Sub's filter language: "
              "attributes.priority = \"HIGH\" AND NOT attributes:row_id.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice([*_HELD_TO]), default="table", show_default=True,
              help="table: a line of text each. json: a JSON object a line. protobuf, cloudevents: the same, and each "
              "message is held to that envelope.")  # fmt: skip
@click.option("--limit", type=ROWS, help="End after so many messages.")
@click.option("--for", "seconds", type=WAIT_SECONDS, help="End after so many seconds.")
def tail(topic: str, since: str | None, filter_: str, format_: str, limit: int | None, seconds: float | None) -> None:
    """Watch a topic: each message decoded, and what is wrong with it.

    It reads a subscription of its own, so nobody misses a message; the subscription is deleted at the end (Ctrl-C,
    SIGTERM, --limit, --for), and after a kill by the broker within a day.

    \b
    inventory tail --topic inventory-events --format cloudevents
    inventory tail --topic alerts-topic --since 2026-01-31T08:00:00Z --limit 10
    """
    if not _TOPIC.fullmatch(topic):
        raise click.UsageError(f"--topic was {topic!r}; expected a short name, such as inventory-topic.")
    moment = None if since is None else read_moment("--since", since)
    matches = _read_filter(filter_)
    settings = load_settings()
    # Here: `--help` and what is refused need no gRPC, which takes half a second.
    from inventory_assets.messaging.tail import tail_of
    from inventory_assets.wiring import ensure_topics

    with stop_event() as stop:
        ensure_topics(settings)
        with tail_of(
            settings.project, topic, since=moment, filter_=filter_, matches=matches,
            emulator_host=emulator_host(settings),
        ) as watched:  # fmt: skip
            _say_from_when(watched, topic, moment)
            count, wrong = _show(_passing(watched, stop, limit, seconds), settings, format_)
    notes.print(f"{counted(count, 'message')}, {wrong:,} of them wrong", style="dim")
    if watched.left:
        notes.print(
            f"the subscription {watched.subscription!r} could not be deleted ({watched.left}); "
            "it expires by itself in a day.", style="yellow",
        )  # fmt: skip


def _read_filter(text: str) -> Any:
    from inventory_assets.emulator.filters import FilterError, compile_filter

    try:
        return compile_filter(text)
    except FilterError as error:
        raise click.UsageError(
            f'--filter is none that Pub/Sub takes: {error}. Expected, for example, attributes.priority = "HIGH", '
            'attributes:row_id, hasPrefix(attributes.kind, "low"), with NOT, AND, OR and parentheses.'
        ) from error


def _say_from_when(watched: "Tail", topic: str, since: datetime | None) -> None:
    if since is None:
        said = "from now on"
    elif watched.kept is None:
        said = "from now on: the topic keeps no messages, so --since has nothing to go back to"
    elif not watched.is_back:
        said = "from now on: this broker cannot go back in time"
    else:
        said = f"from {to_second(since)} UTC on; it keeps messages for {watched.kept.total_seconds() / 86_400:g} days"
    notes.print(f"watching {topic} {said}. Ctrl-C ends it.", style="dim")


def _passing(
    watched: "Tail", stop: threading.Event, limit: int | None, seconds: float | None
) -> Iterator[list[ReceivedMessage]]:
    end = None if seconds is None else time.monotonic() + seconds
    left = limit
    while not stop.is_set() and (end is None or time.monotonic() < end):
        burst = watched.next(LOOK_SECONDS)[:left]
        if burst:
            yield burst
        if left is not None:
            left -= len(burst)
            if not left:
                return


def _show(bursts: Iterator[list[ReceivedMessage]], settings: Settings, format_: str) -> tuple[int, int]:
    """Print each; (how many, how many of them wrong)."""
    parsing, held_to = parsing_of(meaning_of(settings)), _HELD_TO[format_]
    count = wrong = 0
    for burst in bursts:
        for message in burst:
            at = to_microseconds(message.publish_time)
            found = look_at(message.topic, message.data, message.attributes, at, parsing, held_to=held_to)
            count, wrong = count + 1, wrong + bool(found.problem)
            print_line(_text(message, found) if format_ == "table" else _row(message, found))
    return count, wrong


def _row(message: ReceivedMessage, found: Passing) -> dict[str, Any]:
    row: dict[str, Any] = {
        "publish_time": message.publish_time, "message_id": message.message_id, "topic": message.topic,
        "ordering_key": message.ordering_key, "attributes": message.attributes, "envelope": found.envelope or None,
        "kind": found.kind or None, "problem": found.problem or None, "document": found.document,
    }  # fmt: skip
    return row if found.document is not None else row | {"data": message.data}


def _text(message: ReceivedMessage, found: Passing) -> str:
    marks = {"key": message.ordering_key} if message.ordering_key else {}
    parts = [
        to_second(message.publish_time), message.message_id, found.kind or "-", found.envelope or "-",
        *(f"{name}={value}" for name, value in (marks | message.attributes).items()),
    ]  # fmt: skip
    if found.problem:
        parts.append(f"✗ {found.problem} ·")
    body = (
        message.data[:MOST_SHOWN].decode("utf-8", "backslashreplace") if found.document is None
        else json.dumps(found.document, ensure_ascii=False)
    )  # fmt: skip
    return " ".join([*parts, body if len(body) <= MOST_SHOWN else f"{body[:MOST_SHOWN]}…"])
