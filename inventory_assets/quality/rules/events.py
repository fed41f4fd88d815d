"""Rules about what was taken in: `core.events`."""

from inventory_assets.domain.events.kinds import Outcome, Status
from inventory_assets.domain.events.parse import SIGNS
from inventory_assets.domain.quality.results import Severity
from inventory_assets.lake.query.clauses import (
    EVENT_KINDS,
    FINAL_STATUSES,
    STOCK_KINDS,
    TRANSACTION,
    counting_versions,
    listed,
)
from inventory_assets.lake.tables import CORE_EVENTS
from inventory_assets.quality.judges.ledger import judge_levels
from inventory_assets.quality.judges.volume import judge_quantity, judge_silent_days, judge_silent_hours, judge_volume
from inventory_assets.quality.rule import Rule
from inventory_assets.ranges import MAX_QUANTITY

# Clocks of servers drift by seconds; minutes are a clock set wrongly, or a wrong time zone.
AHEAD_MINUTES = 5
LATE_HOURS = 24
LATE_PERCENT = 5
LEAST_EVENTS = 100
# Goods between two warehouses of one country arrive within days.
TRANSFER_DAYS = 14
# What RULES 16 calls a transfer that did not arrive as it was shipped.
TRANSFER_QUANTITY_CHANGED = "transfer_quantity_changed"

_WRONG_SIGN = " OR ".join(
    f"(type IN {listed(name for name, sign in SIGNS.items() if sign == wanted)} AND quantity {comparison} 0)"
    for wanted, comparison in ((-1, ">"), (1, "<"))
)
_SHIPPED = counting_versions("*", "type = 'TRANSFER' AND status = 'SHIPPED'")


def _comes_after(one: str, other: str) -> str:
    """SQL for whether one row of core.events stands after another: by its source's clock, else by the instant."""
    return (
        f"CASE WHEN {one}.source <> {other}.source THEN {one}.instant > {other}.instant "
        f"ELSE ({one}.source_epoch, {one}.instant, {one}.increment) "
        f"> ({other}.source_epoch, {other}.instant, {other}.increment) END"
    )


