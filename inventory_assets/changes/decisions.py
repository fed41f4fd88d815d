"""Decisions on many lines of the plan at once: each checked by itself, as it will be when it is taken in.

Here: which of them fit. Not here: sending those that do.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from inventory_assets.changes.commands import (
    PLAN_FIELDS,
    CommandProblemError,
    Prepared,
    check_fields,
    prepare,
    read_plan_lines,
    shelves_of,
)
from inventory_assets.domain.events.kinds import Key, Rejection
from inventory_assets.domain.replenish.decisions import refuse
from inventory_assets.lake.query.reader import LakeReader

INVALID = "invalid"
"""The reason of what is no decision at all."""


class Judged(NamedTuple):
    """What becomes of one: `prepared` to be sent, or `refusal`. `shelves`: those with a line that it may mean."""

    wanted: Mapping[str, Any]
    prepared: Prepared | None
    refusal: Rejection | None
    shelves: list[Key]


def judge_decisions(
    reader: LakeReader, wanted: Sequence[Mapping[str, Any]], author: str, *, now: int, origin: str
) -> list[Judged]:
    """Judge decisions by the lines that there are now, all in one look.

    Args:
        reader: The lake.
        wanted: Each with `command`, `plan_line_id`, `reason` and what `PLAN_FIELDS` says.
        author: Who decides.
        now: When, in microseconds.
        origin: What issues them.
    """
    found: list[Prepared | Rejection] = []
    for each in wanted:
        try:
            checked = check_fields(each, author, PLAN_FIELDS)
            found.append(prepare(reader.settings, checked, now=now, origin=origin))
        except CommandProblemError as error:
            found.append(Rejection(INVALID, str(error)))
    ready = [each.command.plan_line_id or "" for each in found if isinstance(each, Prepared)]
    lines = read_plan_lines(reader, ready)
    return [_judge(one, each, lines) for one, each in zip(wanted, found, strict=True)]


def _judge(wanted: Mapping[str, Any], found: Prepared | Rejection, lines: Mapping[Key, Any]) -> Judged:
    if isinstance(found, Rejection):
        return Judged(wanted, None, found, [])
    refusal, shelves = refuse(lines, found.command), shelves_of(lines, found.command)
    return Judged(wanted, None if refusal else found, refusal, shelves)
