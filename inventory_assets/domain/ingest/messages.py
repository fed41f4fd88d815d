"""A burst's messages, and what each of them says by itself.

Here: reading them, the beginning that is kept of a body that is too large, and what is known of a message that
breaks our code. Not here: what one message means (`domain.events`), or what they do together (`process`).
"""

import traceback
from collections.abc import Sequence

import msgspec

from inventory_assets.domain.events.kinds import Event, Filtered, Rejection
from inventory_assets.domain.events.parse import MAX_DETAIL, ParseSettings, parse_message, too_large

Parsed = Event | Rejection | Filtered

INVARIANT_VIOLATION = "invariant_violation"
"""Reason of a message that broke our code or an invariant; a replay refuses it again (RULES 35)."""
KEPT_BYTES = 1_000
"""So much is kept of a body that is too large: who sent it shows, and the lake does not grow by it."""
MAX_FRAMES = 30
_PACKAGE = "inventory_assets/"


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message as received. `publish_at` in microseconds, UTC.

    `data_bytes`: how long the body was, where `data` is only its beginning; else null.
    """

    message_id: str
    topic: str
    publish_at: int
    ordering_key: str
    attributes: dict[str, str]
    data: bytes
    data_bytes: int | None = None


def cut_large(messages: Sequence[Message], limits: dict[str, int]) -> Sequence[Message]:
    """The messages, and of a body that is over its topic's limit the beginning: nothing else of it is kept."""
    places = [
        place
        for place, message in enumerate(messages)
        if len(message.data) > KEPT_BYTES and len(message.data) > limits.get(message.topic, len(message.data))
    ]
    if not places:
        return messages
    cut = list(messages)
    for place in places:
        body = cut[place].data
        # A copy: a slice of a view would keep the whole body.
        cut[place] = msgspec.structs.replace(cut[place], data=bytes(body[:KEPT_BYTES]), data_bytes=len(body))
    return cut


def parse_burst(messages: Sequence[Message], settings: ParseSettings) -> list[Parsed]:
    """Read every message of a burst, in order."""
    return [_parse(message, settings) for message in messages]


def _parse(message: Message, settings: ParseSettings) -> Parsed:
    if (size := message.data_bytes) is not None:
        return too_large(message.topic, size, settings.message_limits.get(message.topic, size))
    try:
        return parse_message(message.topic, message.data, message.attributes, message.publish_at, settings)
    except Exception as error:  # a message that breaks our code must not stop all others
        return fault(error, f"{type(error).__name__}: {error}")


def fault(error: Exception, detail: str) -> Rejection:
    """Why a message that breaks our code or an invariant is refused, and where it broke."""
    # An invariant that is raised for an error of the code says less of it than that does.
    cause = error.__cause__ or error
    frames = [(_shown(frame.filename), frame) for frame in traceback.extract_tb(cause.__traceback__)]
    lines = [f"{path}:{frame.lineno} in {frame.name}" for path, frame in frames[-MAX_FRAMES:]]
    if len(frames) > MAX_FRAMES:
        lines.insert(0, f"({len(frames) - MAX_FRAMES:,} more)")
    ours = [f"{path}:{frame.lineno}" for path, frame in frames if path.startswith(_PACKAGE)]
    trace = "\n".join([*lines, f"{type(cause).__name__}: {cause}"[:MAX_DETAIL]])
    return Rejection(INVARIANT_VIOLATION, detail[:MAX_DETAIL], ours[-1] if ours else None, trace)


def _shown(path: str) -> str:
    """A source file as every installation calls it."""
    _, found, within = path.replace("\\", "/").rpartition(f"/{_PACKAGE}")
    return _PACKAGE + within if found else path.rpartition("/")[2]
