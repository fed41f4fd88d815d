"""As of which version: from the picture where it still knows it, from the lake where not.

The same function answers from both: of an earlier version the rows it needs are read into a small picture.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC
from typing import Any

from inventory_assets.api.cursors import gone, question_of, read_cursor
from inventory_assets.api.http import Answer, Problem
from inventory_assets.api.reading import read_moment, wrong
from inventory_assets.api.service import Service
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.query.as_of import version_at
from inventory_assets.lake.query.clauses import latest
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.picture.frames import SOURCES, Reading, Source
from inventory_assets.picture.load import landed

Needs = Mapping[str, tuple[str, list[Any]]]
"""By table of a picture, the SQL condition of the keys whose rows an answer needs, and its parameters."""
Build = Callable[[Picture, int], Answer]
"""Makes an answer of a picture as of one of its versions."""


def show(
    service: Service, build: Build, needs: Callable[[], Needs] | None, *, tables: Sequence[str],
    version: int | None = None, at: str | None = None,
) -> Answer | Awaitable[Answer]:  # fmt: skip
    """Answer as of a version.

    Args:
        service: Whose picture and lake.
        build: Makes the answer.
        needs: What it reads, for the lake; None where the lake is not asked.
        tables: What it reads, for the picture.
        version: Which was asked for; None is now.
        at: Or the moment whose version was.

    Raises:
        Problem: 404, no such version; 410, it is not in the picture and the lake is not asked; 422, both were given.
    """
    picture = service.picture
    if at is not None:
        if version is not None:
            raise wrong("query.at", "beside `version`", "one of the two")
        version = _version_at(service, picture, at)
        if version == 0:
            if needs is None:
                raise _too_old(picture, tables)
            return _of_moment(service, build, needs, at)
    if version is None:
        version = picture.version
    if version <= picture.version and version >= horizon(picture, tables):
        return _count(service, build(picture, version))
    return _elsewhere(service, build, needs, tables, version)


def horizon(picture: Picture, tables: Sequence[str]) -> int:
    """The earliest version that some tables of a picture can show."""
    known = picture.tables
    return max(known[name].horizon for name in tables)


def turn_to(service: Service, question: Any, *tables: str) -> tuple[int, int | None, str]:
    """Where a page of a list begins whose keys are one text: the question's number, the version, the last key given.

    Args:
        service: Whose picture.
        question: With `version` and `cursor`.
        tables: Which the list needs of the picture; none where the lake is asked for what that has forgotten.

    Raises:
        Problem: 422, the cursor is none of this question's; 410, its version is gone.
    """
    number = question_of(question)
    if question.cursor is None:
        return number, question.version, ""
    place = read_cursor(question.cursor, number, service.picture.epoch, "query.cursor")
    if tables and place.version < horizon(service.picture, tables):
        raise gone(f"version {place.version}, which the page before showed, is no longer in memory")
    return number, place.version, str(place.after[0])


def _count(service: Service, answer: Answer) -> Answer:
    service.metrics.hits += 1
    return answer


def _version_at(service: Service, picture: Picture, at: str) -> int:
    moment = read_moment("query.at", at)
    if moment > service.clock.microseconds():
        raise Problem(
            404, f"the time was {at!r}, which is not there yet; the newest version is {picture.version}",
            more={"newest_version": picture.version},
        )  # fmt: skip
    return picture.version_at(moment)


async def _of_moment(service: Service, build: Build, needs: Callable[[], Needs], at: str) -> Answer:
    moment = to_datetime(read_moment("query.at", at)).astimezone(UTC)

    def ask(reader: LakeReader) -> Answer:
        try:
            version = version_at(reader.connection, moment)
        except LakeMissingError:
            raise Problem(404, f"no version was committed by {at!r}; the first one came later") from None
        return build(past(reader, version, needs()), version)

    return await service.ask_lake(ask)


async def _elsewhere(
    service: Service, build: Build, needs: Callable[[], Needs] | None, tables: Sequence[str], version: int
) -> Answer:
    picture = await service.reach(version)
    if version >= horizon(picture, tables):
        return _count(service, build(picture, version))
    if needs is None:
        raise _too_old(picture, tables)
    rows = needs()
    return await service.ask_lake(lambda reader: build(past(reader, version, rows), version))


def _too_old(picture: Picture, tables: Sequence[str]) -> Problem:
    oldest = horizon(picture, tables)
    return Problem(
        410, f"this list can be asked back to version {oldest}; of earlier ones ask for one of its rows, or "
        "`inventory sql --at-version`",
        more={"oldest_version": oldest},
    )  # fmt: skip


def check_landed(version: int, newest: int) -> None:
    """Refuse a version that the lake does not show yet.

    Raises:
        Problem: 503.
    """
    if version > newest:
        raise Problem(
            503, f"version {version} is not in the lake yet, which shows {newest}; ask again in a second",
            headers=[(b"retry-after", b"1")],
        )  # fmt: skip


def past(reader: LakeReader, version: int, needs: Needs) -> Picture:
    """The rows that are needed as a picture of an earlier version.

    Raises:
        Problem: 503, it has not landed yet.
    """
    epoch, newest = landed(reader)
    check_landed(version, newest)
    reading = Reading()
    rows = {
        name: reading.rows(SOURCES[name], reader.query(_query(SOURCES[name], condition, version), parameters))
        for name, (condition, parameters) in needs.items()
    }
    picture = Picture(epoch)
    picture.start(version, [], rows)
    return picture


def _query(source: Source, condition: str, version: int) -> str:
    table = source.table
    # The condition comes before the window, which would sort every key.
    rows = f"SELECT * FROM {table.changes} WHERE ({condition}) AND version <= {version:d} {latest(*table.key)}"
    return f"SELECT {', '.join(source.columns)} FROM ({rows}) WHERE {source.wanted}"
