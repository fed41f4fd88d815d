"""Check the lake against the documents of a source database (`domain.quality.source_check`).

Here: comparing both sides in bounded memory, and telling a loss from a change that is on its way.
Not here: MongoDB (`connector.source.reconcile_source`), the lake's SQL (`rows`), nor where the
histories part (`trace`).

First everything is compared once, as it is read: a pair that agrees, agrees. What differs is only
suspected, as both sides move meanwhile. Suspects are read again a few times, the source at one
cluster time and then the lake. A suspect is a difference when the source's document is still what it
was at first, the lake has nothing of it later than that cluster time, and they still differ. What
changed meanwhile is unsettled and no difference: its next version is on its way.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from inventory_assets.domain.events.kinds import Key, Level, Rejection
from inventory_assets.domain.quality.source_check import (
    Difference,
    Divergence,
    Held,
    Kind,
    compare_rule,
    compare_stock,
    compare_transaction,
)
from inventory_assets.lake.query.reader import Reader
from inventory_assets.quality.source.documents import Again, ClusterTime, Documents, Refused, SourceReading
from inventory_assets.quality.source.rows import LakeSide
from inventory_assets.quality.source.trace import Subjects, trace
from inventory_assets.ranges import MAX_CLUSTER_TIME

# Transactions looked up in the lake at a time.
CHUNK = 5_000
# Suspects are held in memory; where there are more, the lake wants a new copy rather than a list.
MAX_SUSPECTS = 20_000
TRIES = 3


@dataclass(slots=True, kw_only=True)
class Report:
    """What a check found.

    Attributes:
        differences: A row per field, of at most `limit` subjects.
        found: How many subjects differ; `is_complete` is false where the check stopped at MAX_SUSPECTS.
        absent: Keys that the lake has active and the source has no more.
        unsettled: Subjects that changed while they were looked at.
        compared: Subjects, by what they are.
        cluster_time: Of the last reading of suspects; None where there was none.
        source_epoch: The greatest that the lake has of these warehouses.
    """

    differences: list[Difference] = field(default_factory=list)
    found: int = 0
    absent: list[Key] = field(default_factory=list)
    unsettled: int = 0
    is_complete: bool = True
    compared: dict[str, int] = field(default_factory=dict)
    cluster_time: ClusterTime | None = None
    source_epoch: int = 0


class SourceCheck:
    """One check. The lake is only read."""

    def __init__(
        self, reader: Reader, source: SourceReading, *, database: str, warehouse_ids: Iterable[str], now: int
    ) -> None:
        """Prepare a check.

        Args:
            reader: The lake.
            source: The documents.
            database: Its name: of rules that only the lake has, those that came from there count.
            warehouse_ids: Whose keys to look for in the source; a lake holds other databases' keys, too.
            now: Microseconds, the bound for event times.
        """
        self._lake = LakeSide(reader, sorted(warehouse_ids))
        self._source = source
        self._database = database
        self._now = now

    def run(self, *, limit: int, pause: Callable[[], None], tries: int = TRIES) -> Report:
        """Compare everything.

        Args:
            limit: How many subjects to trace; the others are counted.
            pause: Called before each further look.
            tries: Further looks; with `pause` they are the patience for what is on its way.
        """
        report, documents = Report(), Documents(self._now)
        suspects = self._look(documents, report)
        refused = documents.refused
        confirmed = Subjects()
        for _ in range(tries):
            if not len(suspects):
                break
            pause()
            suspects, confirmed, report.cluster_time = self._look_again(suspects)
        report.unsettled = len(suspects) - len(confirmed)
        report.found = len(refused) + len(confirmed)
        report.absent = sorted(key for key, level in confirmed.stock.items() if level is None)
        report.differences = [_refusal(each) for each in refused[:limit]]
        room = limit - len(report.differences)
        report.differences += trace(
            self._lake, self._source, Documents(self._now), confirmed, database=self._database, limit=room
        )
        report.source_epoch = self._lake.source_epoch()
        return report

    def _look(self, documents: Documents, report: Report) -> Subjects:
        """Compare everything once; what differs."""
        suspects = Subjects()
        counts = {"keys": 0, "transactions": 0, "rules": 0}
        for kind, subject, document, is_different in self._pairs(documents):
            counts[kind] += 1
            if is_different:
                if len(suspects) >= MAX_SUSPECTS:
                    report.is_complete = False
                    break
                by_kind: dict[str, dict[Any, Any]] = {
                    "keys": suspects.stock, "transactions": suspects.transactions, "rules": suspects.rules,
                }  # fmt: skip
                by_kind[kind][subject] = document
        report.compared = counts
        return suspects

    def _pairs(self, documents: Documents) -> Iterator[tuple[str, Any, Any, bool]]:
        for key, level, held in self._stock_pairs(documents):
            # What cannot be read is reported as it is, and not looked at again.
            yield "keys", key, level, not isinstance(level, Rejection) and bool(compare_stock(level, held))
        versions = documents.transactions(self._source.transactions())
        while chunk := list(islice(versions, CHUNK)):
            newest = self._lake.newest_versions(version.identity for version in chunk)
            for version in chunk:
                id_ = version.identity
                yield "transactions", id_, version, bool(compare_transaction(version, newest.get(id_)))
        rules, held_rules = documents.rules(self._source.rules()), self._lake.rules(self._database)
        for scope in rules.keys() | held_rules.own:
            rule = rules.get(scope)
            yield "rules", scope, rule, bool(compare_rule(rule, held_rules.in_force.get(scope)))

    def _stock_pairs(self, documents: Documents) -> Iterator[tuple[Key, Level | Rejection | None, Held | None]]:
        """Both sides by key; they come in the same order."""
        rows = self._lake.stock()
        row = next(rows, None)
        for key, level in documents.levels(self._source.levels()):
            while row is not None and row[0] < key:
                yield row[0], None, row[1]
                row = next(rows, None)
            if row is not None and row[0] == key:
                yield key, level, row[1]
                row = next(rows, None)
            else:
                yield key, level, None
        while row is not None:
            yield row[0], None, row[1]
            row = next(rows, None)

    def _look_again(self, before: Subjects) -> tuple[Subjects, Subjects, ClusterTime]:
        """Read suspects again: those that still differ, and those of them that have settled so."""
        again = self._source.read_again(
            list(before.stock), [id_ for _, id_, _ in before.transactions], has_rules=bool(before.rules)
        )
        keys = list(before.stock)
        held, newest_at = self._lake.stock_of(keys), self._lake.newest_positions(keys)
        stock = _settle(
            before.stock, dict(Documents(self._now).levels(again.levels)), again,
            lambda key, now: compare_stock(now, held.get(key)), newest_at.get,
        )  # fmt: skip
        newest = self._lake.newest_versions(before.transactions)
        transactions = _settle(
            before.transactions,
            {v.identity: v for v in Documents(self._now).transactions(again.transactions)}, again,
            # One that is gone meanwhile was archived: that takes no stock away.
            lambda id_, now: now is not None and compare_transaction(now, newest.get(id_)),
            lambda id_: newest[id_].position[1:] if id_ in newest else None,
        )  # fmt: skip
        in_force = self._lake.rules(self._database).in_force if before.rules else {}
        rules = _settle(
            before.rules, Documents(self._now).rules(again.rules) if before.rules else {}, again,
            lambda scope, now: compare_rule(now, in_force.get(scope)),
            lambda scope: in_force[scope].position[1:] if scope in in_force else None,
        )  # fmt: skip
        still, settled = (Subjects(*each) for each in zip(stock, transactions, rules, strict=True))
        return still, settled, again.cluster_time


def _settle(
    before: Mapping[Any, Any], now: Mapping[Any, Any], again: Again, is_different: Callable[[Any, Any], Any],
    place_of: Callable[[Any], tuple[int, int] | None],
) -> tuple[dict[Any, Any], dict[Any, Any]]:  # fmt: skip
    """Suspects of one kind: those that still differ, and those of them that have settled so."""
    still, settled = {}, {}
    for subject, was in before.items():
        found = now.get(subject)
        if isinstance(found, Rejection):
            # Still there, and unreadable since: above all not deleted.
            still[subject] = was
        elif is_different(subject, found):
            still[subject] = was
            place = place_of(subject)
            if _is_same(was, found) and (place is None or _is_within(place, again)):
                settled[subject] = found
    return still, settled


def _is_same(was: Any, now: Any) -> bool:
    if was is None or now is None:
        return was is now
    return (was.event_id, was.event_at, was.content) == (now.event_id, now.event_at, now.content)


def _is_within(place: tuple[int, int], again: Again) -> bool:
    """Whether a position's instant and increment are up to a reading's cluster time."""
    seconds, increment = again.cluster_time
    # One beyond all cluster times, as an older lake may hold, is of no change that is still on its way.
    return place <= (seconds * 1_000_000, increment) or place[0] > MAX_CLUSTER_TIME * 1_000_000


def _refusal(refused: Refused) -> Difference:
    cause = f"the lake refuses it, {refused.why.reason}: {refused.why.detail}"
    return Difference(
        kind=Kind.MISSING_IN_LAKE, warehouse_id=refused.warehouse_id, sku=refused.sku, subject=refused.subject,
        field="document", source=None, lake=None, divergence=Divergence(None, cause),
    )  # fmt: skip
