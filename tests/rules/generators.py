"""Random streams for the laws: few keys, few instants, stock near the thresholds.

Belongs here: hypothesis strategies for documents and bursts, and the ways to cut and
reorder them. Does not: anything that judges what comes out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.rules.case import (
    DAY,
    SECOND,
    Committed,
    Sent,
    Sweep,
    Velocities,
    command,
    envelope,
    level,
    message,
    rule,
    txn,
)
from tests.rules.folding import sort_key
from tests.rules.holding import scope_of
from tests.rules.reading import Event, Rejected, contradicts, read_event

Document = dict | Sent
Steps = list[list[Document] | Committed | Sweep | Velocities]

SKUS = ("S1", "S2")
WAREHOUSES = ("W1", "W2", "W3")
# Minutes after 07:00, around the ends of cooldowns of 10 and 60 minutes.
MINUTES = (0, 1, 2, 3, 9, 10, 11, 30, 59, 60, 61, 62, 70, 90, 119, 120, 121, 180)
# Around min 10 and reorder 20, the ends of their hysteresis (11, 22), and days of cover
# (27 units are 42 days of 18/28 a day, which floats miss).
UNITS = (-3, 0, 1, 5, 9, 10, 11, 12, 18, 19, 20, 21, 22, 23, 27, 30, 33, 60)
STEPS = (1, 2, 5, 9, 10, 11, 20)
LIMITS = (None, 0, 10, 20)
DAYS = (None, None, None, 0, 1, 5, 14, 42, 0.5)
VELOCITIES = (18 / 28, 29 / 28, 0.5, 2.0, 0.0)
PLACES: tuple[dict[str, str], ...] = (  # SKUs move between them
    {"department_id": "D1", "category_id": "C1", "brand_id": "B1", "product_id": "P1"},
    {"department_id": "D1", "category_id": "C2", "brand_id": "B1", "product_id": "P1"},
    {"department_id": "D1", "category_id": "C2", "brand_id": "B2", "product_id": "P2"},
    {},
)
SCOPES = (
    ("SKU", "S1"), ("SKU", "S1"), ("SKU", "S2"), ("PRODUCT", "P1"), ("PRODUCT", "P2"), ("BRAND", "B1"),
    ("BRAND", "B2"), ("CATEGORY", "C1"), ("CATEGORY", "C2"), ("CATEGORY", "UNKNOWN"), ("DEPARTMENT", "D1"),
    ("GLOBAL", None), ("GLOBAL", "any"),
)  # fmt: skip
TYPES = ("ORDER", "ORDER", "RESTOCK", "RETURN", "ADJUSTMENT", "TRANSFER", "TRANSFER", "RESERVE", "RELEASE")
# Who sends an envelope: a connector, one that has lost history (RULES 12), or nobody, as bare documents.
# Only one source has epochs: between two that have, no order of position is also one of time.
SENDERS: tuple[dict[str, Any], ...] = (
    {"connector_id": "A"}, {"connector_id": "A"}, {"connector_id": "A", "source_epoch": 1},
    {"connector_id": "B"}, {"connector_id": "B"}, {"source": None},
)  # fmt: skip
TIMELY = ("bare", "bare", "bare", "envelope without a cluster time", "row")
ANYHOW = ("bare", "bare", "bare", "envelope", "envelope", "envelope", "row")
PLACES_OF_COMMANDS: tuple[dict[str, str], ...] = (
    {}, {}, {}, {"warehouse_id": "W1"}, {"sku": "S1"}, {"warehouse_id": "W1", "sku": "S1"}, {"category_id": "C1"},
)  # fmt: skip
NOWHERE = ({},)  # no level names a parent, so no SKU moves
STATUSES = ("PENDING", "PENDING", "COMPLETED", "COMPLETED", "CANCELLED", "SHIPPED")


@dataclass(frozen=True)
class World:
    """The few keys, instants and transactions that one stream is about."""

    keys: list[dict[str, str]]
    minutes: list[int]
    places: tuple[dict[str, str], ...]
    cast: list[dict[str, Any]]
    ways: tuple[str, ...]  # how documents are sent


def clock(minute: int) -> str:
    """Spell minutes after 07:00 of the table's day."""
    return f"{DAY}T{7 + minute // 60:02d}:{minute % 60:02d}:00Z"


def one_in(n: int) -> st.SearchStrategy[bool]:
    """True once in n, and in the simplest example not."""
    return st.integers(0, n - 1).map(lambda number: number == n - 1)


