"""What an error means for the service."""

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1.publisher.exceptions import (
    FlowControlLimitError,
    MessageTooLargeError,
    PublishToPausedOrderingKeyException,
)

from inventory_assets.connector.publish.failures import Failure, FailureKind, classify, group
from inventory_assets.connector.publish.publisher import MessageRefusedError
from inventory_assets.connector.publish.pubsub_client import PublishAbandonedError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.ServiceUnavailable("away"), FailureKind.TRANSIENT),
        (exceptions.ResourceExhausted("quota"), FailureKind.TRANSIENT),
        (exceptions.RetryError("late", cause=exceptions.ServiceUnavailable("away")), FailureKind.TRANSIENT),
        (exceptions.RetryError("late", cause=None), FailureKind.TRANSIENT),
        (OSError("odd"), FailureKind.TRANSIENT),
        # A missing topic or right can be mended by an operator while the connector waits.
        (exceptions.NotFound("topic"), FailureKind.MENDABLE),
        (exceptions.PermissionDenied("right"), FailureKind.MENDABLE),
        (exceptions.Unauthenticated("key"), FailureKind.MENDABLE),
        (exceptions.FailedPrecondition("key disabled"), FailureKind.MENDABLE),
        (exceptions.InvalidArgument("attribute"), FailureKind.REFUSED),
        (MessageTooLargeError("10 MB"), FailureKind.REFUSED),
        (MessageRefusedError("reserved"), FailureKind.REFUSED),
        (FlowControlLimitError("over the cap alone"), FailureKind.REFUSED),
        (PublishToPausedOrderingKeyException("key"), FailureKind.FOLLOWS),
        (RuntimeError("Batch cancelled because prior ordered message failed"), FailureKind.FOLLOWS),
        (PublishAbandonedError("stopping"), FailureKind.ABANDONED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_has_a_kind(error, kind):
    assert classify(error)[0] is kind


def test_the_text_names_the_cause_and_not_the_deadline():
    error = exceptions.RetryError("Timeout of 60.0s exceeded", cause=exceptions.ServiceUnavailable("no\nroute"))

    assert classify(error)[1] == "UNAVAILABLE: 503 no route (tried until the deadline)"


def test_failures_are_counted_by_what_they_are_the_worst_first():
    away, bad = exceptions.ServiceUnavailable("away"), exceptions.InvalidArgument("bad")
    follows = [PublishToPausedOrderingKeyException("a"), PublishToPausedOrderingKeyException("b")]

    found = group([away, *follows, away, bad, exceptions.ServiceUnavailable("away")])

    assert found == (
        Failure(kind=FailureKind.REFUSED, text="INVALID_ARGUMENT: 400 bad", messages=1),
        Failure(kind=FailureKind.TRANSIENT, text="UNAVAILABLE: 503 away", messages=3),
        Failure(kind=FailureKind.FOLLOWS, text="an earlier message of the ordering key failed", messages=2),
    )
