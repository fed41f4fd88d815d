"""What an error of MongoDB means for the service: wait, stop, or the stream is lost.

Here: the server's codes, named. Not here: what is done about it (`service`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import ConfigurationError as DriverConfigurationError
from pymongo.errors import OperationFailure, PyMongoError

from inventory_assets.connector.errors import (
    ConnectorError,
    SourceRefusedError,
    SourceUnavailableError,
    TokenLostError,
)

# The stream cannot go on after its token, whatever was asked.
LOST_CODES = {
    286: "ChangeStreamHistoryLost",
    260: "InvalidResumeToken",
    280: "ChangeStreamFatalError",
    # Before 4.4 the same had no name.
    40576: "the resume point may no longer be in the oplog",
    40585: "the resume point may no longer be in the oplog",
    40615: "the resume token was not found",
}
# How a server spells that it cannot read a token: by one of its general codes, so the text decides.
_PARSE_CODES = {2, 9, 14, 20, 40, 72, 40647, 40648, 40649, 50811}
_TOKEN_WORDS = ("resume token", "resumetoken", "resume point", "resume of change stream", "keystring")
# Retrying does not help.
REFUSED_CODES = {
    13: "Unauthorized",
    18: "AuthenticationFailed",
    11: "UserNotFound",
    31: "RoleNotFound",
    33: "CannotAuthenticate",
    59: "CommandNotFound",
    73: "InvalidNamespace",
    115: "CommandNotSupported",
    166: "CommandNotSupportedOnView",
    323: "APIStrictError",
    8000: "AtlasError",
    40324: "unknown pipeline stage",
    40415: "unknown field",
    40573: "change streams are for replica sets",
    **dict.fromkeys((2, 9, 14, 72), "the command was not understood"),
}
TOO_LARGE_CODE = 10334  # BSONObjectTooLarge


def translate(error: PyMongoError, *, doing: str, is_resuming: bool = False) -> ConnectorError:
    """Name what an error means. Its text never holds the URI or a document.

    What is not known to be final counts as passing: waiting with an open circuit breaker is
    visible and ends by itself, a stopped service does not.

    Args:
        doing: For the text: what was tried.
        is_resuming: A token was sent along, so a refusal may be of that.
    """
    code = getattr(error, "code", None)
    text = f"MongoDB {doing}: {_reason(error)}"
    if isinstance(error, OperationFailure):
        if code in LOST_CODES or (is_resuming and _is_of_token(error)):
            return TokenLostError(f"{text}. The changes after the saved token are not to be had.", code=code)
        if code in REFUSED_CODES:
            return SourceRefusedError(f"{text}. {_next_step(code)}")
    if isinstance(error, DriverConfigurationError):
        return SourceRefusedError(f"{text}. Check MONGODB_URI.")
    return SourceUnavailableError(text)


def _is_of_token(error: OperationFailure) -> bool:
    words = _reason(error).lower()
    return error.code in _PARSE_CODES and any(word in words for word in _TOKEN_WORDS)


def _reason(error: PyMongoError) -> str:
    if not isinstance(error, OperationFailure):
        # What follows is the whole reply, the whole topology, or our own settings.
        text = str(error)
        for rest in (", full error", ", Timeout:", " (configured timeouts:"):
            text = text.partition(rest)[0]
        return f"{type(error).__name__}: {text[:300]}"
    details = error.details or {}
    name = details.get("codeName") or type(error).__name__
    return f"{name} ({error.code}): {str(details.get('errmsg') or '')[:500].rstrip('. ')}"


def _next_step(code: int | None) -> str:
    if code == 40573:
        return "Change streams need a replica set or a sharded cluster: run the server as one, be it of one member."
    if code in (11, 13, 18, 31, 33, 8000):
        return "Check the user of MONGODB_URI: it needs the role `read` on the database."
    return "This server does not support what the connector needs: MongoDB 4.4 or later."


@contextmanager
def translated(doing: str, *, is_resuming: bool = False) -> Iterator[None]:
    """Raise what goes wrong inside as the connector's own errors."""
    try:
        yield
    except PyMongoError as error:
        raise translate(error, doing=doing, is_resuming=is_resuming) from error