@st.composite
def worlds(draw: Any, places: tuple[dict[str, str], ...], ways: tuple[str, ...]) -> World:
    """One to four keys, two to six instants, up to four transactions."""
    keys = st.builds(dict, sku=st.sampled_from(SKUS), warehouse_id=st.sampled_from(WAREHOUSES))
    # Few keys, so that a stream dwells on one: a re-breach needs four points of it.
    found = draw(st.lists(keys, min_size=1, max_size=draw(st.sampled_from((1, 1, 2, 4)))))
    minutes = draw(st.lists(st.sampled_from(MINUTES), min_size=2, max_size=6))
    cast = [draw(members(found)) for _ in range(draw(st.integers(1, 4)))]
    return World(found, minutes, places, cast, ways)


@st.composite
def members(draw: Any, keys: list[dict[str, str]]) -> dict[str, Any]:
    """One transaction: its type, key and size, which its versions share.

    Names are few, so that warehouses number alike, and lines of one order meet.
    """
    kind = draw(st.sampled_from(TYPES))
    sign = -1 if kind == "ORDER" else draw(st.sampled_from((1, -1))) if kind == "ADJUSTMENT" else 1
    key = draw(st.sampled_from(keys))
    name = draw(st.sampled_from(("T0", "T1", "T2", "T3")))
    member = {"name": name, "kind": kind, "quantity": sign * draw(st.sampled_from(STEPS)), **key}
    if draw(one_in(4)):
        member["line_id"] = draw(st.sampled_from(("1", "2", None)))
    if kind == "TRANSFER":
        other = WAREHOUSES.index(key["warehouse_id"]) + draw(st.integers(1, 2))
        member["to_warehouse_id"] = WAREHOUSES[other % 3]
    return member


def send(draw: Any, world: World, document: dict | None, minute: int, **more: Any) -> Document:
    """Send a document bare, in an envelope, or as a row of a file."""
    way = "envelope" if document is None or more else draw(st.sampled_from(world.ways))
    if way.startswith("envelope"):
        # Change streams run behind and their clocks differ: not always the document's time.
        minutes = (minute, minute, minute, *(world.minutes if world.ways is ANYHOW else ()))
        seconds = SECOND + 60 * draw(st.sampled_from(minutes))
        # A rule is of no source with epochs: it acts by its instant alone (RULES 25).
        is_rule = document is not None and "level_type" in document
        more |= draw(st.sampled_from([each for each in SENDERS if not is_rule or "source_epoch" not in each]))
        if way != "envelope":
            more = {name: value for name, value in more.items() if name != "source_epoch"} | {"cluster_time": None}
        return envelope(document, seconds, draw(st.integers(1, 2)), **more)
    if way == "row":
        return Sent(document, row_id=f"file:{draw(st.integers(0, 30))}")
    assert document is not None
    return document


@st.composite
def levels(draw: Any, world: World) -> Document:
    """An inventory document."""
    minute = draw(st.sampled_from(world.minutes))
    more: dict[str, Any] = {**draw(st.sampled_from(world.keys)), **draw(st.sampled_from(world.places))}
    if draw(one_in(3)):
        more["reserved_stock"] = draw(st.sampled_from((0, 1, 5, 10)))
    if draw(one_in(4)):
        more["restock_in_progress"] = True
    if draw(one_in(3)):
        more["min_threshold"] = draw(st.sampled_from(LIMITS))
        more["reorder_threshold"] = draw(st.sampled_from(LIMITS))
    if draw(one_in(6)):
        more["updated_at"] = clock(draw(st.sampled_from(world.minutes)))
    return send(draw, world, level(draw(st.sampled_from(UNITS)), clock(minute), **more), minute)


@st.composite
def tombstones(draw: Any, world: World) -> Document:
    """A deleted inventory document."""
    key, minute = draw(st.sampled_from(world.keys)), draw(st.sampled_from(world.minutes))
    return send(draw, world, None, minute, operation="delete", document_key=key)


@st.composite
def transactions(draw: Any, world: World) -> Document:
    """One version of a transaction of the cast, sometimes out of character."""
    fields = dict(draw(st.sampled_from(world.cast)))
    name, kind, quantity = fields.pop("name"), fields.pop("kind"), fields.pop("quantity")
    status = draw(st.sampled_from(STATUSES))
    if status == "SHIPPED" and kind != "TRANSFER":
        status = "PENDING"
    if draw(one_in(4)):
        quantity += draw(st.sampled_from((1, -1)))
    if draw(one_in(20)):
        fields |= draw(st.sampled_from(world.keys))
    minute = draw(st.sampled_from(world.minutes))
    if draw(one_in(4)):
        fields["updated_at"] = clock(draw(st.sampled_from(world.minutes)))
    return send(draw, world, txn(name, kind, quantity, clock(minute), status=status, **fields), minute)


