"""Send messages a chunk at a time, each confirmed before the next, and go on where an earlier try broke.

Here: chunks, and how many of a source are confirmed, in a file of the home. Not here: what is sent (`rows`).
What is sent again after a break is a repeat: rows and documents have ids of their own (RULES 10).
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from inventory_assets.messaging.errors import PublishError
from inventory_assets.messaging.messages import OutgoingMessage, Publisher, size_of

CHUNK_MESSAGES = 5_000
# Messages may be of 10 MB each: this many bytes wait for their confirmation, and no more are read meanwhile.
CHUNK_BYTES = 32_000_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How many messages of one source are confirmed: a file of the home while it is not done."""

    place: Path

    @classmethod
    def of(cls, home: Path, *asked: object) -> "Progress":
        """Of a source and all that decides what it becomes: otherwise the same file is sent from its beginning."""
        digest = hashlib.sha256(repr(asked).encode()).hexdigest()[:32]
        return cls(home / "publish" / f"{digest}.json")

    def read(self) -> int:
        """Messages that are confirmed; 0 where no try broke, or nobody can tell."""
        try:
            found = json.loads(self.place.read_text())["confirmed"]
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        return found if type(found) is int and found > 0 else 0

    def write(self, confirmed: int) -> None:
        """Keep it. Not synced: what a power cut takes back is sent again, and is a repeat."""
        self.place.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.place.with_suffix(".new")
        fresh.write_text(json.dumps({"confirmed": confirmed}))
        fresh.replace(self.place)

    def clear(self) -> None:
        """It is done."""
        self.place.unlink(missing_ok=True)


def send(
    publisher: Publisher,
    messages: Iterable[OutgoingMessage],
    *,
    progress: Progress | None = None,
    on_sent: Callable[[int], None] = lambda count: None,
) -> int:
    """Publish messages; how many, with those that an earlier try had confirmed.

    Raises:
        PublishError: Some are not confirmed. `progress` knows where to go on.
    """
    waiting = iter(messages)
    confirmed = 0
    if progress is not None and (skipped := progress.read()):
        confirmed = sum(1 for _ in islice(waiting, skipped))
    for chunk in _chunks(waiting):
        try:
            publisher.publish(chunk)
        except PublishError as error:
            confirmed += _confirmed_first(error)
            if progress is not None and confirmed:
                progress.write(confirmed)
            raise
        confirmed += len(chunk)
        if progress is not None:
            progress.write(confirmed)
        on_sent(confirmed)
    if progress is not None:
        progress.clear()
    return confirmed


def _chunks(messages: Iterator[OutgoingMessage]) -> Iterator[list[OutgoingMessage]]:
    chunk: list[OutgoingMessage] = []
    size = 0
    for message in messages:
        chunk.append(message)
        size += size_of(message)
        if len(chunk) >= CHUNK_MESSAGES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _confirmed_first(error: PublishError) -> int:
    """How many, from the first on, were confirmed without a gap."""
    return next((place for place, each in enumerate(error.message_ids) if each is None), len(error.message_ids))
