"""What is asked of the lake for a page or an answer: rows as the command line prints them.

Each function reads and returns; `Door` runs it. Here: which rows. Not here: what
a row holds (`queries`), HTTP, words.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from inventory_assets.clock import clock_of, machine_microseconds, machine_now
from inventory_assets.console.choosing import CHOSEN, EXACT
from inventory_assets.console.choosing import listed as names_of
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.thresholds.document import name_scope
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.ingest.verify import recorded_by
from inventory_assets.lake.journal.behind import find_behind
from inventory_assets.lake.query.reader import IDS, LakeReader, id_list
from inventory_assets.notify.history import read_notifications
from inventory_assets.quality.pipeline import connector_rows, read_connectors
from inventory_assets.queries.alerts import ORDERS, condition_of, read_alerts, read_steps
from inventory_assets.queries.at_stake import NOT_KNOWN, read_stakes
from inventory_assets.queries.explain import explain_alert
from inventory_assets.queries.ids import find_alert_id
from inventory_assets.queries.links import post_mortems
from inventory_assets.queries.unlanded import unlanded_outcomes, unlanded_steps
from inventory_assets.replenish.advise import advise
from inventory_assets.replenish.make import settings_of
from inventory_assets.replenish.present import (
    explained_row,
    listed,
    listed_with,
    read_present,
    read_told,
    to_do_now,
)
from inventory_assets.settings import Settings
from inventory_assets.thresholds.check import conflict_rows
from inventory_assets.thresholds.edits import choose_rules, read_changes, read_rules
from inventory_assets.thresholds.listing import change_row, rule_row
from inventory_assets.words import advice
from inventory_assets.words.plan import Line

Row = dict[str, Any]
OUTCOME_OF = {"applied": "applied", "dead_lettered": "refused", "superseded": "superseded", "duplicate": "applied"}


def alert_condition(filters: Mapping[str, str]) -> tuple[str, list[str]]:
    """SQL and parameters for the filters that `choosing` knows, and `state`, which is firing if not given."""
    chosen = {name: filters.get(name) or None for name in CHOSEN}
    condition, parameters = condition_of(filters.get("state", "firing"), chosen, filters.get("q"))
    conditions = [condition]
    for name, column in EXACT.items():
        if filters.get(name):
            conditions.append(f"{column} = ?")
            parameters.append(filters[name])
    if filters.get("unacknowledged") == "true":
        conditions.append("acknowledged_by IS NULL")
    return " AND ".join(conditions), parameters


def list_alerts(
    filters: Mapping[str, str], limit: int, offset: int = 0
) -> Callable[[LakeReader], tuple[list[Row], int]]:
    """Alerts as `alerts list` has them, and how many there are in all."""
    condition, parameters = alert_condition(filters)
    order = ORDERS[filters.get("sort", "worst")]

    def ask(reader: LakeReader) -> tuple[list[Row], int]:
        total = reader.query(f"SELECT count(*) FROM out.alerts WHERE {condition}", parameters).item()
        rows = read_alerts(reader, condition, parameters, limit=limit, offset=offset, order=order)
        present = read_present(reader, [row["body"]["alert_id"] for row in rows], settings_of(reader.settings))
        return [listed(row, present.get(row["body"]["alert_id"])) for row in rows], total

    return ask


def list_all_alerts(filters: Mapping[str, str]) -> Callable[[LakeReader], list[Row]]:
    """All alerts of a list, with what is at stake and without what to do."""
    condition, parameters = alert_condition(filters)
    order = ORDERS[filters.get("sort", "worst")]

    def ask(reader: LakeReader) -> list[Row]:
        rows = read_alerts(reader, condition, parameters, order=order)
        nothing = to_do_now(None)
        stakes = read_stakes(reader, [row["body"]["alert_id"] for row in rows])
        found = [stakes.get(row["body"]["alert_id"], NOT_KNOWN | {"available_now": None}) for row in rows]
        return [
            listed_with(row, available_now=stake["available_now"], stake=stake, to_do=nothing)
            for row, stake in zip(rows, found, strict=True)
        ]

    return ask


def show_alert(text: str) -> Callable[[LakeReader], Row]:
    """One alert as `alerts show` has it, with its notifications and the links people left."""

    def ask(reader: LakeReader) -> Row:
        found = find_alert_id(reader, text)
        [row] = read_alerts(reader, "alert_id = ?", [found])
        return {
            **listed(row, read_present(reader, [found], settings_of(reader.settings)).get(found)),
            "times_told": row["times_told"],
            **show_past(found)(reader),
        }

    return ask


def show_past(alert_id: str) -> Callable[[LakeReader], Row]:
    """What happened to an alert, whom it was told, and the links people left; with what has not landed yet."""

    def ask(reader: LakeReader) -> Row:
        steps = read_steps(reader, alert_id)
        steps += unlanded_steps(reader.settings, alert_id, after=latest_version(reader))
        notifications = read_notifications(reader, alert_id)
        return {"history": steps, "notifications": notifications, "post_mortems": post_mortems(steps)}

    return ask


def warehouse_of(alert_id: str) -> Callable[[LakeReader], str | None]:
    """Where an alert is, by its whole id: a part of one could tell of alerts elsewhere."""

    def ask(reader: LakeReader) -> str | None:
        rows = reader.rows("SELECT warehouse_id FROM out.alerts WHERE alert_id = ?", [alert_id])
        return rows[0]["warehouse_id"] if rows else None

    return ask


def explain(settings: Settings, text: str) -> Callable[[LakeReader], Row]:
    """One alert as `inventory explain` has it: derived again from its messages."""

    def ask(reader: LakeReader) -> Row:
        found = find_alert_id(reader, text)
        explained = explain_alert(reader, found, meaning=meaning_of(settings), recorded=recorded_by(settings))
        how = settings_of(reader.settings)
        present = read_present(reader, [found], how).get(found)
        return explained_row(explained, present, read_told(reader, explained.body, how))

    return ask


def list_rules(level: str | None, warehouse: str | None, *, muted: bool) -> Callable[[LakeReader], list[Row]]:
    """The rules in force as `thresholds list` has them."""
    return lambda reader: [rule_row(stored) for stored in choose_rules(reader, level, warehouse, muted=muted)]


def list_changes(scope: str | None) -> Callable[[LakeReader], list[Row]]:
    """The recorded changes of rules as `thresholds history` has them, oldest first."""

    def ask(reader: LakeReader) -> list[Row]:
        changes = read_changes(reader)
        return [change_row(c) for c in changes if scope is None or scope in (name_scope(c.scope), c.level_type)]

    return ask


def list_conflicts(reader: LakeReader) -> list[Row]:
    """What the rules in force do that cannot be meant, as `thresholds validate` has it."""
    return conflict_rows(reader, {scope: stored.rule for scope, stored in read_rules(reader).items()})


_STOCK = """
    SELECT s.*, p.product_name, p.variant_name, p.category_name, p.supplier_id, p.lead_time_days, p.order_up_to,
        t.min_threshold_qty, t.reorder_threshold_qty, t.min_threshold_days, t.reorder_threshold_days,
        t.rule_level_type, t.rule_level_id, t.rule_warehouse_id, v.daily_units,
        s.available / nullif(v.daily_units, 0) AS cover_days, a.alert_id, a.alert_type, a.priority
    FROM core.sku_state s
    LEFT JOIN core.resolved_thresholds t ON t.warehouse_id = s.warehouse_id AND t.sku = s.sku
    LEFT JOIN core.products p ON p.sku = s.sku
    LEFT JOIN core.velocity v ON v.warehouse_id = s.warehouse_id AND v.sku = s.sku
    LEFT JOIN (SELECT * FROM out.alerts WHERE state = 'firing') a ON a.warehouse_id = s.warehouse_id AND a.sku = s.sku
