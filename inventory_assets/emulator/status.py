"""Errors a client sees, as exceptions.

Belongs here: codes and the details that google-cloud-pubsub parses. Does not
belong: when they are raised.
"""

from collections.abc import Mapping

import grpc  # type: ignore[import-untyped]
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

Code = grpc.StatusCode


class StatusError(Exception):
    """Ends a call with a gRPC status.

    Attributes:
        ack_failures: Ack id -> reason, for exactly-once subscriptions.
        reason: What the service calls this failure, for programs; "" where it says no more.
        info: Details of the reason.
    """

    def __init__(
        self, code: grpc.StatusCode, message: str, *, ack_failures: Mapping[str, str] | None = None,
        reason: str = "", info: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.code = code
        self.message = message
        self.ack_failures = dict(ack_failures or {})
        self.reason = reason or ("EXACTLY_ONCE_ACKID_FAILURE" if ack_failures else "")
        self.info = dict(info or {}) | self.ack_failures
        super().__init__(f"{code.name}: {message}")

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """The google.rpc.Status that clients read the reason from."""
        if not self.reason:
            return ()
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain="pubsub.googleapis.com", metadata=self.info)
        detail = any_pb2.Any()
        detail.Pack(info)
        status = status_pb2.Status(code=self.code.value[0], message=self.message, details=[detail])
        return (("grpc-status-details-bin", status.SerializeToString()),)


def invalid(message: str) -> StatusError:
    """INVALID_ARGUMENT."""
    return StatusError(Code.INVALID_ARGUMENT, message)


def not_found(kind: str, name: str) -> StatusError:
    """NOT_FOUND, naming the resource."""
    return StatusError(Code.NOT_FOUND, f"{kind} not found (resource={name}). Create it, or check the project.")


def already_exists(kind: str, name: str) -> StatusError:
    """ALREADY_EXISTS, naming the resource."""
    return StatusError(Code.ALREADY_EXISTS, f"{kind} already exists in the project (resource={name}).")


def failed_precondition(message: str) -> StatusError:
    """FAILED_PRECONDITION."""
    return StatusError(Code.FAILED_PRECONDITION, message)
