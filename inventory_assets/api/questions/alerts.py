"""Alerts: those that fire from memory, those that are over from the lake."""

from bisect import bisect_right
from collections.abc import Awaitable, Iterable
from typing import Annotated, Any, Literal

import msgspec

from inventory_assets.api.cursors import Place, write_cursor
from inventory_assets.api.door import allow, sees
from inventory_assets.api.http import Answer, Asked, Problem, answer
from inventory_assets.api.order import listing
from inventory_assets.api.reading import Cursor, Id, Version, read_query
from inventory_assets.api.routes import Route
from inventory_assets.api.rows import AlertOf, alert_of
from inventory_assets.api.service import Service
from inventory_assets.api.versions import Needs, check_landed, show, turn_to
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.picture.rows import Alert
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.query.rows import current_rows_query
from inventory_assets.picture.frames import SOURCES, Reading
from inventory_assets.picture.load import landed

MOST_ALERTS = 1_000


class AlertsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which alerts; those that fire unless `state` says otherwise."""

    state: Literal["firing", "resolved", "all"] = "firing"
    warehouse: Id | None = None
    sku: Id | None = None
    alert_type: Literal["STOCKOUT", "LOW_STOCK", "REORDER"] | None = None
    priority: Literal["CRITICAL", "HIGH", "MEDIUM"] | None = None
    version: Version | None = None
    cursor: Cursor | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_ALERTS, description="alerts of a page")] = 100


class AlertQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As of which version."""

    version: Version | None = None


class Alerts(msgspec.Struct, frozen=True):
    """A page of alerts by id, so by the day they opened."""

    items: list[AlertOf]
    version: int
    next_cursor: str | None


def alerts(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """Alerts by id."""
    question = read_query(AlertsQuery, asked.query)
    if question.warehouse is not None:
        allow(asked.grant, question.warehouse)
    is_of_now = question.state == "firing" and question.version is None
    number, version, after = turn_to(service, question, *(("alerts",) if is_of_now else ()))
    if question.state != "firing":
        return _of_lake(service, asked, question, number, version, after)

    def build(picture: Picture, shown: int) -> Answer:
        tied = min(shown, picture.alerts.newest)
        rows = listing(picture, "alerts", tied, lambda: _firing(picture, tied), _id_of)
        return _page(rows, picture.epoch, asked, question, number, tied, shown, after)

    def needs() -> Needs:
        return {"alerts": ("true", [])}

    return show(service, build, needs, tables=("alerts",), version=version)


def _firing(picture: Picture, version: int) -> Iterable[Alert]:
    if version >= picture.alerts.newest:
        return picture.alerts
    return (row for row in picture.alerts.changed(0, version, limit=10**9) if not row.is_gone)


def _id_of(row: Alert) -> str:
    return row.alert_id


def _page(
    rows: list[Alert], epoch: int, asked: Asked, question: AlertsQuery, number: int, tied: int, shown: int, after: str
) -> Answer:
    found: list[Alert] = []
    for place in range(bisect_right(rows, after, key=_id_of) if after else 0, len(rows)):
        if _is_wanted(rows[place], asked, question):
            found.append(rows[place])
            if len(found) > question.limit:
                break
    page = found[: question.limit]
    cursor = None
    if len(found) > question.limit:
        cursor = write_cursor(Place(number, epoch, tied, (page[-1].alert_id,)))
    return answer(Alerts([alert_of(row) for row in page], tied, cursor), version=tied, shows=shown)


def _is_wanted(row: Alert, asked: Asked, question: AlertsQuery) -> bool:
    return (
        (question.warehouse is None or row.warehouse_id == question.warehouse)
        and (question.sku is None or row.sku == question.sku)
        and (question.alert_type is None or row.alert_type == question.alert_type)
        and (question.priority is None or row.priority == question.priority)
        and (question.state == "all" or row.state == question.state)
        and sees(asked.grant, row.warehouse_id)
    )


async def _of_lake(
    service: Service, asked: Asked, question: AlertsQuery, number: int, version: int | None, after: str
) -> Answer:
    if version is not None:
        await service.reach(version)
    conditions, parameters = ["alert_id > ?"], [after]
    for column, value in (
        ("warehouse_id", question.warehouse), ("sku", question.sku), ("alert_type", question.alert_type),
        ("priority", question.priority), ("state", None if question.state == "all" else question.state),
    ):  # fmt: skip
        if value is not None:
            conditions.append(f"{column} = ?")
            parameters.append(value)
    if asked.grant.warehouses is not None:
        places = sorted(asked.grant.warehouses)
        conditions.append(f"warehouse_id IN ({', '.join('?' * len(places))})")
        parameters += places
    condition = f"{' AND '.join(conditions)} ORDER BY alert_id LIMIT {question.limit + 1}"

    def ask(reader: LakeReader) -> Answer:
        epoch, newest = landed(reader)
        shown = newest if version is None else version
        check_landed(shown, newest)
        rows = _read(reader, condition, parameters, shown)
        return _page(rows, epoch, asked, question, number, shown, shown, "")

    return await service.ask_lake(ask)


def _read(reader: LakeReader, condition: str, parameters: list[Any], version: int) -> list[Alert]:
    source = SOURCES["alerts"]
    rows = current_rows_query(reader, source.table, version)
    query = f"SELECT {', '.join(source.columns)} FROM ({rows}) WHERE {condition}"
    return Reading().rows(source, reader.query(query, parameters))


def alert(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """One alert."""
    question = read_query(AlertQuery, asked.query)
    [alert_id] = asked.values
    picture = service.picture
    row = picture.alerts.last(alert_id)
    version = question.version
    if version is None and row is not None:
        service.metrics.hits += 1
        return _one(asked, row, picture.version)
    if version is not None and picture.alerts.horizon <= version <= picture.version:
        row = picture.alerts.at(alert_id, version)
        if row is not None:
            service.metrics.hits += 1
            return _one(asked, row, version)
    return _one_of_lake(service, asked, alert_id, version)


async def _one_of_lake(service: Service, asked: Asked, alert_id: str, version: int | None) -> Answer:
    if version is not None:
        await service.reach(version)

    def ask(reader: LakeReader) -> Answer:
        newest = landed(reader)[1]
        shown = newest if version is None else version
        check_landed(shown, newest)
        rows = _read(reader, "alert_id = ?", [alert_id], shown)
        if not rows:
            raise Problem(404, f"there was no alert {alert_id!r} as of version {shown}; ids are given whole")
        return _one(asked, rows[0], shown)

    return await service.ask_lake(ask)


def _one(asked: Asked, row: Alert, shown: int) -> Answer:
    allow(asked.grant, row.warehouse_id)
    return answer(alert_of(row), version=row.version, shows=shown)


ROUTES = (
    Route("GET", "/v1/alerts", alerts, "Alerts by id; those that fire from memory, others from the lake.",
          query=AlertsQuery, answers={200: (Alerts, "a page")}),
    Route("GET", "/v1/alerts/{alert_id}", alert, "One alert.", query=AlertQuery,
          answers={200: (AlertOf, "the alert")}),
)  # fmt: skip