"""


def list_stock(*, sku: str | None, warehouse: str | None, limit: int) -> Callable[[LakeReader], list[Row]]:
    """The stock of a SKU over its warehouses, or of a warehouse, the least available first; and what the plan says."""
    given = [(name, value) for name, value in (("s.sku", sku), ("s.warehouse_id", warehouse)) if value is not None]
    where = " AND ".join(f"{name} = ?" for name, _ in given)

    def ask(reader: LakeReader) -> list[Row]:
        order = "s.warehouse_id" if sku is not None else "s.available, s.sku"
        rows = reader.rows(f"{_STOCK} WHERE {where} ORDER BY {order} LIMIT {limit:d}", [value for _, value in given])
        skus = {row["sku"] for row in rows}
        lines = advise(reader, skus, settings_of(reader.settings), version=latest_version(reader))
        return [row | _to_do(lines.get((row["warehouse_id"], row["sku"]))) for row in rows]

    return ask


def _to_do(line: Line | None) -> Row:
    if line is None:
        return {"what_to_do": None, "why": None}
    return {"what_to_do": advice.steps(line), "why": advice.why(line)}


def sold_a_day(reader: LakeReader, skus: Collection[str]) -> Iterator[tuple[str, str, float]]:
    """(warehouse, SKU, units a day) of some SKUs, where that is known."""
    rows = reader.query(
        f"SELECT warehouse_id, sku, daily_units FROM core.velocity WHERE sku IN ({IDS})", [id_list(skus)]
    )
    yield from rows.iter_rows()


def list_connectors(reader: LakeReader) -> list[Row]:
    """What the lake has heard of each connector as `connector list` has it; none in most lakes."""
    return connector_rows(read_connectors(reader), now=machine_microseconds(), clock=clock_of(reader.settings))


def health(reader: LakeReader) -> Row:
    """The latest version, and when it was committed; nulls before the first. And what is durable and not shown yet."""
    rows = reader.rows("SELECT version, committed_at FROM meta.versions ORDER BY version DESC LIMIT 1")
    version, at = (rows[0]["version"], rows[0]["committed_at"]) if rows else (0, None)
    age = None if at is None else max(0.0, (machine_now().replace(tzinfo=None) - at).total_seconds())
    behind = find_behind(reader.settings)
    return {
        "lake_version": version,
        "committed_at": at,
        "age_seconds": age,
        "versions_behind": behind and behind.versions,
        "ms_behind": behind and behind.milliseconds,
    }


def latest_version(reader: LakeReader) -> int:
    """The latest version, 0 before the first."""
    return reader.query("SELECT coalesce(max(version), 0) FROM meta.versions").item()


_PROBLEM = ("message_id", "reason", "detail")


def outcome(request_id: str, since: int, total: int) -> Callable[[LakeReader], Row]:
    """What became of the messages of one request.

    Args:
        request_id: As it was answered.
        since: The lake's version before them; earlier ones are not searched.
        total: How many messages there were.
    """

    def ask(reader: LakeReader) -> Row:
        # A message may be delivered twice: what counts is what became of it first.
        rows = reader.rows(
            """SELECT m.message_id, arg_min(m.outcome, (m.version, m.seq)) AS outcome, min(m.version) AS version,
                any_value(d.reason) AS reason, any_value(d.detail) AS detail
            FROM raw.messages m
            LEFT JOIN core.dead_letters d ON d.message_id = m.message_id AND d.version = m.version
            WHERE m.version > ? AND contains(m.attributes, ?) GROUP BY m.message_id ORDER BY m.message_id""",
            [since, f'"{request_id}"'],
        )
        if len(rows) < total:
            known = {row["message_id"] for row in rows}
            # Of commands: what they do is shown from memory. Pages of rules are read from the lake.
            more = unlanded_outcomes(reader.settings, request_id, topic=Topic.CONTROL, after=latest_version(reader))
            rows += [row for row in more if row["message_id"] not in known]
        found = [OUTCOME_OF.get(row["outcome"], row["outcome"]) for row in rows]
        together = next((name for name in ("refused", "superseded", "applied") if name in found), "applied")
        return {
            "request_id": request_id,
            "outcome": together if len(rows) >= max(total, 1) or "refused" in found else "pending",
            "messages": total,
            "taken_in": len(rows),
            "version": max((row["version"] for row in rows), default=None),
            "problems": [
                {name: row[name] for name in ("message_id", "reason", "detail")}
                for row in rows
                if row["reason"] is not None
            ],
        }

    return ask


_COUNTS = """
    SELECT count(*) AS firing, count(*) FILTER (acknowledged_by IS NULL) AS open,
        count(*) FILTER (alert_type = 'STOCKOUT') AS stockout, count(*) FILTER (alert_type = 'LOW_STOCK') AS low,
        count(*) FILTER (alert_type = 'REORDER') AS reorder
    FROM out.alerts WHERE state = 'firing'
