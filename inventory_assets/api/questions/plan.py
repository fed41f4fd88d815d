"""The plan: what to order and what to move, line by line."""

from bisect import bisect_right
from collections.abc import Awaitable
from typing import Annotated

import msgspec

from inventory_assets.api.cursors import Place, gone, question_of, read_cursor, write_cursor
from inventory_assets.api.door import allow, sees
from inventory_assets.api.http import Answer, Asked, Problem, answer
from inventory_assets.api.order import listing
from inventory_assets.api.reading import Cursor, Id, Nothing, read_query
from inventory_assets.api.routes import Route
from inventory_assets.api.rows import LineOf, line_of
from inventory_assets.api.service import Service
from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.picture.rows import PlanLine
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.picture.frames import SOURCES, Reading
from inventory_assets.picture.load import landed

MOST_LINES = 1_000


class PlanQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which lines of the newest plan, of those that ask for something."""

    warehouse: Id | None = None
    supplier: Id | None = None
    category: Id | None = None
    sku: Id | None = None
    urgent: bool = False
    cursor: Cursor | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_LINES, description="lines of a page")] = 100


class Lines(msgspec.Struct, frozen=True):
    """A page of lines by warehouse and SKU."""

    items: list[LineOf]
    version: int
    next_cursor: str | None


def plan(service: Service, asked: Asked) -> Answer:
    """Lines of the newest plan."""
    question = read_query(PlanQuery, asked.query)
    if question.warehouse is not None:
        allow(asked.grant, question.warehouse)
    picture, number = service.picture, question_of(question)
    newest, after = picture.lines.newest, None
    if question.cursor is not None:
        place = read_cursor(question.cursor, number, picture.epoch, "query.cursor", (str, str))
        after = (str(place.after[0]), str(place.after[1]))
        if place.version != newest:
            raise gone("the plan was made anew since the page before")
    service.metrics.hits += 1
    rows = _lines(picture)
    found: list[PlanLine] = []
    for at in range(0 if after is None else bisect_right(rows, after, key=_key_of), len(rows)):
        if _is_wanted(rows[at], asked, question):
            found.append(rows[at])
            if len(found) > question.limit:
                break
    page = found[: question.limit]
    cursor = None
    if len(found) > question.limit:
        cursor = write_cursor(Place(number, picture.epoch, newest, _key_of(page[-1])))
    return answer(Lines([line_of(row) for row in page], newest, cursor), version=newest, shows=picture.version)


def _key_of(row: PlanLine) -> Key:
    return row.warehouse_id, row.sku


def _lines(picture: Picture) -> list[PlanLine]:
    return listing(picture, "lines", picture.lines.newest, lambda: picture.lines, _key_of)


def _is_wanted(row: PlanLine, asked: Asked, question: PlanQuery) -> bool:
    return (
        (question.warehouse is None or row.warehouse_id == question.warehouse)
        and (question.supplier is None or row.supplier_id == question.supplier)
        and (question.category is None or row.category_id == question.category)
        and (question.sku is None or row.sku == question.sku)
        and (row.is_urgent is True or not question.urgent)
        and sees(asked.grant, row.warehouse_id)
    )


def line(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """One line, of the newest plan or of an earlier one."""
    read_query(Nothing, asked.query)
    [line_id] = asked.values
    picture = service.picture
    by_id = listing(
        picture, "lines by id", picture.lines.newest, lambda: (row for row in picture.lines if row.line_id), _id_of
    )
    place = bisect_right(by_id, line_id, key=_id_of) - 1
    if place >= 0 and by_id[place].line_id == line_id:
        service.metrics.hits += 1
        return _one(asked, by_id[place], picture.version)
    return _of_lake(service, asked, line_id)


def _id_of(row: PlanLine) -> str:
    return row.line_id or ""


async def _of_lake(service: Service, asked: Asked, line_id: str) -> Answer:
    def ask(reader: LakeReader) -> Answer:
        source, shown = SOURCES["lines"], landed(reader)[1]
        query = (
            f"SELECT {', '.join(source.columns)} FROM {source.table.changes} WHERE line_id = ? "
            "ORDER BY version DESC, warehouse_id, sku LIMIT 1"
        )
        rows: list[PlanLine] = Reading().rows(source, reader.query(query, [line_id]))
        if not rows:
            raise Problem(404, f"no plan has a line {line_id!r}; /v1/plan lists those of the newest")
        return _one(asked, rows[0], shown)

    return await service.ask_lake(ask)


def _one(asked: Asked, row: PlanLine, shown: int) -> Answer:
    allow(asked.grant, row.warehouse_id)
    return answer(line_of(row), version=row.version, shows=shown)


ROUTES = (
    Route("GET", "/v1/plan", plan, "Lines of the newest plan that ask for something.", query=PlanQuery,
          answers={200: (Lines, "a page")}),
    Route("GET", "/v1/plan/{line_id}", line, "One line, also of an earlier plan.", query=Nothing,
          answers={200: (LineOf, "the line")}),
)  # fmt: skip
