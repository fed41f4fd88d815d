"""The edges of the service: each a Protocol, with an in-memory twin in `tests/connector/fakes.py`.

Here: what the service may ask of MongoDB, of Pub/Sub and of the token store. Not here: how.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Protocol

from inventory_assets.connector.source.change import Batch, Chunk, Token
from inventory_assets.connector.state.checkpoint import Checkpoint
from inventory_assets.messaging.messages import OutgoingMessage


class ChangeSource(Protocol):
    """The change stream of one database. Used by one thread."""

    def open(self, token: Token | None) -> Token:
        """Open, or open anew, after `token`; None begins now.

        Returns:
            The token to resume after if nothing is read: what a first start saves before it copies.

        Raises:
            TokenLostError: The stream cannot go on after `token`.
            SourceUnavailableError, SourceRefusedError: MongoDB did not answer, or will not.
        """
        ...

    def next_batch(self) -> Batch:
        """Read what is there; wait at most about a second for a first change.

        Raises:
            TokenLostError, SourceUnavailableError, SourceRefusedError: As `open`; open it anew.
        """
        ...

    def copy(self, collection: str) -> Iterator[Chunk]:
        """Read a whole collection in chunks, in the order of `_id`, whatever types those have.

        Raises:
            SourceUnavailableError, SourceRefusedError: The copy must begin anew.
        """
        ...

    def close(self) -> None:
        """Close cursors and connections."""
        ...


class MessageSink(Protocol):
    """Where messages leave. Messages of one topic and ordering key keep their order."""

    def publish(self, message: OutgoingMessage) -> "Future[str]":
        """Hand over one message; blocks while too much is unconfirmed (backpressure).

        Returns:
            Resolves to the message id once Pub/Sub has confirmed it; fails when it will not.
        """
        ...

    def flush(self) -> None:
        """Send what waits for a fuller batch now; does not wait for confirmation."""
        ...

    def resume(self) -> None:
        """Allow ordering keys again that a failure has paused. Call when every future is settled."""
        ...

    def abandon(self) -> None:
        """Fail everything unconfirmed soon, and for good: ends a `publish` that blocks. Any thread."""
        ...

    def close(self, *, timeout_seconds: float) -> None:
        """Send what waits, wait for it, abandon what is not confirmed in time, and close."""
        ...


class TokenStore(Protocol):
    """Where a connector's checkpoint is kept between runs. Thread-safe."""

    def load(self, connector_id: str) -> Checkpoint | None:
        """Read the checkpoint; None before the first save.

        Raises:
            StoreUnavailableError: It did not answer.
        """
        ...

    def save(self, checkpoint: Checkpoint) -> Checkpoint:
        """Write durably, if what is stored has the checkpoint's `revision` (0: nothing is stored).

        Returns:
            The checkpoint with the next revision.

        Raises:
            CheckpointConflictError: Somebody else has written meanwhile; nothing was changed.
            StoreUnavailableError: It did not answer; it may have been written or not.
        """
        ...

    def list(self) -> Sequence[Checkpoint]:
        """All connectors' checkpoints, by id."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...