EVENT_RULES = (
    Rule(
        CORE_EVENTS, "events_are_complete", ("version", "seq"),
        "Every event has its id, kind and time, and a stock event its warehouse, SKU and quantity.", f"""
        SELECT version, seq, event_id, kind, warehouse_id, sku,
            concat_ws(', ', CASE WHEN event_id IS NULL THEN 'event_id' END, CASE WHEN kind IS NULL THEN 'kind' END,
                CASE WHEN event_at IS NULL THEN 'event_at' END, CASE WHEN outcome IS NULL THEN 'outcome' END,
                CASE WHEN warehouse_id IS NULL THEN 'warehouse_id' END, CASE WHEN sku IS NULL THEN 'sku' END,
                CASE WHEN kind = 'transaction' AND (transaction_id IS NULL OR type IS NULL OR status IS NULL)
                    THEN 'transaction' END,
                CASE WHEN kind = 'transaction' AND quantity IS NULL THEN 'quantity' END) AS missing
        FROM core.events
        WHERE event_id IS NULL OR kind IS NULL OR event_at IS NULL OR outcome IS NULL OR instant IS NULL
            OR (kind IN {STOCK_KINDS} AND (warehouse_id IS NULL OR sku IS NULL))
            OR (kind = 'transaction'
                AND (transaction_id IS NULL OR type IS NULL OR status IS NULL OR quantity IS NULL))""",
    ),
    Rule(
        CORE_EVENTS, "optional_fields_fit", ("warehouse_id", "field"),
        "Every optional field of the last 7 days' levels has a value that can be meant.", """
        WITH ignored AS (
            SELECT warehouse_id, unnest(json_extract_string(details, '$.ignored_fields[*]')) AS field, sku, event_id,
                version, seq
            FROM core.events
            WHERE version > {recent_version} AND kind = 'level' AND contains(details, '"ignored_fields":["')
        )
        SELECT warehouse_id, field, count(*) AS times, count(DISTINCT sku) AS keys,
            arg_max(sku, (version, seq)) AS sku, arg_max(event_id, (version, seq)) AS event_id
        FROM ignored GROUP BY warehouse_id, field""",
        severity=Severity.WARN,
        what_to_do="Mend the sender: the field counts as not sent, the rest of its document as it came. "
        "The newest such document is the message in raw.messages with the event_id of the finding.",
    ),
    # Eight bytes an event in the first pass: ids of millions of events would not fit in memory.
    Rule(
        CORE_EVENTS, "event_ids_are_unique", ("event_id",),
        "Every event is taken in once.", """
        SELECT event_id, count(*) AS times, min(version) AS first_version, max(version) AS last_version,
            any_value(warehouse_id) AS warehouse_id, any_value(sku) AS sku
        FROM core.events
        WHERE hash(event_id) IN (SELECT hash(event_id) FROM core.events GROUP BY 1 HAVING count(*) > 1)
            AND event_id IS NOT NULL
        GROUP BY event_id HAVING count(*) > 1""",
        is_of_stock=True,
    ),
    Rule(
        CORE_EVENTS, "events_are_of_a_known_kind", ("event_id",),
        "Kinds, types and statuses are known ones, and quantities have the sign of their type.", f"""
        SELECT event_id, kind, type, status, quantity, outcome, warehouse_id, sku FROM core.events
        WHERE kind NOT IN {EVENT_KINDS}
            OR outcome NOT IN {listed((Outcome.APPLIED, Outcome.SUPERSEDED))}
            OR (kind = 'transaction' AND (type NOT IN {listed(SIGNS)} OR status NOT IN {listed(Status)}
                OR quantity = 0 OR abs(quantity) > {MAX_QUANTITY} OR {_WRONG_SIGN}
                OR (status = 'SHIPPED' AND type <> 'TRANSFER')))""",
    ),
    Rule(
        CORE_EVENTS, "events_have_their_message", ("version", "seq"),
        "Every event stands on a received message, and every message that counted became an event.", """
        WITH first AS (SELECT coalesce(min(version), 0) AS version FROM raw.messages),
        taken AS (
            SELECT version, seq, hash(event_id) AS name FROM core.events WHERE version >= (SELECT version FROM first)
        ), received AS (
            SELECT version, seq, hash(event_id) AS name FROM raw.messages WHERE outcome IN ('applied', 'superseded')
        )
        SELECT version, seq, t.name IS NULL AS lacks_event, r.name IS NULL AS lacks_message
        FROM taken t FULL JOIN received r USING (version, seq, name) WHERE t.name IS NULL OR r.name IS NULL""",
        needs=("raw.messages", "the messages were removed, so there is nothing to compare with"),
    ),
    Rule(
        CORE_EVENTS, "transactions_keep_their_place", ("transaction_id",),
        "All versions of a transaction are of one type, warehouse, SKU and receiver.", """
        WITH versions AS (
            SELECT entity_key, transaction_id, type, warehouse_id, sku, to_warehouse_id,
                hash(type, warehouse_id, sku, to_warehouse_id) AS place
            FROM core.events WHERE kind = 'transaction'
        ), moved AS (SELECT entity_key FROM versions GROUP BY entity_key HAVING min(place) <> max(place))
        SELECT transaction_id, min(warehouse_id) AS warehouse_id, min(sku) AS sku, list(DISTINCT type) AS types,
            list(DISTINCT warehouse_id) AS warehouses, list(DISTINCT sku) AS skus,
            list(DISTINCT to_warehouse_id) AS receivers
        FROM versions SEMI JOIN moved USING (entity_key)
        GROUP BY transaction_id HAVING min(place) <> max(place)""",
        is_of_stock=True,
    ),
    Rule(
        CORE_EVENTS, "transfers_have_two_ends", ("event_id",),
        "A transfer goes from one warehouse to another one, and nothing else names a receiver.", """
        SELECT event_id, transaction_id, type, warehouse_id, to_warehouse_id, sku, quantity FROM core.events
        WHERE kind = 'transaction' AND CASE WHEN type = 'TRANSFER'
            THEN coalesce(to_warehouse_id = warehouse_id, true) ELSE to_warehouse_id IS NOT NULL END""",
        is_of_stock=True,
    ),
    Rule(
        CORE_EVENTS, "transfers_arrive", TRANSACTION,
        f"What was shipped to another warehouse is completed or cancelled within {TRANSFER_DAYS} days.", f"""
        SELECT transaction_id, line_id, warehouse_id, to_warehouse_id, sku, quantity, event_at AS shipped_at,
            date_diff('day', event_at, {{as_of}}) AS days
        FROM core.events e
        WHERE type = 'TRANSFER' AND status = 'SHIPPED' AND event_at < {{as_of}} - INTERVAL {TRANSFER_DAYS} DAY
            AND NOT EXISTS (
                SELECT 1 FROM core.events f WHERE f.entity_key = e.entity_key
                    AND f.transaction_id = e.transaction_id AND f.status IN {FINAL_STATUSES})""",
        severity=Severity.WARN,
        what_to_do="Ask the receiver whether the goods came. Book the transfer COMPLETED or CANCELLED; "
        "until then its units count as inbound and mute REORDER alerts.",
    ),
    Rule(
        CORE_EVENTS, "transfers_arrive_whole", TRANSACTION,
        "As many units of a transfer arrive as were shipped.", f"""
        SELECT a.transaction_id, a.line_id, a.warehouse_id, a.to_warehouse_id, a.sku, s.quantity AS shipped,
            a.quantity AS arrived, '{TRANSFER_QUANTITY_CHANGED}' AS flag
        FROM ({counting_versions("*", "type = 'TRANSFER'")}) a JOIN ({_SHIPPED}) s
            ON s.transaction_id = a.transaction_id AND s.warehouse_id = a.warehouse_id
            AND s.line_id IS NOT DISTINCT FROM a.line_id
        WHERE a.status = 'COMPLETED' AND a.quantity <> s.quantity""",
        severity=Severity.WARN,
        what_to_do="Count what came. The books follow the COMPLETED quantity on both sides, so what was lost on the "
        "way is still in the sender's stock: book an ADJUSTMENT there.",
    ),
    Rule(
        CORE_EVENTS, "goods_go_to_active_keys", ("event_id",),
        "No goods come to a key whose stock document was deleted, and none are under way to one.", f"""
        WITH inactive AS (SELECT warehouse_id, sku FROM core.sku_state WHERE NOT is_active),
        deletions AS (
            SELECT * FROM core.events e SEMI JOIN inactive USING (warehouse_id, sku)
            WHERE kind = 'tombstone' AND NOT EXISTS (
                SELECT 1 FROM core.events l WHERE l.kind = 'level' AND l.warehouse_id = e.warehouse_id
                    AND l.sku = e.sku AND {_comes_after("l", "e")})
        ), goods AS (
            SELECT event_id, transaction_id, type, status, warehouse_id AS from_warehouse_id, quantity, sku,
                CASE WHEN type = 'TRANSFER' THEN to_warehouse_id ELSE warehouse_id END AS warehouse_id,
                event_at, source, source_epoch, instant, increment
            FROM ({counting_versions("*", "sku IN (SELECT sku FROM inactive)")})
            WHERE (type = 'TRANSFER' AND status IN ('SHIPPED', 'COMPLETED')) OR (quantity > 0
                AND type NOT IN ('TRANSFER', 'RESERVE', 'RELEASE') AND status IN ('PENDING', 'COMPLETED'))
        )
        SELECT g.event_id, g.transaction_id, g.type, g.status, g.from_warehouse_id, g.warehouse_id, g.sku, g.quantity,
            g.event_at, min(e.event_at) AS deleted_at
        FROM goods g JOIN deletions e ON e.warehouse_id = g.warehouse_id AND e.sku = g.sku
        WHERE g.status <> 'COMPLETED' OR {_comes_after("g", "e")}
        GROUP BY ALL""",
        severity=Severity.WARN,
        what_to_do="Their units are in no sum and no alert. If the key is in use, send its level; "
        "else book them CANCELLED, or send them on.",
    ),
    Rule(
        CORE_EVENTS, "events_are_not_ahead", ("event_id",),
        f"No event of the last 7 days happened more than {AHEAD_MINUTES} minutes after it was published.", f"""
        SELECT e.event_id, e.warehouse_id, e.sku, e.event_at, r.publish_time AS published_at
        FROM core.events e JOIN raw.messages r ON r.version = e.version AND r.seq = e.seq
        WHERE e.version > {{recent_version}} AND r.version > {{recent_version}} AND e.kind IN {STOCK_KINDS}
            AND e.event_at > r.publish_time + INTERVAL {AHEAD_MINUTES} MINUTE""",
        severity=Severity.WARN,
        what_to_do="Set the clock or the time zone of the sending system. "
        "Until then its alerts bear times that have not come yet.",
    ),
    Rule(
        CORE_EVENTS, "events_arrive_in_time", ("warehouse_id",),
        f"Of a warehouse's events of the last 7 days, at most {LATE_PERCENT} % came over {LATE_HOURS} h late.", f"""
        SELECT e.warehouse_id, count(*) AS events,
            count_if(e.event_at < {{published_at}} - INTERVAL {LATE_HOURS} HOUR)::BIGINT AS late,
            round(100.0 * late / events, 1) AS percent
        FROM core.events e JOIN raw.messages r ON r.version = e.version AND r.seq = e.seq
        WHERE e.version > {{recent_version}} AND r.version > {{recent_version}} AND e.kind IN {STOCK_KINDS}
        GROUP BY e.warehouse_id HAVING events >= {LEAST_EVENTS} AND late * 100 > events * {LATE_PERCENT}""",
        severity=Severity.WARN,
        what_to_do="See to the connector and the network of that warehouse. Stock is right once events are in, "
        "alerts come late. A history that was loaded on purpose also shows here.",
    ),
    Rule(
        CORE_EVENTS, "warehouses_are_known", ("warehouse_id",),
        "A warehouse that transfers or threshold rules name has sent events of its own.", f"""
        WITH named AS (
            SELECT to_warehouse_id AS warehouse_id, 'transfer ' || transaction_id AS named_by FROM core.events
            WHERE to_warehouse_id IS NOT NULL
            UNION ALL SELECT warehouse_id, concat_ws(' ', 'rule', level_type, level_id) FROM core.threshold_rules
            WHERE warehouse_id IS NOT NULL
        )
        SELECT warehouse_id, count(*) AS times, min(named_by) AS named_by FROM named
        WHERE warehouse_id NOT IN (
            SELECT DISTINCT warehouse_id FROM core.events WHERE kind IN {STOCK_KINDS} AND warehouse_id IS NOT NULL)
        GROUP BY warehouse_id""",
        severity=Severity.WARN,
        what_to_do="See whether the id is misspelt at the sender or in the rule; "
        "a new warehouse counts as known with its first event.",
    ),
    Rule(
        CORE_EVENTS, "no_day_is_silent", ("warehouse_id", "date"),
        "A warehouse sends something on every day on which it normally does.",
        judge=judge_silent_days, severity=Severity.WARN,
        what_to_do="See whether the warehouse was closed, or its connector down: "
        "what it did not send, alerts do not know of.",
    ),
    Rule(
        CORE_EVENTS, "no_hour_is_silent", ("warehouse_id", "hour"),
        "A warehouse sends something in every hour in which it normally does (the last 24).",
        judge=judge_silent_hours, severity=Severity.WARN, is_light=True,
        what_to_do="See whether its connector runs: what it does not send, alerts do not know of.",
    ),
    Rule(
        CORE_EVENTS, "volume_is_usual", ("warehouse_id", "date"),
        "A warehouse has about as many transactions on a day as on the same weekdays before (the last 7 days).",
        judge=judge_volume, severity=Severity.WARN,
        what_to_do="Look at that day's transactions: a sale or a holiday explains it; a sender that repeats itself "
        "under new ids, or has lost part of its stream, does not.",
    ),
    Rule(
        CORE_EVENTS, "quantity_is_usual", ("warehouse_id", "date"),
        "A warehouse moves about as many units on a day as on the same weekdays before (the last 7 days).",
        judge=judge_quantity, severity=Severity.WARN,
        what_to_do="Look at that day's largest transactions: a typing error, or packs counted as units.",
    ),
    Rule(
        CORE_EVENTS, "levels_agree_with_the_ledger", ("event_id",),
        "A counted stock is what the key's events up to it add up to (the last 28 days).",
        judge=judge_levels, severity=Severity.WARN,
        what_to_do="Between the last count that agreed and this one something was not booked, or booked wrongly: "
        "look at the events named. Stock now goes by the count.",
    ),
)  # fmt: skip
