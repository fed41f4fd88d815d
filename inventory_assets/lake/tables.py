"""The lake's tables, their columns, and the views that give each its current rows.

An append-only table keeps every row it was given. A versioned table is a
history of changed rows (`<name>_changes`), a compacted copy of the current rows
as of some version (`<name>_base_<version>`), and a view `<name>` that joins the
two: so a burst appends, a reader sees one row per key, and any past version can
be read for as long as the changes are kept, however short DuckLake's snapshots.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """An append-only table. `comment` states the grain."""

    schema: str
    name: str
    columns: dict[str, str]
    comment: str
    partition_by: str | None = None
    sorted_by: str | None = None

    @property
    def full_name(self) -> str:
        """schema.name, as queries say it."""
        return f"{self.schema}.{self.name}"

    @property
    def changes(self) -> str:
        """The table that rows are appended to."""
        return self.full_name


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
            return (
                f"SELECT * FROM {catalog}{self.changes} WHERE true{bound} "
                f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY version DESC) = 1"
            )
        # The literal version lets DuckLake skip every file of older changes.
        since = f"{catalog}{self.changes} WHERE version > {base_version}{bound}"
        base = f"{catalog}{self.base_name(base_version)}"
        if self.has_null_keys:
            same_key = " AND ".join(f"d.{column} IS NOT DISTINCT FROM b.{column}" for column in self.key)
            return (
                f"WITH delta AS (SELECT * FROM {since} "
                f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY version DESC) = 1) "
                f"SELECT * FROM delta UNION ALL "
                f"SELECT * FROM {base} b WHERE NOT EXISTS (SELECT 1 FROM delta d WHERE {same_key})"
            )
        # Only keys and versions are sorted out; the wide rows stream past them.
        return (
            f"WITH latest AS (SELECT {keys}, max(version) AS version FROM {since} GROUP BY {keys}) "
            f"SELECT * FROM (SELECT * FROM {since}) SEMI JOIN latest USING ({keys}, version) UNION ALL "
            f"SELECT * FROM {base} ANTI JOIN latest USING ({keys})"
        )

    def view_query(self, catalog: str, base_version: int | None, at_version: int | None = None) -> str:
        """SQL of the view: current rows with the derived columns, without the hidden ones."""
        shown = [self.derived.get(name, name) + f" AS {name}" for name in self.shown_columns if name != "version"]
        condition = f" WHERE {self.shown_if}" if self.shown_if else ""
        rows = self.current_rows(catalog, base_version, at_version)
        return f"SELECT {', '.join([*shown, 'version'])} FROM ({rows}){condition}"


CATALOG = "lake"

_BIG, _TEXT, _TIME, _FLAG, _DATE = "BIGINT", "VARCHAR", "TIMESTAMP", "BOOLEAN", "DATE"

RAW_MESSAGES = Table(
    "raw",
    "messages",
    {
        "version": _BIG, "seq": _BIG, "message_id": _TEXT, "topic": _TEXT, "publish_time": _TIME,
        "ordering_key": _TEXT, "attributes": _TEXT, "data": "BLOB", "event_id": _TEXT,
        "outcome": _TEXT, "arrival_date": _DATE,
    },
    "One row per received message, with what became of it (RULES 9, 32).",
    partition_by="arrival_date",
)  # fmt: skip
CORE_EVENTS = Table(
    "core",
    "events",
    {
        "version": _BIG, "seq": _BIG, "event_id": _TEXT, "entity_key": _BIG, "row_key": _BIG, "kind": _TEXT,
        "warehouse_id": _TEXT, "sku": _TEXT, "to_warehouse_id": _TEXT, "transaction_id": _TEXT,
        "type": _TEXT, "status": _TEXT, "quantity": _BIG, "available": _BIG, "event_at": _TIME,
        "event_date": _DATE, "source_epoch": _BIG, "instant": _BIG, "increment": _BIG,
        "has_cluster_time": _FLAG, "outcome": _TEXT, "details": _TEXT,
    },
    "One row per event id: every valid message taken in once. `available` is its key's stock right after it.",
    partition_by="event_date",
    sorted_by="entity_key",
)  # fmt: skip
DEAD_LETTERS = Table(
    "core",
    "dead_letters",
    {
        "version": _BIG, "seq": _BIG, "message_id": _TEXT, "topic": _TEXT, "publish_time": _TIME,
        "ordering_key": _TEXT, "attributes": _TEXT, "reason": _TEXT, "detail": _TEXT,
        "attempts": _BIG, "data": "BLOB",
    },
    "One row per refused message, with the reason and the raw payload.",
)  # fmt: skip
TRANSITIONS = Table(
    "out",
    "alert_transitions",
    {
        "version": _BIG, "seq": _BIG, "alert_id": _TEXT, "transition": _TEXT, "reason": _TEXT,
        "event_id": _TEXT, "event_at": _TIME, "is_late": _FLAG, "actor": _TEXT,
    },
    "One row per step in an alert's life, in (version, seq) order. No `actor`: the stock did it.",
)  # fmt: skip
THRESHOLD_AUDIT = Table(
    "core",
    "threshold_audit",
    {
        "version": _BIG, "seq": _BIG, "level_type": _TEXT, "level_id": _TEXT, "warehouse_id": _TEXT,
        "action": _TEXT, "author": _TEXT, "reason": _TEXT, "before": _TEXT, "after": _TEXT,
        "event_id": _TEXT, "changed_at": _TIME, "previous_hash": _TEXT, "hash": _TEXT,
    },
    "One row per change of a threshold rule that took effect, each hashed with the one before it.",
)  # fmt: skip
DELIVERIES = Table(
    "out",
    "deliveries",
    {
        "version": _BIG, "subject_id": _TEXT, "notification": _BIG, "channel": _TEXT,
        "status": _TEXT, "message_id": _TEXT, "error": _TEXT, "attempted_at": _TIME,
        "attempt": _BIG, "response": _TEXT,
    },
    "One row per delivery attempt of a notification or a dead letter. `attempt` and `response`: policy channels only.",
)  # fmt: skip
NOTIFICATIONS = Table(
    "out",
    "notifications",
    {
        "version": _BIG, "seq": _BIG, "notification_id": _TEXT, "channel": _TEXT, "kind": _TEXT,
        "severity": _TEXT, "reason": _TEXT, "members": _TEXT, "recipients": _TEXT, "covers": _TEXT,
        "due_at": _TIME, "planned_version": _BIG, "planned_at": _TIME,
    },
    "One row per notification a channel owes (single, group, incident, digest, resolved), has on hold, or dismissed.",
)  # fmt: skip
QUALITY_RESULTS = Table(
    "out",
    "quality_results",
    {
        "version": _BIG, "rule": _TEXT, "table_name": _TEXT, "severity": _TEXT, "status": _TEXT,
        "failing_count": _BIG, "checked_count": _BIG, "sample_ids": _TEXT, "as_of_version": _BIG,
        "checked_at": _TIME, "run_id": _TEXT, "details": _TEXT,
    },
    "One row per rule of data quality and result that was new, or the first of a UTC day: what was found.",
)  # fmt: skip
VERSIONS = Table(
    "meta",
    "versions",
    {
        "version": _BIG, "stage": _TEXT, "messages": _BIG, "counts": _TEXT, "inputs": _TEXT,
        "run_id": _TEXT, "code_version": _TEXT, "committed_at": _TIME,
    },
    "One row per lake version: what made it, from what, and when.",
)  # fmt: skip
WATERMARKS = Table(
    "meta",
    "watermarks",
    {"name": _TEXT, "epoch": _BIG, "version": _BIG},
    "One row: the latest version. Advanced by compare-and-set inside each transaction.",
)
BASES = Table(
    "meta",
    "bases",
    {"table_name": _TEXT, "base_version": _BIG},
    "One row per compaction of a versioned table; the greatest base_version is the one in use.",
)

PRODUCTS = VersionedTable(
    "core",
    "products",
    {
        "sku": _TEXT, "product_name": _TEXT, "variant_name": _TEXT, "brand_name": _TEXT,
        "category_name": _TEXT, "department_name": _TEXT, "supplier_id": _TEXT,
        "lead_time_days": _BIG, "order_up_to": _BIG, "unit_price": "DOUBLE", "pack_multiple": _BIG,
        "document_fields": _TEXT, "version": _BIG, "is_removed": _FLAG,
    },
    "One row per SKU with product data. Null is unknown.",
    key=("sku",),
    hidden=("document_fields", "is_removed"),
    shown_if="is_removed IS NOT TRUE",
)  # fmt: skip
SKU_STATE = VersionedTable(
    "core",
    "sku_state",
    {
        "warehouse_id": _TEXT, "sku": _TEXT, "on_hand": _BIG, "reserved": _BIG, "inbound": _BIG,
        "is_active": _FLAG, "department_id": _TEXT, "category_id": _TEXT, "brand_id": _TEXT,
        "product_id": _TEXT, "is_restock_in_progress": _FLAG, "event_count": _BIG,
        "last_event_at": _TIME, "fold_state": _TEXT, "version": _BIG,
    },
    "One row per (warehouse_id, sku): stock in units as of the key's last event.",
    key=("warehouse_id", "sku"),
    derived={
        "available": "on_hand - reserved",
        "is_negative": "on_hand < 0",
        "is_over_reserved": "reserved > on_hand",
    },
    hidden=("fold_state",),
)  # fmt: skip
ROLLUPS = VersionedTable(
    "core",
    "rollups",
    {
        "warehouse_id": _TEXT, "level": _TEXT, "level_id": _TEXT, "parent_id": _TEXT, "on_hand": _BIG,
        "reserved": _BIG, "available": _BIG, "inbound": _BIG, "sku_count": _BIG, "version": _BIG,
    },
    "One row per (warehouse_id or null for all, level, level_id): sums over its active keys.",
    key=("warehouse_id", "level", "level_id"),
    has_null_keys=True,
    shown_if="sku_count > 0",
)  # fmt: skip
THRESHOLD_RULES = VersionedTable(
    "core",
    "threshold_rules",
    {
        "level_type": _TEXT, "level_id": _TEXT, "warehouse_id": _TEXT, "min_threshold_qty": _BIG,
        "reorder_threshold_qty": _BIG, "min_threshold_days": "DOUBLE", "reorder_threshold_days": "DOUBLE",
        "cooldown_minutes": _BIG, "is_enabled": _FLAG, "is_deleted": _FLAG, "event_id": _TEXT,
        "updated_at": _TIME, "details": _TEXT, "version": _BIG,
    },
    "One row per (level_type, level_id, warehouse_id or null for all): the rule in force.",
    key=("level_type", "level_id", "warehouse_id"),
    has_null_keys=True,
    derived={
        "author": "json_extract_string(details, '$.rule.author')",
        "reason": "json_extract_string(details, '$.rule.reason')",
        "alert_settings": "coalesce(json_extract_string(details, '$.rule.alert_settings'), '{}')",
    },
    hidden=("details",),
    shown_if="NOT is_deleted",
)  # fmt: skip
RESOLVED_THRESHOLDS = VersionedTable(
    "core",
    "resolved_thresholds",
    {
        "warehouse_id": _TEXT, "sku": _TEXT, "min_threshold_qty": _BIG, "reorder_threshold_qty": _BIG,
        "min_threshold_days": "DOUBLE", "reorder_threshold_days": "DOUBLE", "cooldown_minutes": _BIG,
        "is_enabled": _FLAG, "rule_level_type": _TEXT, "rule_level_id": _TEXT,
        "rule_warehouse_id": _TEXT, "rule_version": _BIG, "rule_event_id": _TEXT, "dynamic": _TEXT, "version": _BIG,
    },
    "One row per (warehouse_id, sku): the limits in force and the rule they come from.",
    key=("warehouse_id", "sku"),
)  # fmt: skip
VELOCITY = VersionedTable(
    "core",
    "velocity",
    {"warehouse_id": _TEXT, "sku": _TEXT, "as_of_date": _DATE, "daily_units": "DOUBLE", "version": _BIG},
    "One row per (warehouse_id, sku): mean daily units of COMPLETED ORDERs over 28 UTC days before as_of_date.",
    key=("warehouse_id", "sku"),
    shown_if="daily_units IS NOT NULL",
)
COVERAGE = VersionedTable(
    "core",
    "coverage",
    {
        "warehouse_id": _TEXT, "sku": _TEXT, "as_of_date": _DATE, "available": _BIG, "daily_units": "DOUBLE",
        "daily_deviation": "DOUBLE", "in_stock_days": _BIG, "stockout_days": _BIG, "cover_days": "DOUBLE",
        "cover_days_low": "DOUBLE", "cover_days_high": "DOUBLE", "version": _BIG,
    },
    "One row per (warehouse_id, sku): demand on days with stock in the 84 days before as_of_date, and days of cover.",
    key=("warehouse_id", "sku"),
)  # fmt: skip
DYNAMIC_THRESHOLDS = VersionedTable(
    "core",
    "dynamic_thresholds",
    {
        "warehouse_id": _TEXT, "sku": _TEXT, "as_of_date": _DATE, "min_qty": _BIG, "reorder_qty": _BIG,
        "model": _TEXT, "daily_units": "DOUBLE", "demand": "DOUBLE", "deviation": "DOUBLE",
        "protection_days": _BIG, "service_level": "DOUBLE", "safety_factor": "DOUBLE", "version": _BIG,
    },
    "One row per (warehouse_id, sku) under a dynamic rule: the limits computed, before any bound, and from what.",
    key=("warehouse_id", "sku"),
    shown_if="min_qty IS NOT NULL",
)  # fmt: skip
ALERTS = VersionedTable(
    "out",
    "alerts",
    {
        "alert_id": _TEXT, "warehouse_id": _TEXT, "sku": _TEXT, "alert_type": _TEXT, "priority": _TEXT,
        "state": _TEXT, "available": _BIG, "threshold": "DOUBLE", "opened_at": _TIME,
        "resolved_at": _TIME, "resolved_reason": _TEXT, "notification_count": _BIG, "body": _TEXT,
        "record": _TEXT, "version": _BIG, "acknowledged_by": _TEXT, "acknowledged_at": _TIME,
        "silenced_until": _TIME, "escalated_level": _BIG, "inhibited_by": _TEXT, "is_untrusted": _FLAG,
    },
    "One row per alert id: its present state, and `body`, the message as sent.",
    key=("alert_id",),
    hidden=("record",),
)  # fmt: skip


INCIDENTS = VersionedTable(
    "out",
    "incidents",
    {
        "incident_id": _TEXT, "kind": _TEXT, "subject": _TEXT, "warehouse_id": _TEXT, "sku": _TEXT,
        "priority": _TEXT, "state": _TEXT, "title": _TEXT, "opened_at": _TIME, "resolved_at": _TIME,
        "members": _TEXT, "arithmetic": _TEXT, "as_of": _TIME, "as_of_version": _BIG, "policy": _TEXT,
        "notification_count": _BIG, "version": _BIG,
    },
    "One row per incident id: a business alert over many keys, its members and its arithmetic.",
    key=("incident_id",),
)  # fmt: skip


CONNECTORS = VersionedTable(
    "meta",
    "connectors",
    {
        "connector_id": _TEXT, "warehouse_id": _TEXT, "last_heard_at": _TIME, "state": _TEXT,
        "published_until": _TIME, "lag_seconds": "DOUBLE", "source_epoch": _BIG, "open_gaps": _BIG,
        "outranked_by": _BIG, "read": _BIG, "published": _BIG, "dead_lettered": _BIG, "owner_id": _TEXT,
        "started_at": _TIME, "last_error": _TEXT, "version": _BIG,
    },
    "One row per connector_id: its newest heartbeat on an input topic, and up to when its database was published.",
    key=("connector_id",),
)  # fmt: skip
PIPELINE_FINDINGS = VersionedTable(
    "meta",
    "pipeline_findings",
    {
        "kind": _TEXT, "subject": _TEXT, "warehouse_id": _TEXT, "severity": _TEXT, "is_open": _FLAG,
        "begun_at": _TIME, "ended_at": _TIME, "finding": _TEXT, "what_to_do": _TEXT, "version": _BIG,
    },
    "One row per (kind, subject): what was last found wrong between the databases and the lake, as it was notified.",
    key=("kind", "subject"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A question kept as a view. `query` names tables with `{lake}` before them."""

    schema: str
    name: str
    query: str
    comment: str

    @property
    def full_name(self) -> str:
        """schema.name, as queries say it."""
        return f"{self.schema}.{self.name}"


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

VIEWS = (ALERT_QUALITY,)
APPEND_TABLES = (
    RAW_MESSAGES, CORE_EVENTS, DEAD_LETTERS, THRESHOLD_AUDIT, TRANSITIONS, DELIVERIES, NOTIFICATIONS,
    QUALITY_RESULTS, VERSIONS, WATERMARKS, BASES,
)  # fmt: skip
VERSIONED_TABLES = (
    PRODUCTS, SKU_STATE, ROLLUPS, THRESHOLD_RULES, RESOLVED_THRESHOLDS, VELOCITY, COVERAGE, DYNAMIC_THRESHOLDS,
    ALERTS, INCIDENTS, CONNECTORS, PIPELINE_FINDINGS,
)  # fmt: skip
SCHEMAS = ("raw", "core", "out", "meta")
