"""The reasons for which a message is refused, and what kind of error each is.

Here: names. Not here: who refuses (`parse`, `dedupe` …), or what to do about it (`words.dead_letters`).
"""

from enum import StrEnum


class ErrorClass(StrEnum):
    """Where to look for the error."""

    FORMAT = "format"
    """The bytes: they are not what they should be."""
    SIZE = "size"
    """There are too many of them."""
    KIND = "kind"
    """It says something that nobody takes in, or not there."""
    FIELD = "field"
    """One field's value."""
    CONFLICT = "conflict"
    """It contradicts what is known."""
    FAULT = "fault"
    """Our code."""


REASONS: dict[str, ErrorClass] = {
    "invalid_json": ErrorClass.FORMAT,
    "schema_mismatch": ErrorClass.FORMAT,
    "too_large": ErrorClass.SIZE,
    "oversized": ErrorClass.SIZE,
    "unknown_kind": ErrorClass.KIND,
    "wrong_topic": ErrorClass.KIND,
    "unsupported_type": ErrorClass.KIND,
    "unsupported_kind": ErrorClass.KIND,
    "missing_field": ErrorClass.FIELD,
    "invalid_value": ErrorClass.FIELD,
    "invalid_id": ErrorClass.FIELD,
    "invalid_sign": ErrorClass.FIELD,
    "invalid_threshold": ErrorClass.FIELD,
    "invalid_command": ErrorClass.FIELD,
    "invalid_text": ErrorClass.FIELD,
    "event_time_out_of_range": ErrorClass.FIELD,
    "conflicting_duplicate": ErrorClass.CONFLICT,
    "transaction_moved": ErrorClass.CONFLICT,
    "unknown_alert": ErrorClass.CONFLICT,
    "unknown_line": ErrorClass.CONFLICT,
    "superseded_line": ErrorClass.CONFLICT,
    "illegal_transition": ErrorClass.CONFLICT,
    "invariant_violation": ErrorClass.FAULT,
}
"""All reasons; `oversized` and `unsupported_kind` are of earlier releases."""


def class_of(reason: str) -> ErrorClass:
    """What kind of error a reason is."""
    return REASONS.get(reason, ErrorClass.FIELD)
