"""What a check of the source asks the lake. SQL only; what it means is `source_check`'s."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import polars as pl

from inventory_assets.domain.events.kinds import Key, Rejection, StockEvent, ThresholdRule, Transaction, entity_key
from inventory_assets.domain.quality.source_check import Held, newest_version
from inventory_assets.domain.thresholds.resolve import Scope, StoredRule
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.events import EVENT_COLUMNS, to_event
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.lake.query.rows import current_rows
from inventory_assets.lake.tables import THRESHOLD_RULES

# A letter this large is not read for its key; its message says why it was refused.
MAX_LETTER_BYTES = 1_000_000
# One parameter: the client converts a list item by item (`warm.id_list`).
_WANTED = """WITH wanted AS (
    SELECT pair[1] AS w, pair[2] AS s FROM (SELECT unnest(from_json(?, '[["VARCHAR"]]')) AS pair)
)"""
_SUBJECTS = (("transaction_id", "transaction"), ("level_type", "rule"), ("sku", "stock"))


class Rules(NamedTuple):
    """The rules in force by scope, and the scopes whose rule came from the source itself."""

    in_force: dict[Scope, ThresholdRule]
    own: set[Scope]


class LakeSide:
    """The lake as a check sees it, of some warehouses."""

    def __init__(self, reader: Reader, warehouse_ids: Sequence[str]) -> None:
        self._reader = reader
        self._warehouse_ids = warehouse_ids

    def stock(self) -> Iterator[tuple[Key, Held]]:
        """Every key of the warehouses, by warehouse_id and sku. Nothing else may be asked until it ends."""
        listed = ", ".join("'" + name.replace("'", "''") + "'" for name in self._warehouse_ids) or "NULL"
        query = (
            "SELECT warehouse_id, sku, on_hand, reserved, is_active FROM core.sku_state "
            f"WHERE warehouse_id IN ({listed}) ORDER BY warehouse_id, sku"
        )
        for batch in self._reader.batches(query):
            for warehouse_id, sku, *held in batch.iter_rows():
                yield (warehouse_id, sku), Held(*held)

    def stock_of(self, keys: Sequence[Key]) -> dict[Key, Held]:
        """The stock of some keys."""
        rows = self._of(
            keys,
            "SELECT warehouse_id, sku, on_hand, reserved, is_active FROM core.sku_state "
            "WHERE (warehouse_id, sku) IN (SELECT (w, s) FROM wanted)",
        )
        return {(row[0], row[1]): Held(*row[2:]) for row in rows.iter_rows()}

    def newest_positions(self, keys: Sequence[Key]) -> dict[Key, tuple[int, int]]:
        """(instant, increment) of the latest event of some keys."""
        rows = self._of(
            keys,
            """
            SELECT w, s, max({'instant': instant, 'increment': increment}) AS newest FROM core.events e
            JOIN wanted ON e.sku = s AND (e.warehouse_id = w OR e.to_warehouse_id = w) GROUP BY w, s
            """,
        )
        return {(w, s): (newest["instant"], newest["increment"]) for w, s, newest in rows.iter_rows()}

    def histories(self, keys: Sequence[Key]) -> dict[Key, list[StockEvent]]:
        """Every event of some keys; a transfer's at both."""
        rows = self._of(
            keys,
            f"""
            SELECT {EVENT_COLUMNS}, w AS at_warehouse FROM core.events e
            JOIN wanted ON e.sku = s AND (e.warehouse_id = w OR e.to_warehouse_id = w)
            WHERE kind IN {STOCK_KINDS}
            """,
        )
        found: dict[Key, list[StockEvent]] = {}
        for row in rows.iter_rows(named=True):
            found.setdefault((row["at_warehouse"], row["sku"]), []).append(to_event(row))  # type: ignore[arg-type]
        return found

    def newest_versions(self, transaction_ids: Iterable[str]) -> dict[str, Transaction]:
        """The newest version of some transactions."""
        keys = [entity_key(f"t:{id_}") for id_ in transaction_ids]
        if not keys:
            return {}
        rows = self._reader.query(
            f"SELECT {EVENT_COLUMNS} FROM core.events WHERE kind = 'transaction' "
            """AND entity_key IN (SELECT unnest(from_json(?, '["BIGINT"]')))""",
            [msgspec.json.encode(keys).decode()],
        )
        versions: dict[str, list[Transaction]] = {}
        for row in rows.iter_rows(named=True):
            versions.setdefault(row["transaction_id"], []).append(to_event(row))  # type: ignore[arg-type]
        return {id_: newest for id_, found in versions.items() if (newest := newest_version(found)) is not None}

    def rules(self, database: str) -> Rules:
        """The rules in force; a rule that somebody set in the lake itself is not the source's to have."""
        in_force = {}
        for details in current_rows(self._reader, THRESHOLD_RULES)["details"]:
            rule = msgspec.json.decode(details, type=StoredRule).rule
            in_force[rule.scope] = rule
        scopes = {rule.event_id: scope for scope, rule in in_force.items()}
        rows = self._reader.query(
            f"""
            SELECT DISTINCT event_id FROM raw.messages WHERE event_id IN ({IDS})
            AND try(json_extract_string(decode(data), '$.namespace')) = ?
            """,
            [id_list(scopes), f"{database}.thresholds"],
        )
        return Rules(in_force, {scopes[event_id] for event_id in rows["event_id"]})

    def refusals(self, subjects: set[str]) -> dict[tuple[str | None, str | None, str], Rejection]:
        """The newest dead letter of each subject, by warehouse, sku and subject."""
        found: dict[tuple[str | None, str | None, str], Rejection] = {}
        query = (
            f"SELECT reason, detail, data FROM core.dead_letters WHERE octet_length(data) < {MAX_LETTER_BYTES} "
            "ORDER BY version, seq"
        )
        for batch in self._reader.batches(query):
            for reason, detail, payload in batch.iter_rows():
                place = _place_of(payload)
                if place is not None and place[2] in subjects:
                    found[place] = Rejection(reason, detail)
        return found

    def source_epoch(self) -> int:
        """The greatest epoch of the warehouses' events that have a cluster time; 0 where there is none."""
        rows = self._reader.query(
            f"SELECT coalesce(max(source_epoch), 0) AS epoch FROM core.events WHERE has_cluster_time "
            f"AND warehouse_id IN ({IDS})",
            [id_list(self._warehouse_ids)],
        )
        return rows.item()

    def _of(self, keys: Sequence[Key], query: str) -> pl.DataFrame:
        return self._reader.query(f"{_WANTED} {query}", [msgspec.json.encode(keys).decode()])


def _place_of(payload: bytes) -> tuple[str | None, str | None, str] | None:
    """What a refused message is about, as far as it says."""
    try:
        body: Any = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    document = body.get("document", body) if type(body) is dict else None
    if type(document) is not dict:
        return None
    name = next((kind for marker, kind in _SUBJECTS if marker in document), None)
    warehouse_id, sku = document.get("warehouse_id"), document.get("sku")
    if name == "transaction":
        return (warehouse_id, sku, f"transaction {document['transaction_id']}")
    if name == "rule":
        level_id = "" if document["level_type"] == "GLOBAL" else document.get("level_id")
        return (warehouse_id, None, f"rule {document['level_type']} {level_id}".strip())
    return (warehouse_id, sku, "stock") if name else None
