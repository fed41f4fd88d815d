"""What changed since: rows by the version that last changed them, in pages of one version."""

from collections.abc import Awaitable, Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from inventory_assets.api.cursors import Place, gone, question_of, read_cursor, write_cursor
from inventory_assets.api.door import allow, sees
from inventory_assets.api.http import Answer, Asked, Problem, answer
from inventory_assets.api.questions.stock import MOST_ROWS, Limit
from inventory_assets.api.reading import Cursor, Id, Moment, one_of, read_body, read_moment, wrong
from inventory_assets.api.routes import Route
from inventory_assets.api.rows import StockOf, stock_of
from inventory_assets.api.service import Service
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.query.as_of import version_at
from inventory_assets.lake.query.reader import LakeReader

# Looked at for one page, whatever the filter leaves of it: a page that is thin is an answer, a long wait of others not.
MOST_LOOKED_AT = 5_000
_Since = Annotated[int, msgspec.Meta(ge=0, le=2**53, description="a version; 0 gives everything")]


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changed after `since` or after `since_version`.

    The next page is the same question with `cursor`. `epoch` is that of the answer before: where the lake was rebuilt
    since, versions alone do not say what changed.
    """

    SHAPE: ClassVar[Mapping[str, Any]] = one_of("since", "since_version")
    since: Moment | None = None
    since_version: _Since | None = None
    epoch: _Since | None = None
    warehouse_id: Id | None = None
    limit: Limit = MOST_ROWS
    page: Literal[1] = 1
    cursor: Cursor | None = None


class Changed(msgspec.Struct, frozen=True):
    """A page of what changed, by (version, warehouse, SKU), each key once.

    The last page has `next_since_version` in place of `next_cursor`: go on from there, and nothing is missed.
    """

    items: list[StockOf]
    version: int
    epoch: int
    next_cursor: str | None
    next_since_version: int | None


def recently_updated(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """What changed since a time or a version."""
    question = read_body(Changes, asked.body)
    if (question.since is None) == (question.since_version is None):
        raise wrong("body", "neither or both of `since` and `since_version`", "one of the two")
    if question.warehouse_id is not None:
        allow(asked.grant, question.warehouse_id)
    picture = service.picture
    if question.epoch is not None and question.epoch != picture.epoch:
        raise _rebuilt()
    if question.cursor is not None:
        place = read_cursor(
            question.cursor, question_of(question), picture.epoch, "body.cursor", (int, str, str)
        )  # fmt: skip
        if place.version > picture.version:
            return _later(service, asked, question, place)
        return _page(picture, asked, question, place)
    since = question.since_version
    if since is None:
        assert question.since is not None
        moment = read_moment("body.since", question.since)
        now = service.clock.microseconds()
        if moment > now:
            raise wrong(
                "body.since", f"{question.since!r}, which is after now, {to_datetime(now):%FT%TZ}",
                "a time that has been; or go on from `next_since_version`",
            )  # fmt: skip
        since = picture.version_at(moment)
        if since == 0:
            return _of_moment(service, asked, question, moment)
    place = Place(question_of(question), picture.epoch, picture.version, (), since)
    if since > picture.version:
        return _later(service, asked, question, place)
    return _page(picture, asked, question, place)


async def _later(service: Service, asked: Asked, question: Changes, place: Place) -> Answer:
    # Another process of the service showed a version that this one is about to.
    picture = await service.reach(max(place.version, place.since))
    if not place.after:
        place = msgspec.structs.replace(place, version=picture.version, epoch=picture.epoch)
    elif place.epoch != picture.epoch:
        raise _rebuilt()
    return _page(picture, asked, question, place)


async def _of_moment(service: Service, asked: Asked, question: Changes, moment: int) -> Answer:
    def ask(reader: LakeReader) -> int:
        try:
            return version_at(reader.connection, to_datetime(moment))
        except LakeMissingError:
            return 0  # before the first: everything changed since

    since = await service.ask_lake(ask)
    picture = service.picture
    return _page(picture, asked, question, Place(question_of(question), picture.epoch, picture.version, (), since))


def _page(picture: Picture, asked: Asked, question: Changes, place: Place) -> Answer:
    upto = place.version
    if upto < picture.stock.horizon:
        # All that is below the last row's version was given as it was, or comes again as it is.
        last = place.after[0] if place.after else place.since
        raise gone(
            f"version {upto}, which the page before showed, is no longer in memory", since_version=max(0, int(last) - 1)
        )
    warehouse = question.warehouse_id
    rows = picture.stock.changed(place.since, upto, after=place.after or None, limit=MOST_LOOKED_AT)
    items: list[StockOf] = []
    looked_at = 0
    for row in rows:
        looked_at += 1
        if (warehouse is None or row.warehouse_id == warehouse) and sees(asked.grant, row.warehouse_id):
            items.append(stock_of(row))
            if len(items) == question.limit:
                break
    cursor = None
    if looked_at < len(rows) or len(rows) == MOST_LOOKED_AT:
        end = rows[looked_at - 1]
        cursor = write_cursor(
            Place(place.question, place.epoch, upto, (end.version, end.warehouse_id, end.sku), place.since)
        )  # fmt: skip
    return answer(Changed(items, upto, place.epoch, cursor, None if cursor else upto), shows=upto)


def _rebuilt() -> Problem:
    return gone(
        "the lake was rebuilt since, and an earlier version may show other rows", since_version=0
    )  # fmt: skip


ROUTES = (
    Route("POST", "/v1/inventory/recently-updated", recently_updated, "What changed since a time or a version.",
          body=Changes, answers={200: (Changed, "a page; its rows are as of `version`")}),
)  # fmt: skip
