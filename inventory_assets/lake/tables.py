"""The lake's tables, their columns, and the views that give each its current rows.

An append-only table keeps every row it was given. A versioned table is a
history of changed rows (`<name>_changes`), a compacted copy of the current rows
as of some version (`<name>_base_<version>`), and a view `<name>` that joins the
two: so a burst appends, a reader sees one row per key, and any past version can
be read for as long as the changes are kept, however short DuckLake's snapshots.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any

import polars as pl

from inventory_assets.lake.query.clauses import latest

BIG, TEXT, TIME, FLAG, DATE = "BIGINT", "VARCHAR", "TIMESTAMP", "BOOLEAN", "DATE"
REAL, BLOB = "DOUBLE", "BLOB"
_POLARS: dict[str, pl.DataType] = {
    BIG: pl.Int64(), TEXT: pl.String(), TIME: pl.Datetime("us"), FLAG: pl.Boolean(), DATE: pl.Date(),
    REAL: pl.Float64(), BLOB: pl.Binary(),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Named:
    schema: str
    name: str

    @property
    def full_name(self) -> str:
        """schema.name, as queries say it."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Table(_Named):
    """An append-only table. `columns` are SQL types by name; `comment` states the grain.

    `evidence` are columns that say how something was found out: of the code of then, so that another's may say
    it otherwise, and `verify` holds nobody to them.
    """

    columns: dict[str, str]
    comment: str
    partition_by: str | None = None
    sorted_by: str | None = None
    evidence: tuple[str, ...] = ()

    @property
    def changes(self) -> str:
        """The table that rows are appended to."""
        return self.full_name

    @property
    def definition(self) -> str:
        """The columns as CREATE TABLE takes them."""
        return ", ".join(f"{name} {type_}" for name, type_ in self.columns.items())

    @property
    def types(self) -> dict[str, pl.DataType]:
        """The columns as a frame has them."""
        return {name: _POLARS[type_] for name, type_ in self.columns.items()}

    def select(self, *left_out: str) -> str:
        """The columns as SELECT takes them, times in microseconds; some left out."""
        return ", ".join(
            f"epoch_us({name}) AS {name}" if type_ == TIME else name
            for name, type_ in self.columns.items()
            if name not in left_out
        )

    def frame(self, values: Sequence[object] = (), /, **given: Any) -> pl.DataFrame:
        """A row per value: a column is the attribute of its name, or what is given for it, or null.

        Times may be microseconds, dates days. Without `version`, which whoever commits knows.
        """
        types = _written_types(self)
        if strange := given.keys() - types.keys():
            raise ValueError(f"columns were {sorted(strange)!r}; {self.full_name} has {', '.join(types)}")
        own = [name for name in types if name not in given and values and hasattr(values[0], name)]
        columns = given | {name: list(map(attrgetter(name), values)) for name in own}
        size = len(next(iter(columns.values()), ()))
        # Series by series: a frame's own constructor looks at every value once more.
        return pl.DataFrame(
            [
                pl.Series(name, columns[name], type_)
                if name in columns
                else pl.Series(name, [None], type_).new_from_index(0, size)
                for name, type_ in types.items()
            ]
        )


@cache
def _written_types(table: Table) -> dict[str, pl.DataType]:
    return {name: type_ for name, type_ in table.types.items() if name != "version"}


