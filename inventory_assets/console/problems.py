"""What the console answers when something cannot be done: a status, a sentence, and each problem by its place."""

from collections.abc import Sequence
from typing import Any

import duckdb

from inventory_assets.domain.values import InvalidValue
from inventory_assets.lake.errors import LakeError, LakeMissingError
from inventory_assets.messaging.errors import MessagingError
from inventory_assets.queries.ids import (
    AmbiguousAlertError,
    UnknownAlertError,
    UnknownIncidentError,
    UnknownSubjectError,
)
from inventory_assets.thresholds.edits import RuleChangeError
from inventory_assets.thresholds.files import ThresholdFileError


class Refused(Exception):
    """A request that is not carried out. `problems` are rows as `inventory thresholds validate` prints them."""

    def __init__(self, status: int, why: str, problems: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.problems = list(problems)


_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (LakeMissingError, 503),
    (UnknownAlertError, 404),
    (UnknownSubjectError, 404),
    (UnknownIncidentError, 404),
    (AmbiguousAlertError, 409),
    (RuleChangeError, 409),
    (ThresholdFileError, 422),
    (InvalidValue, 422),
    (LakeError, 503),
    (MessagingError, 503),
)
KNOWN = (*dict(_STATUS), duckdb.Error, Refused)


def to_refused(error: Exception) -> Refused:
    """What a request that ended in an error of ours is answered."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, duckdb.Error):
        return Refused(503, "the lake could not be read just now; the console's log says why")
    if isinstance(error, InvalidValue):
        return Refused(422, error.detail)
    return Refused(next(status for kind, status in _STATUS if isinstance(error, kind)), str(error))
