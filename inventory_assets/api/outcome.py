"""What became of a request: asked of the journal for what was just committed, of the lake for what is older.

Each look goes on where the last one ended and keeps how far it came, so that asking again and again reads each
version once, and what is known is not looked for again. It costs 0.1 ms where nothing was committed since, half a
millisecond for each version of 1,000 events since, and a query of the lake (30 ms) where the journal has forgotten.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import msgspec
import polars as pl

from inventory_assets.api.http import Answer, Asked, Problem, answer
from inventory_assets.api.idempotency import Found, Kept, Plan, Search
from inventory_assets.api.routes import Route
from inventory_assets.api.writing.sending import PLACE, REQUEST_ID
from inventory_assets.domain.access.grants import Scope
from inventory_assets.domain.events.kinds import Key, Outcome
from inventory_assets.domain.values import format_time
from inventory_assets.lake.errors import LakeError, LakeMissingError
from inventory_assets.lake.journal.body import gather
from inventory_assets.lake.journal.open import has_journal, open_journal
from inventory_assets.lake.journal.sql import Journal
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.tables import CORE_EVENTS, DEAD_LETTERS, RAW_MESSAGES
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from inventory_assets.api.service import Service

PENDING = "pending"
OUTCOME_OF = {Outcome.DEAD_LETTERED: "refused"}
# What stands for all of a request's messages: the first of these that one of them has.
_WORST = ("refused", "superseded", "filtered", "applied", "duplicate")
_TABLES = (RAW_MESSAGES.full_name, DEAD_LETTERS.full_name, CORE_EVENTS.full_name)


class MessageOutcome(msgspec.Struct, omit_defaults=True):
    """What became of one message."""

    message_id: str
    event_id: str | None
    outcome: str
    version: int | None = None
    reason: str | None = None
    detail: str | None = None


class RequestOutcome(msgspec.Struct):
    """What became of a request.

    Attributes:
        outcome: pending until all of its messages are taken in, or one is refused; then the worst of theirs.
        counts: How many messages have which.
        version: The version that took in the last of them; null while none is.
        searched_to: Up to which version it was looked for.
        changed_between: Of PUT and PATCH, whether the shelf's stock changed after acceptance and before the effect,
            or beside it in the same version; null of others, and while pending.
    """

    request_id: str
    outcome: str
    accepted_at: str
    accepted_at_version: int
    searched_to: int
    version: int | None
    counts: dict[str, int]
    messages: list[MessageOutcome]
    if_match: int | None = None
    changed_between: bool | None = None


async def show_request(service: "Service", asked: Asked) -> Answer:
    """GET /v1/requests/{request_id}"""
    (request_id,) = asked.values
    writer = service.writer
    kept = await writer.run(writer.requests.get, request_id)
    if kept is None or not _may_see(asked, kept.plan):
        raise Problem(
            404, f"no request {request_id[:64]!r} here; one is kept for 24 hours, and the newest 200,000. What it "
            "changed is in the lake: inventory sql, raw.messages by attribute request_id",
        )  # fmt: skip
    if not _is_known(kept.plan, kept.search):
        try:
            search = await writer.run(look_further, service.settings, kept)
        except (LakeError, duckdb.Error) as error:
            raise Problem(503, f"the lake cannot be asked now: {error}", headers=[(b"retry-after", b"1")]) from error
        if search != kept.search:
            await writer.run(writer.requests.note, request_id, kept.search, search)
            kept = msgspec.structs.replace(kept, search=search)
    told = tell(kept)
    found = answer(told)
    if told.outcome == PENDING:
        found.headers.append((b"retry-after", b"1"))
    return found


def tell(kept: Kept) -> RequestOutcome:
    """What is known of a request."""
    plan, search = kept.plan, kept.search
    found = {each.place: each for each in search.found}
    messages = [
        MessageOutcome(
            sent.message_id or (found[place].message_id if place in found else ""), sent.event_id,
            *((found[place].outcome, found[place].version, found[place].reason, found[place].detail)
              if place in found else (PENDING,)),
        )
        for place, sent in enumerate(plan.sent)
    ]  # fmt: skip
    counts = Counter(each.outcome for each in messages)
    outcome = next((name for name in _WORST if counts[name]), "applied")
    if counts[PENDING] and not counts["refused"]:
        outcome = PENDING
    versions = [each.version for each in search.found]
    is_settled = plan.key is not None and not counts[PENDING]
    return RequestOutcome(
        kept.request_id, outcome, format_time(kept.made_at), plan.version, search.searched,
        max(versions, default=None), dict(counts), messages, plan.if_match,
        search.has_changed if is_settled else None,
    )  # fmt: skip


def look_further(settings: Settings, kept: Kept) -> Search:
    """Look for what is not known of a request in what was committed since the last look.

    Raises:
        LakeError, duckdb.Error: Neither journal nor lake can be read now.
    """
    if not has_journal(settings):
        return kept.search  # nothing was ever taken in
    with closing(open_journal(settings, read_only=True)) as journal:
        head = journal.head()
        # What was made anew keeps what it took in, under its version.
        upto = head.landed if head.barrier is not None else head.version
        search, plan = kept.search, kept.plan
        if search.searched < head.landed and not _has(journal, search.searched + 1):
            search = _look_in_lake(settings, kept.request_id, plan, search)
        for entry in journal.read(search.searched, upto):
            if entry.version != search.searched + 1 or _is_known(plan, search):
                break
            frames = gather([(entry.version, entry.body)], only=_TABLES)
            search = _take_in(kept.request_id, plan, search, entry.version, frames)
        return search


def _has(journal: Journal, version: int) -> bool:
    return bool(journal.stages(version - 1, version))


def _look_in_lake(settings: Settings, request_id: str, plan: Plan, search: Search) -> Search:
    try:
        reader = LakeReader(settings)
    except LakeMissingError:
        return search
    try:
        reader.connection.execute("BEGIN")
        landed = reader.query("SELECT coalesce(max(version), 0) FROM meta.versions").item()
        versions = [search.searched, landed]
        messages = reader.query(
            "SELECT version, seq, message_id, attributes, outcome FROM raw.messages "
            "WHERE version > ? AND version <= ? AND contains(attributes, ?)", [*versions, request_id],
        )  # fmt: skip
        letters = reader.query(
            "SELECT version, message_id, reason, detail FROM core.dead_letters WHERE version > ? AND version <= ?",
            versions,
        ) if messages.height else None  # fmt: skip
        found = _found(request_id, messages, letters)
        changes: list[int] = []
        if plan.key is not None:
            warehouse_id, sku = plan.key
            changes = reader.query(
                "SELECT DISTINCT version FROM core.events WHERE version > ? AND version <= ? AND sku = ? AND outcome = "
                "? AND ? IN (warehouse_id, to_warehouse_id) AND event_id <> ?",
                [*versions, sku, Outcome.APPLIED.value, warehouse_id, plan.sent[0].event_id or ""],
            )["version"].to_list()
        return _joined(plan, search, landed, found, changes)
    finally:
        reader.connection.close()


def _take_in(request_id: str, plan: Plan, search: Search, version: int, frames: dict[str, pl.DataFrame]) -> Search:
    messages = frames.get(RAW_MESSAGES.full_name)
    found = () if messages is None else _found(request_id, messages, frames.get(DEAD_LETTERS.full_name))
    changes = []
    events = frames.get(CORE_EVENTS.full_name)
    if plan.key is not None and events is not None and _touches(events, plan.key, plan.sent[0].event_id or ""):
        changes = [version]
    return _joined(plan, search, version, found, changes)


def _touches(events: pl.DataFrame, key: Key, event_id: str) -> bool:
    warehouse_id, sku = key
    return not events.filter(
        (pl.col("sku") == sku)
        & (pl.col("outcome") == Outcome.APPLIED.value)
        & ((pl.col("warehouse_id") == warehouse_id) | (pl.col("to_warehouse_id") == warehouse_id).fill_null(False))
        & (pl.col("event_id") != event_id)
    ).is_empty()


def _found(request_id: str, messages: pl.DataFrame, letters: pl.DataFrame | None) -> Iterator[Found]:
    mine = messages.filter(pl.col("attributes").str.contains(request_id, literal=True)).sort("version", "seq")
    if mine.is_empty():
        return
    reasons = {} if letters is None else {
        (version, message_id): (reason, detail)
        for version, message_id, reason, detail in letters.select(
            "version", "message_id", "reason", "detail"
        ).iter_rows()
    }  # fmt: skip
    for version, message_id, attributes, outcome in mine.select(
        "version", "message_id", "attributes", "outcome"
    ).iter_rows():
        said = msgspec.json.decode(attributes, type=dict[str, str])
        place = said.get(PLACE, "")
        if said.get(REQUEST_ID) != request_id or not place.isdecimal():
            continue
        reason, detail = reasons.get((version, message_id), (None, None))
        yield Found(int(place), version, message_id, OUTCOME_OF.get(outcome, str(outcome)), reason, detail)


def _joined(plan: Plan, search: Search, upto: int, found: Iterable[Found], changes: Iterable[int]) -> Search:
    places = {each.place: each for each in search.found}
    for each in found:
        if each.place < len(plan.sent):
            # What came of it first: a message that was delivered twice is its own repeat.
            places.setdefault(each.place, each)
    effect = places[0].version if plan.key is not None and 0 in places else None
    has_changed = search.has_changed or any(effect is None or version <= effect for version in changes)
    return Search(max(search.searched, upto), tuple(places[place] for place in sorted(places)), has_changed)


def _is_known(plan: Plan, search: Search) -> bool:
    return len(search.found) >= len(plan.sent)


def _may_see(asked: Asked, plan: Plan) -> bool:
    return all(asked.grant.refusal(Scope.READ, warehouse) is None for warehouse in plan.warehouses or (None,))


ROUTES = (
    Route(
        "GET", "/v1/requests/{request_id}", show_request, "What became of a request that was answered 202",
        answers={200: (RequestOutcome, "what is known by now"), 404: (None, "none of the last 24 hours")},
    ),
)  # fmt: skip