@st.composite
def threshold_rules(draw: Any, world: World) -> Document:
    """A threshold rule at any level, a mute or a deletion; a few are invalid."""
    kind, id_ = draw(st.sampled_from(SCOPES))
    limits = [draw(st.sampled_from(LIMITS)) for _ in range(2)]
    if None not in limits and not draw(one_in(10)):
        limits.sort()
    days = [draw(st.sampled_from(DAYS)) for _ in range(2)]
    if None not in days:
        days.sort()
    alert_settings: dict[str, Any] = {}
    if draw(one_in(2)):
        alert_settings["cooldown_period_minutes"] = draw(st.sampled_from((0, 10, 60, 120)))
    if draw(one_in(5)):
        alert_settings["enabled"] = False
    minute = draw(st.sampled_from((-1, *world.minutes)))
    is_delete = world.ways is ANYHOW and draw(one_in(12))
    document = rule(
        kind, id_, *limits,
        warehouse_id=draw(st.sampled_from((None, None, "W1", "W2"))),
        min_threshold_days=days[0], reorder_threshold_days=days[1],
        updated_at="2022-04-19T00:00:00Z" if minute < 0 else clock(minute),
        alert_settings=alert_settings,
        **({"deleted": True} if draw(one_in(6)) else {}),
    )  # fmt: skip
    more = {"operation": "delete", "namespace": "inventory.thresholds"} if is_delete else {}
    return send(draw, world, document, max(minute, 0), **more)


@st.composite
def commands(draw: Any, world: World) -> Document:
    """What holds tellings back and lets them go, or judges anew."""
    name = draw(st.sampled_from(("pause", "pause", "resume", "resume", "re-evaluate")))
    return command(
        name, clock(draw(st.sampled_from(world.minutes))), **draw(st.sampled_from(PLACES_OF_COMMANDS)),
        issued_by=draw(st.sampled_from(("dana", "eli"))),
    )  # fmt: skip


