"""What the console answers when something cannot be done: a status, a sentence, and each problem by its place."""

from collections.abc import Sequence
from typing import Any

import duckdb

from inventory_assets.changes.commands import CommandProblemError
from inventory_assets.domain.values import InvalidValue
from inventory_assets.lake.errors import LakeError
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


# In the order looked for: most of these are errors of the lake.
_STATUS: tuple[tuple[int, tuple[type[Exception], ...]], ...] = (
    (404, (UnknownAlertError, UnknownSubjectError, UnknownIncidentError)),
    (409, (AmbiguousAlertError, RuleChangeError)),
    (422, (ThresholdFileError, InvalidValue)),
    (503, (LakeError, MessagingError)),
)
KNOWN = (*(kind for _, kinds in _STATUS for kind in kinds), duckdb.Error, PermissionError, CommandProblemError, Refused)


def to_refused(error: Exception) -> Refused:
    """What a request that ended in an error of ours is answered."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, CommandProblemError):
        return Refused(error.status, str(error))
    if isinstance(error, duckdb.Error):
        return Refused(503, "the lake could not be read just now; the console's log says why")
    if isinstance(error, PermissionError):
        return Refused(
            503, "the lake's files are not the console's user to read; its log says which. Run it as their owner"
        )
    if isinstance(error, InvalidValue):
        return Refused(422, error.detail)
    return Refused(next(status for status, kinds in _STATUS if isinstance(error, kinds)), str(error))