@dataclass(frozen=True, slots=True, eq=False)
class VersionedTable(Table):
    """A table with one current row per `key`.

    `derived` are columns computed from others; `hidden` are stored but left out
    of the view; rows for which `shown_if` is not true are left out as well. A
    `has_null_keys` table is joined null-safe, at twice the cost.
    """

    key: tuple[str, ...] = ()
    has_null_keys: bool = False
    derived: dict[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    shown_if: str | None = None

    @property
    def changes(self) -> str:
        """The table that rows are appended to."""
        return f"{self.full_name}_changes"

    def base_name(self, version: int) -> str:
        """The table that holds the current rows as of `version`."""
        return f"{self.full_name}_base_{version}"

    @property
    def shown_columns(self) -> list[str]:
        """The view's columns."""
        stored = [column for column in self.columns if column not in self.hidden and column != "version"]
        return [*stored, *self.derived, "version"]

    def current_rows(self, catalog: str, base_version: int | None, at_version: int | None = None) -> str:
        """SQL for the stored current row per key, as of a version or now."""
        keys = ", ".join(self.key)
        bound = "" if at_version is None else f" AND version <= {at_version}"
        if base_version is None or (at_version is not None and at_version < base_version):
            return f"SELECT * FROM {catalog}{self.changes} WHERE true{bound} {latest(*self.key)}"
        # The literal version lets DuckLake skip every file of older changes.
        since = f"{catalog}{self.changes} WHERE version > {base_version}{bound}"
        base = f"{catalog}{self.base_name(base_version)}"
        if self.has_null_keys:
            same_key = " AND ".join(f"d.{column} IS NOT DISTINCT FROM b.{column}" for column in self.key)
            return (
                f"WITH delta AS (SELECT * FROM {since} {latest(*self.key)}) SELECT * FROM delta UNION ALL "
                f"SELECT * FROM {base} b WHERE NOT EXISTS (SELECT 1 FROM delta d WHERE {same_key})"
            )
        # Only keys and versions are sorted out; the wide rows stream past them. Materialized, which is the default
        # for what is used twice, DuckDB reads every column of the base for any query: 107 ms instead of 60.
        return (
            f"WITH latest AS NOT MATERIALIZED (SELECT {keys}, max(version) AS version FROM {since} GROUP BY {keys}) "
            f"SELECT * FROM (SELECT * FROM {since}) SEMI JOIN latest USING ({keys}, version) UNION ALL "
            f"SELECT * FROM {base} ANTI JOIN latest USING ({keys})"
        )

    def view_query(self, catalog: str, base_version: int | None, at_version: int | None = None) -> str:
        """SQL of the view: current rows with the derived columns, without the hidden ones."""
        return self._shown(self.current_rows(catalog, base_version, at_version))

    def some_rows(self, condition: str, at_version: int) -> str:
        """SQL of the view as of a version, of the keys that a condition chooses; a reader may show a later one."""
        # The condition comes before the window, which would sort every key.
        return self._shown(
            f"SELECT * FROM {self.changes} WHERE {condition} AND version <= {at_version} {latest(*self.key)}"
        )

    def _shown(self, rows: str) -> str:
        shown = [self.derived.get(name, name) + f" AS {name}" for name in self.shown_columns if name != "version"]
        condition = f" WHERE {self.shown_if}" if self.shown_if else ""
        return f"SELECT {', '.join([*shown, 'version'])} FROM ({rows}){condition}"


CATALOG = "lake"

RAW_MESSAGES = Table(
    "raw", "messages", {
        "version": BIG, "seq": BIG, "message_id": TEXT, "topic": TEXT, "publish_time": TIME, "ordering_key": TEXT,
        "attributes": TEXT, "data": BLOB, "event_id": TEXT, "outcome": TEXT, "arrival_date": DATE,
        "first_outcome": TEXT, "data_bytes": BIG,
    },
    "One row per received message, with what became of it (RULES 9, 32); `first_outcome` where a rebuild says another. "
    "`data_bytes` where `data` is only the beginning of a body that was too large: how long it was.",
    partition_by="arrival_date",
)  # fmt: skip
CORE_EVENTS = Table(
    "core", "events", {
        "version": BIG, "seq": BIG, "event_id": TEXT, "entity_key": BIG, "row_key": BIG, "kind": TEXT,
        "warehouse_id": TEXT, "sku": TEXT, "to_warehouse_id": TEXT, "transaction_id": TEXT, "type": TEXT,
        "status": TEXT, "quantity": BIG, "available": BIG, "event_at": TIME, "event_date": DATE, "source_epoch": BIG,
        "instant": BIG, "increment": BIG, "has_cluster_time": FLAG, "outcome": TEXT, "details": TEXT,
        "source": TEXT, "line_id": TEXT,
    },
    "One row per event id: every valid message taken in once. `available` is the stock of its warehouse_id's key right "
    "after it, as it arrived; of a moment of event time, and of a transfer's receiver, ask `stock_at(moment)`.",
    partition_by="event_date", sorted_by="entity_key",
)  # fmt: skip
DEAD_LETTERS = Table(
    "core", "dead_letters", {
        "version": BIG, "seq": BIG, "message_id": TEXT, "topic": TEXT, "publish_time": TIME, "ordering_key": TEXT,
        "attributes": TEXT, "reason": TEXT, "detail": TEXT, "attempts": BIG, "data": BLOB,
        "data_bytes": BIG, "error_class": TEXT, "position": TEXT, "trace": TEXT,
    },
    "One row per refused message, with the reason, where it is wrong, and the raw payload; `trace` of a fault of ours. "
    "`data_bytes` as in raw.messages.",
    evidence=("error_class", "position", "trace"),
)  # fmt: skip
TRANSITIONS = Table(
    "out", "alert_transitions", {
        "version": BIG, "seq": BIG, "alert_id": TEXT, "transition": TEXT, "reason": TEXT, "event_id": TEXT,
        "event_at": TIME, "is_late": FLAG, "actor": TEXT,
    },
    "One row per step in an alert's life, in (version, seq) order. No `actor`: the stock did it.",
)  # fmt: skip
THRESHOLD_AUDIT = Table(
    "core", "threshold_audit", {
        "version": BIG, "seq": BIG, "level_type": TEXT, "level_id": TEXT, "warehouse_id": TEXT, "action": TEXT,
        "author": TEXT, "reason": TEXT, "before": TEXT, "after": TEXT, "event_id": TEXT, "changed_at": TIME,
        "previous_hash": TEXT, "hash": TEXT,
    },
    "One row per change of a threshold rule that took effect, each hashed with the one before it.",
)  # fmt: skip
DELIVERIES = Table(
    "out", "deliveries", {
        "version": BIG, "subject_id": TEXT, "notification": BIG, "channel": TEXT, "status": TEXT, "message_id": TEXT,
        "error": TEXT, "attempted_at": TIME, "attempt": BIG, "response": TEXT,
    },
    "One row per delivery attempt of a notification or a dead letter. `attempt` and `response`: policy channels only.",
)  # fmt: skip
NOTIFICATIONS = Table(
    "out", "notifications", {
        "version": BIG, "seq": BIG, "notification_id": TEXT, "channel": TEXT, "kind": TEXT, "severity": TEXT,
        "reason": TEXT, "members": TEXT, "recipients": TEXT, "covers": TEXT, "due_at": TIME, "planned_version": BIG,
        "planned_at": TIME,
    },
    "One row per notification a channel owes (single, group, incident, digest, resolved), has on hold, or dismissed.",
)  # fmt: skip
QUALITY_RESULTS = Table(
    "out", "quality_results", {
        "version": BIG, "rule": TEXT, "table_name": TEXT, "severity": TEXT, "status": TEXT, "failing_count": BIG,
        "checked_count": BIG, "sample_ids": TEXT, "as_of_version": BIG, "checked_at": TIME, "run_id": TEXT,
        "details": TEXT,
    },
    "One row per rule of data quality and result that was new, or the first of a UTC day: what was found.",
)  # fmt: skip
VERSIONS = Table(
    "meta", "versions", {
        "version": BIG, "stage": TEXT, "messages": BIG, "counts": TEXT, "inputs": TEXT, "run_id": TEXT,
        "code_version": TEXT, "committed_at": TIME, "semantics": BIG,
    },
    "One row per lake version: what made it, from what, and when.",
)  # fmt: skip
LANDED = Table(
    "meta", "landed", {"name": TEXT, "epoch": BIG, "version": BIG, "format": BIG, "journal_id": TEXT},
    "One row: the newest version that has landed from the journal, and which journal that is.",
)  # fmt: skip
BASES = Table(
    "meta", "bases", {"table_name": TEXT, "base_version": BIG},
    "One row per compaction of a versioned table; the greatest base_version is the one in use.",
)  # fmt: skip

PRODUCTS = VersionedTable(
    "core", "products", {
        "sku": TEXT, "product_name": TEXT, "variant_name": TEXT, "brand_name": TEXT, "category_name": TEXT,
        "department_name": TEXT, "supplier_id": TEXT, "lead_time_days": BIG, "order_up_to": BIG, "unit_price": REAL,
        "pack_multiple": BIG, "document_fields": TEXT, "version": BIG, "is_removed": FLAG,
        "min_order_qty": BIG,
    },
    "One row per SKU with product data. Null is unknown.",
    key=("sku",), hidden=("document_fields", "is_removed"), shown_if="is_removed IS NOT TRUE",
)  # fmt: skip
SKU_STATE = VersionedTable(
    "core", "sku_state", {
        "warehouse_id": TEXT, "sku": TEXT, "on_hand": BIG, "reserved": BIG, "inbound": BIG, "is_active": FLAG,
        "department_id": TEXT, "category_id": TEXT, "brand_id": TEXT, "product_id": TEXT,
        "is_restock_in_progress": FLAG, "event_count": BIG, "last_event_at": TIME, "fold_state": TEXT, "version": BIG,
        "is_unstated_key": FLAG,
    },
    "One row per (warehouse_id, sku): stock in units as of the key's last event.",
    key=("warehouse_id", "sku"),
    derived={
        "available": "on_hand - reserved", "is_negative": "on_hand < 0", "is_over_reserved": "reserved > on_hand",
        "is_unstated": "coalesce(is_unstated_key, false)",
    },
    hidden=("fold_state", "is_unstated_key"),
)  # fmt: skip
ROLLUPS = VersionedTable(
    "core", "rollups", {
        "warehouse_id": TEXT, "level": TEXT, "level_id": TEXT, "parent_id": TEXT, "on_hand": BIG, "reserved": BIG,
        "available": BIG, "inbound": BIG, "sku_count": BIG, "version": BIG,
    },
    "One row per (warehouse_id or null for all, level, level_id): sums over its active keys.",
    key=("warehouse_id", "level", "level_id"), has_null_keys=True, shown_if="sku_count > 0",
)  # fmt: skip
THRESHOLD_RULES = VersionedTable(
    "core", "threshold_rules", {
        "level_type": TEXT, "level_id": TEXT, "warehouse_id": TEXT, "min_threshold_qty": BIG,
        "reorder_threshold_qty": BIG, "min_threshold_days": REAL, "reorder_threshold_days": REAL,
        "cooldown_minutes": BIG, "is_enabled": FLAG, "is_deleted": FLAG, "event_id": TEXT, "updated_at": TIME,
        "details": TEXT, "version": BIG,
    },
    "One row per (level_type, level_id, warehouse_id or null for all): the rule in force.",
    key=("level_type", "level_id", "warehouse_id"), has_null_keys=True,
    derived={
        "author": "json_extract_string(details, '$.rule.author')",
        "reason": "json_extract_string(details, '$.rule.reason')",
        "alert_settings": "coalesce(json_extract_string(details, '$.rule.alert_settings'), '{}')",
    },
    hidden=("details",), shown_if="NOT is_deleted",
)  # fmt: skip
RESOLVED_THRESHOLDS = VersionedTable(
    "core", "resolved_thresholds", {
        "warehouse_id": TEXT, "sku": TEXT, "min_threshold_qty": BIG, "reorder_threshold_qty": BIG,
        "min_threshold_days": REAL, "reorder_threshold_days": REAL, "cooldown_minutes": BIG, "is_enabled": FLAG,
        "rule_level_type": TEXT, "rule_level_id": TEXT, "rule_warehouse_id": TEXT, "rule_version": BIG,
        "rule_event_id": TEXT, "dynamic": TEXT, "version": BIG,
    },
    "One row per (warehouse_id, sku): the limits in force and the rule they come from.",
    key=("warehouse_id", "sku"),
)  # fmt: skip
VELOCITY = VersionedTable(
    "core", "velocity", {"warehouse_id": TEXT, "sku": TEXT, "as_of_date": DATE, "daily_units": REAL, "version": BIG},
    "One row per (warehouse_id, sku): mean daily units of COMPLETED ORDERs over 28 UTC days before as_of_date.",
    key=("warehouse_id", "sku"), shown_if="daily_units IS NOT NULL",
)  # fmt: skip
COVERAGE = VersionedTable(
    "core", "coverage", {
        "warehouse_id": TEXT, "sku": TEXT, "as_of_date": DATE, "available": BIG, "daily_units": REAL,
        "daily_deviation": REAL, "in_stock_days": BIG, "stockout_days": BIG, "cover_days": REAL,
        "cover_days_low": REAL, "cover_days_high": REAL, "version": BIG,
    },
    "One row per (warehouse_id, sku): demand on days with stock in the 84 days before as_of_date, and days of cover.",
    key=("warehouse_id", "sku"),
)  # fmt: skip
SEASONS = VersionedTable(
    "core", "seasons", {
        "level_type": TEXT, "level_id": TEXT, "as_of_date": DATE, "as_of_version": BIG, "first_sale_date": DATE,
        "units": BIG, "agreement": REAL, "weight": REAL, "factors": TEXT, "version": BIG,
    },
    "One row per (level_type, level_id) sold for two years: factors of the 52 weeks from as_of_date on.",
    key=("level_type", "level_id"), shown_if="factors IS NOT NULL",
)  # fmt: skip
DYNAMIC_THRESHOLDS = VersionedTable(
    "core", "dynamic_thresholds", {
        "warehouse_id": TEXT, "sku": TEXT, "as_of_date": DATE, "min_qty": BIG, "reorder_qty": BIG, "model": TEXT,
        "daily_units": REAL, "demand": REAL, "deviation": REAL, "protection_days": BIG, "service_level": REAL,
        "safety_factor": REAL, "version": BIG,
    },
    "One row per (warehouse_id, sku) under a dynamic rule: the limits computed, before any bound, and from what.",
    key=("warehouse_id", "sku"), shown_if="min_qty IS NOT NULL",
)  # fmt: skip
ALERTS = VersionedTable(
    "out", "alerts", {
        "alert_id": TEXT, "warehouse_id": TEXT, "sku": TEXT, "alert_type": TEXT, "priority": TEXT, "state": TEXT,
        "available": BIG, "threshold": REAL, "opened_at": TIME, "resolved_at": TIME, "resolved_reason": TEXT,
        "notification_count": BIG, "body": TEXT, "record": TEXT, "version": BIG, "acknowledged_by": TEXT,
        "acknowledged_at": TIME, "silenced_until": TIME, "escalated_level": BIG, "inhibited_by": TEXT,
        "is_untrusted": FLAG,
    },
    "One row per alert id: its present state, and `body`, the message as sent.",
    key=("alert_id",), hidden=("record",),
)  # fmt: skip
INCIDENTS = VersionedTable(
    "out", "incidents", {
        "incident_id": TEXT, "kind": TEXT, "subject": TEXT, "warehouse_id": TEXT, "sku": TEXT, "priority": TEXT,
        "state": TEXT, "title": TEXT, "opened_at": TIME, "resolved_at": TIME, "members": TEXT, "arithmetic": TEXT,
        "as_of": TIME, "as_of_version": BIG, "policy": TEXT, "notification_count": BIG, "version": BIG,
    },
    "One row per incident id: a business alert over many keys, its members and its arithmetic.",
    key=("incident_id",),
)  # fmt: skip
PLANS = VersionedTable(
    "out", "plans", {
        "line_id": TEXT, "warehouse_id": TEXT, "sku": TEXT, "supplier_id": TEXT, "category_id": TEXT,
        "plan_date": DATE, "as_of_version": BIG, "reason": TEXT, "is_urgent": FLAG, "runs_out_on": DATE,
        "order_by": DATE, "order_quantity": BIG, "needed": BIG, "target": BIG, "available": BIG, "inbound": BIG,
        "announced": BIG, "accepted": BIG, "lapsed": BIG, "transferred_in": BIG, "transferred_out": BIG,
        "pack_multiple": BIG, "min_order_qty": BIG, "order_up_to": BIG, "transfers": TEXT, "risk_percent": BIG,
        "revenue_at_risk": REAL, "projected": BIG, "projected_low": BIG, "projected_high": BIG, "demand": REAL,
        "safety_stock": BIG, "daily_units": REAL, "daily_deviation": REAL, "model": TEXT, "lead_time_days": BIG,
        "horizon_days": BIG, "seen_by_limit": BIG, "rule": TEXT, "not_known": TEXT, "service_level": REAL,
        "review_days": BIG, "default_service_level": REAL, "least_transfer": BIG, "version": BIG,
        "season_method": TEXT, "season_of": TEXT, "season_factor": REAL, "method": BIG, "is_order_urgent": FLAG,
        "overdue": BIG, "overdue_since": DATE, "order_without_overdue": BIG, "arrives_on": DATE, "arriving": BIG,
        "waiting_risk_percent": BIG,
    },
    "One row per active (warehouse_id, sku): its line in the newest plan.",
    key=("warehouse_id", "sku"), shown_if="line_id IS NOT NULL",
)  # fmt: skip
CONNECTORS = VersionedTable(
    "meta", "connectors", {
        "connector_id": TEXT, "warehouse_id": TEXT, "last_heard_at": TIME, "state": TEXT, "published_until": TIME,
        "lag_seconds": REAL, "source_epoch": BIG, "open_gaps": BIG, "outranked_by": BIG, "read": BIG, "published": BIG,
        "dead_lettered": BIG, "owner_id": TEXT, "started_at": TIME, "last_error": TEXT, "version": BIG,
    },
    "One row per connector_id: its newest heartbeat on an input topic, and up to when its database was published.",
    key=("connector_id",),
)  # fmt: skip
PIPELINE_FINDINGS = VersionedTable(
    "meta", "pipeline_findings", {
        "kind": TEXT, "subject": TEXT, "warehouse_id": TEXT, "severity": TEXT, "is_open": FLAG, "begun_at": TIME,
        "ended_at": TIME, "finding": TEXT, "what_to_do": TEXT, "version": BIG,
    },
    "One row per (kind, subject): what was last found wrong between the databases and the lake, as it was notified.",
    key=("kind", "subject"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class View(_Named):
    """A question kept as a view. `query` names tables with `{lake}` before them."""

    query: str
    comment: str


# False: it was over without a restock, a transfer or anybody's doing: the alert asked for nothing.
# Repeat: the same key and condition had an alert in the seven days before.
ALERT_QUALITY = View(
    "out",
    "alert_quality",
    """
    WITH steps AS (
        SELECT alert_id,
            min(event_at) FILTER (transition = 'notified') AS first_told_at,
            min(event_at) FILTER (transition = 'acknowledged') AS first_acknowledged_at,
            arg_min(actor, (version, seq)) FILTER (transition = 'acknowledged') AS first_owner,
            count(*) FILTER (transition = 'notified') AS told,
            count(*) FILTER (transition = 'reopened') AS reopened,
            max(event_at) FILTER (transition = 'resolved') AS last_resolved_at
        FROM {lake}out.alert_transitions GROUP BY alert_id
    ),
    restocks AS (
        SELECT DISTINCT a.alert_id FROM {lake}out.alerts a JOIN {lake}core.events e
            ON e.kind = 'transaction' AND e.sku = a.sku AND e.outcome = 'applied'
            AND e.event_at BETWEEN a.opened_at AND coalesce(a.resolved_at, TIMESTAMP '9999-12-31')
            AND ((e.type = 'RESTOCK' AND e.warehouse_id = a.warehouse_id)
                OR (e.type = 'TRANSFER' AND e.to_warehouse_id = a.warehouse_id))
    ),
    alerts AS (
        SELECT *, json_extract(body, '$.lineage.rule') AS rule,
            lag(opened_at) OVER (PARTITION BY warehouse_id, sku, alert_type ORDER BY opened_at, alert_id) AS before_at
        FROM {lake}out.alerts
    )
    SELECT a.alert_id, a.warehouse_id, a.sku, a.alert_type, a.priority, a.state,
        concat_ws(' ', rule ->> '$.level_type', rule ->> '$.level_id', rule ->> '$.warehouse_id') AS rule,
        coalesce(a.acknowledged_by, s.first_owner) AS owner,
        a.opened_at, s.first_told_at, s.first_acknowledged_at, a.resolved_at, a.resolved_reason,
        epoch(s.first_acknowledged_at - coalesce(s.first_told_at, a.opened_at)) / 60 AS acknowledge_minutes,
        CASE WHEN a.state = 'resolved' THEN epoch(a.resolved_at - a.opened_at) / 60 END AS resolve_minutes,
        coalesce(s.told, 0) AS told, coalesce(s.reopened, 0) AS reopened,
        CASE WHEN a.state = 'resolved' THEN
            a.resolved_reason = 'recovered' AND s.first_acknowledged_at IS NULL AND r.alert_id IS NULL
        END AS is_false,
        coalesce(a.opened_at - a.before_at <= INTERVAL 7 DAY, false) OR coalesce(s.reopened, 0) > 0 AS is_repeat,
        a.version
    FROM alerts a LEFT JOIN steps s USING (alert_id) LEFT JOIN restocks r USING (alert_id)
    """,
    "One row per alert id: how long it took, whether it asked for anything, whether it came again.",
)

ALERT_RULE = "CASE WHEN starts_with(rule, 'EMBEDDED') THEN 'EMBEDDED' ELSE rule END"
"""The rule to count a row of out.alert_quality under: the thresholds in stock documents are one, nobody's to tune."""

# A table until the journal came: a release of before cannot write to a view, and reads it as ever.
WATERMARKS = View(
    "meta",
    "watermarks",
    "SELECT name, epoch, version FROM {lake}meta.landed",
    "One row: the newest version that has landed.",
)

VIEWS = (ALERT_QUALITY, WATERMARKS)
APPEND_TABLES = (
    RAW_MESSAGES, CORE_EVENTS, DEAD_LETTERS, THRESHOLD_AUDIT, TRANSITIONS, DELIVERIES, NOTIFICATIONS,
    QUALITY_RESULTS, VERSIONS, LANDED, BASES,
)  # fmt: skip
VERSIONED_TABLES = (
    PRODUCTS, SKU_STATE, ROLLUPS, THRESHOLD_RULES, RESOLVED_THRESHOLDS, VELOCITY, COVERAGE, SEASONS,
    DYNAMIC_THRESHOLDS, ALERTS, INCIDENTS, PLANS, CONNECTORS, PIPELINE_FINDINGS,
)  # fmt: skip
SCHEMAS = ("raw", "core", "out", "meta")
