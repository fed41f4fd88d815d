"""The plan of a write to one shelf: which it is, what it was compared with, what it keeps of what is known.

Nothing is awaited between looking at the picture and the plan: what is compared is what is written on.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from inventory_assets.api.http import Asked, Problem, read_tags, tag_of
from inventory_assets.api.idempotency import Plan
from inventory_assets.api.reading import read_query, wrong
from inventory_assets.api.writing.judged import judged_of, read_json, said
from inventory_assets.api.writing.sending import ORIGIN
from inventory_assets.api.writing.wanted import Where
from inventory_assets.domain.changes.stock import NOTHING, Carried, Stated, read_key, state_level, state_move
from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.picture.picture import Picture, parents_of
from inventory_assets.lake.errors import LakeMissingError

if TYPE_CHECKING:
    from inventory_assets.api.service import Service

EMBEDDED = "EMBEDDED"
# Another process of the service may have shown a version that this one sees in a moment.
REACH_SECONDS, REACH_AHEAD, REACH_STEP = 1.0, 100, 0.02


async def plan_level(service: "Service", asked: Asked, request_id: str) -> Plan:
    """A counted level."""
    picture, body, key = await _subject(service, asked)
    at = service.writer.now()
    carried = NOTHING if picture is None else carried_of(picture, key)
    stated = said(lambda: state_level(body, key, carried, at=at))
    return _plan_stock(service, asked, request_id, Topic.LEVELS, stated, key, picture)


async def plan_move(service: "Service", asked: Asked, request_id: str) -> Plan:
    """An adjustment, a reservation or its release."""
    picture, body, key = await _subject(service, asked)
    at, author = service.writer.now(), asked.grant.name
    stated = said(lambda: state_move(body, key, transaction_id=f"svc-{request_id}", author=author, at=at))
    return _plan_stock(service, asked, request_id, Topic.TRANSACTIONS, stated, key, picture)


async def _subject(service: "Service", asked: Asked) -> tuple[Picture | None, dict[str, Any], Key]:
    """What a shelf's writes have in common; the last that awaits."""
    body = read_json(asked)
    where = read_query(Where, asked.query)
    if (where.warehouse is None) != (where.sku is None):
        raise wrong("query", "one of `warehouse` and `sku`", "both, or neither")
    picture = await picture_of(service, asked)
    given = _given(asked, where, picture)
    return picture, body, said(lambda: read_key(body, given))


async def picture_of(service: "Service", asked: Asked) -> Picture | None:
    """The picture of now; none where there is no lake yet, which the first write makes."""
    picture = service.live.picture
    if picture is None:
        try:
            await service.ask_lake(lambda reader: None)
        except LakeMissingError:
            return None
        picture = service.picture  # being read: without it, a count would lose what it does not say
    wanted = max((version for epoch, version in _tags(asked) if epoch == picture.epoch), default=0)
    for _ in range(int(REACH_SECONDS / REACH_STEP)):
        if wanted <= picture.version or wanted > service.live.newest + REACH_AHEAD:
            break
        await asyncio.sleep(REACH_STEP)
        picture = service.picture
    return picture


def _given(asked: Asked, where: Where, picture: Picture | None) -> Key | None:
    if len(asked.values) == 2:
        return asked.values[0], asked.values[1]
    if len(asked.values) == 1:
        return _split(asked.values[0], picture)
    return None if where.warehouse is None or where.sku is None else (where.warehouse, where.sku)


def _split(record_id: str, picture: Picture | None) -> Key:
    """The shelf of R3's record id, `warehouse:sku`. An id may hold a colon: then the one that is there is meant."""
    cuts = [place for place, each in enumerate(record_id) if each == ":"]
    keys = [(record_id[:cut], record_id[cut + 1 :]) for cut in cuts]
    known = keys if picture is None or len(keys) == 1 else [key for key in keys if picture.stock.get(key) is not None]
    if len(known) != 1:
        raise wrong("path.id", repr(record_id[:80]), "WAREHOUSE:SKU of one shelf; or ask /v1/inventory/WAREHOUSE/SKU")
    return known[0]


def carried_of(picture: Picture, key: Key) -> Carried:
    """What is known of a shelf that a count does not say."""
    stock, limits = picture.stock.get(key), picture.limits.get(key)
    # A SKU stands in one place of the hierarchy, whatever the warehouse.
    known = stock or next(iter(picture.stock_of_sku(key[1])), None)
    is_embedded = limits is not None and limits.rule_level_type == EMBEDDED
    return Carried(
        NOTHING.parents if known is None else parents_of(known),
        limits.min_threshold_qty if limits is not None and is_embedded else None,
        limits.reorder_threshold_qty if limits is not None and is_embedded else None,
        stock is not None and stock.is_restock_in_progress,
    )


def _plan_stock(
    service: "Service", asked: Asked, request_id: str, topic: Topic, stated: Stated, key: Key, picture: Picture | None
) -> Plan:
    body = (stated.body, {"row_id": f"{ORIGIN}/{request_id}"})
    [judged], [sent] = judged_of(service, asked, request_id, topic, [body], is_batch=False)
    stock = None if picture is None else picture.stock.get(key)
    if_match = _check_tags(asked, picture, key)
    said = {"warehouse_id": key[0], "sku": key[1], **stated.said, "was_version": stock and stock.version}
    return Plan((sent,), 0 if picture is None else picture.version, said, judged.warehouses, key=key, if_match=if_match)


def _tags(asked: Asked) -> list[tuple[int, int]]:
    return list(read_tags(asked.headers.get(b"if-match", b"")))


def _check_tags(asked: Asked, picture: Picture | None, key: Key) -> int | None:
    """Hold If-Match and If-None-Match to what is shown now; the version that was asked for.

    Raises:
        Problem: 412.
    """
    match, none_match = (asked.headers.get(name, b"").strip() for name in (b"if-match", b"if-none-match"))
    stock = None if picture is None else picture.stock.get(key)
    version = None if stock is None else stock.version
    if none_match and (none_match != b"*" or version is not None):
        what = "there is one" if none_match == b"*" else f"If-None-Match was {none_match.decode('latin-1')[:80]!r}"
        raise _not_so(asked, picture, version, f"{what}, expected `If-None-Match: *` and no such shelf")
    if not match:
        return None
    if picture is None or version is None:
        raise _not_so(asked, picture, None, f"there is no stock of SKU {key[1]!r} in warehouse {key[0]!r} yet")
    if match != b"*" and (picture.epoch, version) not in _tags(asked):
        raise _not_so(
            asked, picture, version,
            f"If-Match was {match.decode('latin-1')[:80]!r}, and the stock was last changed by version {version}",
        )  # fmt: skip
    return version


def _not_so(asked: Asked, picture: Picture | None, version: int | None, why: str) -> Problem:
    headers = [] if picture is None or version is None else [(b"etag", tag_of(picture.epoch, version))]
    return Problem(
        412, f"{why}. Nothing was sent; read it again, and decide again", more={"version": version}, headers=headers
    )
