"""A source database's documents, read as the lake reads messages. No comparison here.

A document is JSON text, MongoDB's Extended JSON included, so that one parser decides on both sides
what it means and what is wrong with it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from inventory_assets.domain.events.kinds import Event, Filtered, Key, Level, Rejection, ThresholdRule, Transaction
from inventory_assets.domain.events.parse import ParseSettings, parse_message
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.thresholds.resolve import Scope

TOPICS = {"inventory": Topic.LEVELS, "transactions": Topic.TRANSACTIONS, "thresholds": Topic.THRESHOLDS}
ClusterTime = tuple[int, int]
"""(seconds since 1970, increment)."""


class Again(Protocol):
    """Documents as of one cluster time."""

    cluster_time: ClusterTime
    levels: list[str]
    transactions: list[str]
    rules: list[str]


class SourceReading(Protocol):
    """What is asked of the source."""

    def levels(self) -> Iterator[str]:
        """Every inventory document of the wanted warehouses, by warehouse_id and sku, byte for byte."""
        ...

    def transactions(self) -> Iterator[str]:
        """Every transaction document of the wanted warehouses, in any order."""
        ...

    def rules(self) -> Iterator[str]:
        """Every threshold document."""
        ...

    def read_again(self, keys: Sequence[Key], transaction_ids: Sequence[str], *, has_rules: bool) -> Again:
        """Read some documents at one cluster time."""
        ...

    def transactions_of(self, keys: Sequence[Key]) -> Iterator[str]:
        """The transaction documents of keys, a transfer's at both."""
        ...


class Refused(NamedTuple):
    """A document that the lake cannot take as it is."""

    warehouse_id: str | None
    sku: str | None
    subject: str
    why: Rejection


class Documents:
    """Reads documents; what cannot be read is left in `refused`."""

    def __init__(self, now: int) -> None:
        """`now` in microseconds bounds event times, as the publish time does of a message."""
        self._now = now
        self._settings = ParseSettings()
        self.refused: list[Refused] = []

    def levels(self, texts: Iterable[str]) -> Iterator[tuple[Key, Level | Rejection]]:
        """Inventory documents by key. One that says which key it is of, and is wrong, is there all the same."""
        for text in texts:
            event = self._parse("inventory", text)
            if isinstance(event, Level):
                yield (event.warehouse_id, event.sku), event
                continue
            refused = self._refuse("stock", text, event)
            if refused.warehouse_id is not None and refused.sku is not None:
                yield (refused.warehouse_id, refused.sku), refused.why

    def transactions(self, texts: Iterable[str]) -> Iterator[Transaction]:
        """Transaction documents."""
        for text in texts:
            event = self._parse("transactions", text)
            if isinstance(event, Transaction):
                yield event
            else:
                self._refuse("transaction", text, event)

    def rules(self, texts: Iterable[str]) -> dict[Scope, ThresholdRule]:
        """Threshold documents by scope."""
        found: dict[Scope, ThresholdRule] = {}
        for text in texts:
            event = self._parse("thresholds", text)
            if not isinstance(event, ThresholdRule):
                self._refuse("rule", text, event)
            # Two documents of one scope: the later one counts (RULES 22).
            elif event.scope not in found or found[event.scope].event_at <= event.event_at:
                found[event.scope] = event
        return found

    def _parse(self, collection: str, text: str) -> Event | Rejection | Filtered:
        body = f'{{"operation":"read","namespace":"{collection}","document":{text}}}'
        return parse_message(TOPICS[collection], body.encode(), {}, self._now, self._settings)

    def _refuse(self, kind: str, text: str, found: Any) -> Refused:
        document = json.loads(text)
        why = found if isinstance(found, Rejection) else Rejection("no_stock_fact", "not a document of this collection")
        name = next((document[f] for f in ("transaction_id", "level_id", "sku", "_id") if document.get(f)), "")
        place = [value if type(value := document.get(f)) is str else None for f in ("warehouse_id", "sku")]
        subject = kind if kind == "stock" and place[1] is not None else f"{kind} {name}"
        self.refused.append(Refused(place[0], place[1], subject, why))
        return self.refused[-1]