"""


def summarize(reader: LakeReader) -> Row:
    """How many alerts fire, of which kinds, and which warehouses there are."""
    [found] = reader.rows(_COUNTS)
    warehouses = reader.rows("SELECT DISTINCT warehouse_id FROM core.rollups WHERE warehouse_id IS NOT NULL ORDER BY 1")
    return {**found, "warehouses": [row["warehouse_id"] for row in warehouses]}


_CHOICES = """
    SELECT list(DISTINCT coalesce(nullif(p.department_name, ''), s.department_id)) AS department,
        list(DISTINCT coalesce(nullif(p.category_name, ''), s.category_id)) AS category,
        list(DISTINCT coalesce(nullif(p.brand_name, ''), s.brand_id)) AS brand,
        list(DISTINCT p.supplier_id) AS supplier
    FROM out.alerts a LEFT JOIN core.products p ON p.sku = a.sku
    LEFT JOIN core.sku_state s ON s.warehouse_id = a.warehouse_id AND s.sku = a.sku
    WHERE a.state = 'firing'
"""


def alert_choices(reader: LakeReader) -> dict[str, list[str]]:
    """What the alerts that fire can be chosen by: names, or ids where there are none."""
    [row] = reader.rows(_CHOICES)
    return {name: names_of(row[name] or ()) for name in CHOSEN}


FOUND = 50
"""How many SKUs a search shows."""
_SEARCH = """
    SELECT s.sku, any_value(p.product_name) AS product_name, any_value(p.variant_name) AS variant_name,
        count(*) AS warehouses, sum(s.available)::BIGINT AS available
    FROM core.sku_state s LEFT JOIN core.products p ON p.sku = s.sku
    WHERE contains(lower(s.sku), lower(?)) OR contains(lower(coalesce(p.product_name, '')), lower(?))
    GROUP BY s.sku ORDER BY s.sku = ? DESC, s.sku LIMIT {found}
"""


def search_stock(text: str) -> Callable[[LakeReader], list[Row]]:
    """SKUs whose id or name has a text in it, over all warehouses; the first fifty."""
    return lambda reader: reader.rows(_SEARCH.format(found=FOUND), [text, text, text])
