"""Say of each confirmed difference where the histories part. Reads what `domain.quality.source_check` needs for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from inventory_assets.domain.events.kinds import Key, Level, ThresholdRule, Transaction, TransactionId
from inventory_assets.domain.quality.source_check import (
    Difference,
    Divergence,
    KeyFacts,
    Mismatch,
    compare_rule,
    compare_stock,
    compare_transaction,
    trace_rule,
    trace_stock,
    trace_transaction,
)
from inventory_assets.domain.thresholds.resolve import Scope
from inventory_assets.quality.source.documents import Documents, SourceReading
from inventory_assets.quality.source.rows import LakeSide


@dataclass(slots=True)
class Subjects:
    """What differs, by subject, with what the source says of it; None is nothing."""

    stock: dict[Key, Level | None] = field(default_factory=dict)
    transactions: dict[TransactionId, Transaction] = field(default_factory=dict)
    rules: dict[Scope, ThresholdRule | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.stock) + len(self.transactions) + len(self.rules)


def trace(
    lake: LakeSide, source: SourceReading, documents: Documents, found: Subjects, *, database: str, limit: int
) -> list[Difference]:
    """Trace at most `limit` subjects: stock by key, then transactions by key and time, then rules."""
    versions = sorted(found.transactions.values(), key=lambda v: (v.warehouse_id, v.sku, v.event_at, v.transaction_id))
    chosen: list[Any] = [*sorted(found.stock), *versions, *sorted(found.rules, key=repr)][:limit]
    stock = [item for item in chosen if item in found.stock]
    versions = [item for item in chosen if isinstance(item, Transaction)]
    rules = [item for item in chosen if item in found.rules]
    keys = list(dict.fromkeys([*stock, *((v.warehouse_id, v.sku) for v in versions)]))
    facts = dict(_facts(lake, source, documents, keys, found))
    held, newest = lake.stock_of(stock), lake.newest_versions(v.identity for v in versions)
    traced: list[Difference] = []
    for key in stock:
        divergence = trace_stock(facts[key])
        traced += _differences(key, "stock", compare_stock(found.stock[key], held.get(key)), divergence)
    for version in versions:
        key = (version.warehouse_id, version.sku)
        mismatches = compare_transaction(version, newest.get(version.identity))
        subject = f"transaction {version.transaction_id}"
        traced += _differences(key, subject, mismatches, trace_transaction(version, facts[key]))
    return [*traced, *_trace_rules(lake, found, rules, database)]


def _trace_rules(lake: LakeSide, found: Subjects, scopes: Sequence[Scope], database: str) -> Iterator[Difference]:
    if not scopes:
        return
    in_force = lake.rules(database).in_force
    subjects = {scope: f"rule {scope[0]} {scope[1]}".strip() for scope in scopes}
    refusals = lake.refusals(set(subjects.values()))
    for scope, subject in subjects.items():
        document, held = found.rules[scope], in_force.get(scope)
        divergence = trace_rule(document, held, refusals.get((scope[2], None, subject)))
        yield from _differences((scope[2], None), subject, compare_rule(document, held), divergence)


def _facts(
    lake: LakeSide, source: SourceReading, documents: Documents, keys: list[Key], found: Subjects
) -> Iterator[tuple[Key, KeyFacts]]:
    if not keys:
        return
    histories = lake.histories(keys)
    versions: dict[Key, list[Transaction]] = {key: [] for key in keys}
    for version in documents.transactions(source.transactions_of(keys)):
        for warehouse_id in {version.warehouse_id, version.to_warehouse_id or version.warehouse_id}:
            if (warehouse_id, version.sku) in versions:
                versions[warehouse_id, version.sku].append(version)
    subjects = {f"transaction {version.transaction_id}" for each in versions.values() for version in each}
    refusals = lake.refusals(subjects | {"stock"})
    for key in keys:
        yield (
            key,
            KeyFacts(
                history=histories.get(key, []),
                level=found.stock.get(key),
                transactions=versions[key],
                refusals={subject: why for (*place, subject), why in refusals.items() if tuple(place) == key},
            ),
        )


def _differences(
    key: tuple[str | None, str | None], subject: str, mismatches: list[Mismatch], divergence: Divergence
) -> list[Difference]:
    return [
        Difference(
            kind=mismatch.kind, warehouse_id=key[0], sku=key[1], subject=subject, field=mismatch.field,
            source=mismatch.source, lake=mismatch.lake, divergence=divergence,
        )
        for mismatch in mismatches
    ]  # fmt: skip
