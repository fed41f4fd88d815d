"""What the service tells those who watch it: metrics, logs and the status topic.

Here: the moments worth telling, each once a batch at most, so that watching costs nothing per
change. Not here: what becomes of them (`operations`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from inventory_assets.connector.source.change import ClusterTime, KeyChange
from inventory_assets.connector.state.checkpoint import Checkpoint, Gap


@dataclass(slots=True)
class Tally:
    """What became of the changes of one read.

    Attributes:
        read: Events of the stream, or documents of a copy.
        read_by_collection, bytes_by_collection: Changes among them, and their BSON.
        published: Messages handed to Pub/Sub, by collection; dead letters are not among them.
        refused: Dead letters, by reason.
        deduplicated: Read again, and confirmed before.
        dropped: Left out by a transformation, by collection.
    """

    read: int = 0
    read_by_collection: Counter[str] = field(default_factory=Counter)
    bytes_by_collection: Counter[str] = field(default_factory=Counter)
    published: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    deduplicated: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


class Observer:
    """Hears everything and does nothing; watchers override what they care about. Called by any thread."""

    def started(self, checkpoint: Checkpoint) -> None:
        """This process has taken the checkpoint over."""

    def stream_opened(self, checkpoint: Checkpoint) -> None:
        """The stream goes on after the checkpoint's token."""

    def handled(self, tally: Tally, *, cluster_time: ClusterTime | None) -> None:
        """One read was shaped and handed to Pub/Sub."""

    def keys_changed(self, changes: Sequence[KeyChange]) -> None:
        """An alarm: documents have left keys that no image names, and those keep their last stock or rule."""

    def caught_up(self) -> None:
        """The stream has nothing more, and everything read is confirmed."""

    def saved(self, checkpoint: Checkpoint) -> None:
        """The checkpoint moved."""

    def copy_started(self, checkpoint: Checkpoint) -> None:
        """A copy of all collections begins."""

    def copied(self, collection: str, documents: int, *, is_snapshot: bool) -> None:
        """A chunk was handed to Pub/Sub."""

    def copy_finished(self, documents: int) -> None:
        """Every document of the copy is confirmed."""

    def token_lost(self, gap: Gap) -> None:
        """An alarm: changes are missing; `gap.healed_by` says whether a copy makes up for them."""

    def recovering(self, error: Exception) -> None:
        """Something failed, and is tried again after a wait."""

    def on_published(self, topic: str, *, messages: int, size_bytes: int, seconds: float) -> None:
        """One publish request was confirmed, all of it."""

    def on_request_failed(self, topic: str, *, messages: int, code: str, seconds: float) -> None:
        """One publish request failed with a gRPC code; it may be tried again."""

    def stopped(self, reason: str, error: Exception | None) -> None:
        """The loop has ended: by request, or for an error that no retry mends."""