@st.composite
def streams(
    draw: Any,
    *,
    max_size: int = 18,
    rules: int = 4,
    orders: int = 3,
    places: tuple[dict[str, str], ...] = PLACES,
    ways: tuple[str, ...] = ANYHOW,
) -> list[Document]:
    """Stock events and, `rules` in twenty, threshold rules, and `orders` commands; in no order, some twice.

    In one of five no level states a stock, so that all that is judged is unstated (RULES 24).
    """
    world = draw(worlds(places, ways))
    kinds = [transactions(world)] * 8
    kinds += [tombstones(world)] if ways is ANYHOW else []
    kinds += [] if draw(one_in(5)) else [levels(world)] * 7
    kinds += [threshold_rules(world)] * rules
    kinds += [commands(world)] * orders
    # A minimum, because hypothesis prefers short lists; it shrinks to 0.
    least = draw(st.sampled_from((0, max_size // 3, 2 * max_size // 3)))
    found = draw(st.lists(st.sampled_from(kinds).flatmap(_itself), min_size=least, max_size=max_size))
    found = _without_ties(found)
    if found and draw(one_in(2)):
        for _ in range(draw(st.integers(1, 3))):
            found.insert(draw(st.integers(0, len(found))), draw(st.sampled_from(found)))
    return found


def _without_ties(stream: list[Document]) -> list[Document]:
    """Of commands of one scope and time the first: RULES 36 lets the time decide, and says no more."""
    seen: dict[tuple, Document] = {}
    kept = []
    for document in stream:
        event = read(document)
        if (
            event is None
            or event.kind != "control"
            or seen.setdefault((scope_of(event), event.at), document) == document
        ):
            kept.append(document)
    return kept


def _itself(strategy: st.SearchStrategy[Document]) -> st.SearchStrategy[Document]:
    return strategy


@st.composite
def options(draw: Any) -> dict[str, Any]:
    """What an engine is made with: products, velocity, the system default, the grace of an unstated key."""
    velocity = {}
    if draw(one_in(2)):
        velocity = {(w, s): draw(st.sampled_from(VELOCITIES)) for w in WAREHOUSES for s in SKUS}
    products = {"S1": {"order_up_to": 50, "pack_multiple": 8}, "S2": {"pack_multiple": 3}}
    return {
        "products": products if draw(st.booleans()) else {},
        "velocity": velocity,
        **draw(st.sampled_from(({"default_min": 10, "default_reorder": 20}, {}))),
        "grace_minutes": draw(st.sampled_from((0, 0, 10, 60, 24 * 60))),
    }


def cut(draw: Any, stream: list[Document]) -> list[list[Document]]:
    """Cut a stream into bursts anywhere."""
    ends = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    return [stream[a:b] for a, b in zip([0, *ends], [*ends, len(stream)], strict=True)]


@st.composite
def bursts(draw: Any, *, max_size: int = 18) -> Steps:
    """A stream as it arrives: cut into bursts, with sweeps and new velocities between them.

    Either by a clock that agrees with the events, or as a backlog some days later (RULES 28).
    """
    stream = draw(streams(max_size=max_size))
    if draw(st.booleans()):
        stream = in_order(stream)
    steps: Steps = []
    is_backlog = draw(st.booleans())
    now = datetime.fromisoformat("2022-04-25T00:00:00+00:00")
    for burst in cut(draw, stream):
        if draw(one_in(3)):
            steps.append(Sweep(now.isoformat() if is_backlog else clock(draw(st.sampled_from(MINUTES)))))
        if draw(one_in(10)):
            found = {(w, s): draw(st.sampled_from((*VELOCITIES, None))) for w in WAREHOUSES for s in SKUS}
            steps.append(Velocities(draw(st.sampled_from((DAY, "2022-04-21"))), found))
        now += timedelta(minutes=draw(st.sampled_from((0, 0, 0, 1, 30, 61, 24 * 60))))
        steps.append(Committed(now.isoformat(), burst) if is_backlog else burst)
    # Whoever finds what time has made due, in the end it is found.
    return [*steps, Sweep((now + timedelta(days=2)).isoformat())]


# --- What the laws do to a stream ---------------------------------------------------------


def read(document: Document) -> Event | None:
    """The event of a document, None where it is a dead letter."""
    try:
        return read_event(message(document))
    except Rejected:
        return None


def in_order(stream: list[Document]) -> list[Document]:
    """Sort a stream by position and time as RULES 25 has it, for each SKU.

    Stock events by position; a rule or command before the first of a SKU that is later, or as late and
    after it in the stream.
    """
    events = [(number, read(document)) for number, document in enumerate(stream)]
    order = [number for number, event in events if event is None]
    lanes: dict[str, list[tuple[int, Event]]] = {}
    others: list[tuple[int, Event]] = []
    for number, event in events:
        if event is not None:
            lane = lanes.setdefault(event.keys[0][1], []) if event.keys else others
            lane.append((number, event))
    for lane in lanes.values():
        lane.sort(key=lambda pair: (sort_key(pair[1]), pair[0]))
    for number, other in sorted(others, key=lambda pair: (pair[1].position[1], pair[0])):
        order += _due_before((other.position[1], number), lanes)
        order.append(number)
    order += _due_before((10**20, 0), lanes)
    return [stream[number] for number in order]


def _due_before(place: tuple[int, int], lanes: dict[str, list[tuple[int, Event]]]) -> list[int]:
    """Take what comes before a place out of every lane, in order of position."""
    taken = []
    for lane in lanes.values():
        while lane and (lane[0][1].position[1], lane[0][0]) < place:
            taken.append(lane.pop(0))
    return [number for number, event in sorted(taken, key=lambda pair: (sort_key(pair[1]), pair[0]))]


def late_skus(steps: Steps) -> set[str]:
    """SKUs of which an event came behind an earlier one, by position or by time."""
    late: set[str] = set()
    reached: dict[str, tuple[tuple, datetime]] = {}
    for step in steps:
        documents = step.documents if isinstance(step, Committed) else step if isinstance(step, list) else []
        for event in filter(None, map(read, documents)):
            for _, sku in event.keys[:1]:
                place, at = reached.get(sku, (sort_key(event), event.at))
                if sort_key(event) < place or event.at < at:
                    late.add(sku)
                reached[sku] = (max(place, sort_key(event)), max(at, event.at))
    return late


def without_conflicts(stream: list[Document]) -> list[Document]:
    """Drop what contradicts an earlier document: the laws hold for the rest (RULES 11, 18).

    Stricter than RULES 11: the same id at another position, or with another
    restock flag, is no conflict there, but which one counts depends on arrival.
    """
    known: dict[str, Event] = {}
    places: dict[tuple, tuple] = {}
    kept = []
    for document in stream:
        event = read(document)
        if event is None or known.get(event.event_id, event) != event:
            continue
        if any(contradicts(event, other) for other in known.values()):
            continue
        known[event.event_id] = event
        if event.kind == "transaction":
            place = tuple(event.fields[name] for name in ("sku", "to_warehouse_id"))
            if places.setdefault(event.fields["identity"], place) != place:
                continue
        kept.append(document)
    return kept
