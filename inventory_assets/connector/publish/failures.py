"""What a failed publish means: try again, call somebody, or give up. Pure.

Here: errors of Pub/Sub and its client as one of a few kinds. Not here: what is done about them (`service`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import grpc  # type: ignore[import-untyped]
from google.api_core.exceptions import RetryError
from google.cloud.pubsub_v1.publisher.exceptions import (
    FlowControlLimitError,
    MessageTooLargeError,
    PublishToPausedOrderingKeyException,
)

from inventory_assets.connector.publish.publisher import MessageRefusedError
from inventory_assets.connector.publish.pubsub_client import PublishAbandonedError
from inventory_assets.messaging.connection import code_of, describe


class FailureKind(StrEnum):
    """What can be done about a failure, the worst last."""

    # Its ordering key was paused by another failure: that one says why.
    FOLLOWS = "follows"
    # The process ends.
    ABANDONED = "abandoned"
    # The broker was away or slow for longer than the deadline: try again.
    TRANSIENT = "transient"
    # An operator can mend it while we wait: alarm, and try again.
    MENDABLE = "mendable"
    # The message itself: it will never be taken.
    REFUSED = "refused"


# A missing topic, right, credential, billing account or key: not our message's fault.
_MENDABLE_CODES = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_REFUSED_CODES = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Messages that failed alike.

    Attributes:
        text: `CODE: details`, one line.
        messages: How many. Of REFUSED by the service, all of the request, of which one may be the cause.
    """

    kind: FailureKind
    text: str
    messages: int


def classify(error: BaseException) -> tuple[FailureKind, str]:
    """Kind and text of one message's failure."""
    if isinstance(error, RetryError) and error.cause is not None:
        kind, text = classify(error.cause)
        return kind, f"{text} (tried until the deadline)"
    if isinstance(error, PublishToPausedOrderingKeyException):
        return FailureKind.FOLLOWS, "an earlier message of the ordering key failed"
    if isinstance(error, RuntimeError):
        # The client cancels what waits behind a failure with this class and a sentence.
        return FailureKind.FOLLOWS, str(error)
    if isinstance(error, PublishAbandonedError):
        return FailureKind.ABANDONED, error.message
    if isinstance(error, MessageRefusedError | MessageTooLargeError | FlowControlLimitError):
        return FailureKind.REFUSED, str(error)
    code = code_of(error)
    if code in _REFUSED_CODES:
        return FailureKind.REFUSED, describe(error)
    return (FailureKind.MENDABLE if code in _MENDABLE_CODES else FailureKind.TRANSIENT), describe(error)


def group(errors: Iterable[BaseException]) -> tuple[Failure, ...]:
    """Failures by kind and text, the worst kind first, then the most messages."""
    # A batch's messages share one error object: describing it once a message would cost more than the rest.
    by_object: dict[int, tuple[BaseException, int]] = {}
    for error in errors:
        _, count = by_object.get(id(error), (error, 0))
        by_object[id(error)] = (error, count + 1)
    counts: dict[tuple[FailureKind, str], int] = {}
    for error, count in by_object.values():
        kind = classify(error)
        counts[kind] = counts.get(kind, 0) + count
    order = list(FailureKind)
    found = [Failure(kind=kind, text=text, messages=count) for (kind, text), count in counts.items()]
    return tuple(sorted(found, key=lambda each: (-order.index(each.kind), -each.messages, each.text)))
