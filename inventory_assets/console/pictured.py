"""What is asked of the picture for a page or an answer: the rows that `questions` reads from the lake, from memory.

Each function of `Pictured` chooses its rows between two versions, so a list is of one. What to do about a shelf is
not in the picture: it comes from `facts`, and may be a moment older. Not here: what only the lake knows (`questions`).
"""

import heapq
import logging
import weakref
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import duckdb

from inventory_assets.clock import clock_of, machine_microseconds
from inventory_assets.console.choosing import choices, chosen, in_order, worst_first
from inventory_assets.console.facts import NOTHING, Facts
from inventory_assets.console.questions import FOUND, Row
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.picture.rows import Alert, Stock
from inventory_assets.domain.values import span, to_datetime
from inventory_assets.lake.errors import LakeError, LakeMissingError
from inventory_assets.picture.live import Live
from inventory_assets.quality.lags import READING, Lag
from inventory_assets.queries.alerts import with_handling
from inventory_assets.queries.at_stake import NOT_KNOWN, stake_of
from inventory_assets.replenish.present import listed_with
from inventory_assets.settings import Settings

T = TypeVar("T")

# A picture that nobody could bring up to date for so long is no better than the lake.
STALE_SECONDS = 10.0
# A warehouse each, and a few lists: who makes names up must not fill the memory.
MOST_KEPT = 40
logger = logging.getLogger(__name__)


class Shown(NamedTuple):
    """Of which version a page is."""

    version: int
    committed_us: int
    newest: int
    stale_seconds: float


class Pictured:
    """Answers from the newest picture."""

    def __init__(self, settings: Settings, live: Live | None, facts: Facts, *, is_exact: bool = False) -> None:
        """Make it.

        Args:
            settings: Which home.
            live: The newest picture; None where there never is one.
            facts: What the picture lacks.
            is_exact: Each question sees all that is committed by then.
        """
        self._settings = settings
        self._live = live
        self._facts = facts
        self.sales = facts.sales
        self._is_exact = is_exact
        self._kept: dict[str, tuple[weakref.ref[Picture], int, Any]] = {}

    @property
    def is_live(self) -> bool:
        """Whether a picture is there that is brought up to date."""
        return self._live is not None and self._live.picture is not None

    async def picture(self) -> Picture | None:
        """The newest; None where there is none, or none that is of now: then the lake is to be asked."""
        live = self._live
        if live is None:
            return None
        if self._is_exact:
            try:
                await live.catch_up()
            except (LakeError, duckdb.Error, OSError) as error:
                logger.info("the picture is not brought up to date: %s", error)
                return None
        stale = live.stale_seconds
        return None if stale is None or stale > STALE_SECONDS else live.picture

    async def picture_of_alerts(self) -> Picture | None:
        """The newest, with what shelves sell a day: whatever is waited for is waited for before the list is chosen."""
        if self._live is not None:
            with suppress(LakeMissingError):
                await self.sales.look()
        return await self.picture()

    def shown(self, picture: Picture) -> Shown:
        """Which version a picture shows now, and whether there is a newer one."""
        newest = picture.version if self._live is None else self._live.newest
        return Shown(picture.version, picture.committed_us, newest, (self._live and self._live.stale_seconds) or 0.0)

    def lag(self) -> Lag | None:
        """That the picture could not be brought up to date for so long that the lake is asked instead; mostly None."""
        stale = None if self._live is None or self._live.picture is None else self._live.stale_seconds
        if stale is None or stale <= STALE_SECONDS:
            return None
        passed = int(stale * 1_000_000)
        text = f"This console could not follow the journal for {span(passed)}: what it shows is read from the lake."
        return Lag(
            READING, text, "Its log says why. If that goes on, start it again.", machine_microseconds() - passed
        )  # fmt: skip

    def worst_alerts(self, picture: Picture, filters: Mapping[str, str]) -> list[Alert]:
        """The alerts that fire, for which filters hold, the worst and newest first if `sort` does not say otherwise."""
        alerts = self._of("worst", picture, picture.alerts.newest, lambda: sorted(picture.alerts, key=worst_first))
        sold = self.sales.daily_units
        return in_order(picture, chosen(picture, alerts, filters), filters.get("sort", "worst"), sold=sold)

    def choices(self, picture: Picture) -> dict[str, list[str]]:
        """What open alerts can be chosen by, as `questions.alert_choices`."""
        newest = max(picture.alerts.newest, picture.products.newest)
        return self._of("choices", picture, newest, lambda: choices(picture))

    async def list_alerts(self, picture: Picture, alerts: Collection[Alert]) -> list[Row]:
        """Alerts of the picture of now, as `questions.list_alerts` has them."""
        rows = self.alert_rows(picture, alerts)
        stocks = (picture.stock.get((each.warehouse_id, each.sku)) for each in alerts if not each.is_gone)
        facts = await self._facts.of({stock.sku: stock.version for stock in stocks if stock is not None})
        for row in rows:
            fact = None if row["available_now"] is None else facts.get(row["sku"])
            row |= NOTHING if fact is None else fact.to_do_at(row["warehouse_id"])
        return rows

    def alert_rows(self, picture: Picture, alerts: Collection[Alert]) -> list[Row]:
        """The same without what to do, which only the lake knows."""
        now = clock_of(self._settings).now().replace(tzinfo=None)
        sold = self.sales.daily_units
        rows = []
        for each in alerts:
            key = (each.warehouse_id, each.sku)
            stock = None if each.is_gone else picture.stock.get(key)
            stake = NOT_KNOWN
            if stock is not None:
                stake = stake_of(
                    stock, daily_units=sold.get(each.warehouse_id, {}).get(each.sku), line=picture.lines.get(key),
                    product=picture.products.get(each.sku),
                )  # fmt: skip
            available = None if stock is None else stock.available
            row = listed_with(with_handling(_handled(each), now), available_now=available, stake=stake, to_do=NOTHING)
            rows.append(row)
        return rows

    def summarize(self, picture: Picture) -> Row:
        """How many alerts fire, of which kinds, and which warehouses there are, as `questions.summarize`."""
        counts = self._of("counts", picture, picture.alerts.newest, lambda: _count(picture))
        warehouses = self._of("warehouses", picture, picture.sums.newest, lambda: _warehouses(picture))
        return {**counts, "warehouses": warehouses}

    def alerts_by_warehouse(self, picture: Picture) -> dict[str, dict[str, int]]:
        """How many alerts fire by warehouse and condition; they add up to `summarize`."""
        return self._of("by warehouse", picture, picture.alerts.newest, lambda: _count_by_warehouse(picture))

    async def list_stock(self, picture: Picture, *, sku: str | None, warehouse: str | None, limit: int) -> list[Row]:
        """The stock of a SKU over its warehouses, or of a warehouse, the least available first."""
        if sku is not None:
            stocks = [row for row in picture.stock_of_sku(sku) if warehouse in (None, row.warehouse_id)][:limit]
        else:
            stocks = self._of(
                f"{limit} {warehouse}", picture, picture.stock.newest,
                lambda: heapq.nsmallest(
                    limit, (row for row in picture.stock if row.warehouse_id == warehouse), key=_least_first
                ),
            )  # fmt: skip
        known = [_stock_row(picture, row) for row in stocks]
        facts = await self._facts.of({row.sku: row.version for row in stocks})
        for row in known:
            fact = facts.get(row["sku"])
            to_do = NOTHING if fact is None else fact.to_do_at(row["warehouse_id"])
            daily_units = None if fact is None else fact.daily_units.get(row["warehouse_id"])
            row |= {
                "daily_units": daily_units, "cover_days": row["available"] / daily_units if daily_units else None,
                "what_to_do": to_do["what_to_do_now"], "why": to_do["why_now"],
            }  # fmt: skip
        return known

    def search_stock(self, picture: Picture, text: str) -> list[Row]:
        """SKUs whose id or name has a text in it, over all warehouses, as `questions.search_stock`."""
        wanted = text.lower()
        named = (each.sku for each in picture.products if wanted in (each.product_name or "").lower())
        found = set(chain((sku for sku in picture.skus() if wanted in sku.lower()), named))
        rows: list[Row] = []
        for sku in sorted(found, key=lambda each: (each != text, each)):
            if stocks := picture.stock_of_sku(sku):
                product = picture.products.get(sku)
                rows.append({
                    "sku": sku, "product_name": product and product.product_name,
                    "variant_name": product and product.variant_name, "warehouses": len(stocks),
                    "available": sum(each.available for each in stocks),
                })  # fmt: skip
                if len(rows) == FOUND:
                    break
        return rows

    def _of(self, name: str, picture: Picture, newest: int, make: Callable[[], T]) -> T:
        """What is made of a table once for each version that changes it."""
        kept = self._kept.get(name)
        if kept is not None and kept[0]() is picture and kept[1] == newest:
            return kept[2]  # type: ignore[no-any-return]
        made = make()
        if len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = (weakref.ref(picture), newest, made)
        return made


def health_row(shown: Shown) -> Row:
    """Which version a page shows, as `questions.health` has it."""
    behind = shown.newest - shown.version
    return {
        "lake_version": shown.version,
        "committed_at": _time(shown.committed_us) if shown.committed_us else None,
        "age_seconds": max(0, machine_microseconds() - shown.committed_us) / 1e6 if shown.committed_us else None,
        "versions_behind": behind,
        "ms_behind": int(shown.stale_seconds * 1000) if behind else 0,
    }


def _least_first(row: Stock) -> tuple[int, str]:
    return row.available, row.sku


def _count(picture: Picture) -> dict[str, int]:
    kinds = dict.fromkeys(Condition, 0)
    firing = unacknowledged = 0
    for each in picture.alerts:
        firing += 1
        unacknowledged += each.acknowledged_by is None
        kinds[Condition(each.alert_type)] += 1
    return {
        "firing": firing, "open": unacknowledged, "stockout": kinds[Condition.STOCKOUT],
        "low": kinds[Condition.LOW_STOCK], "reorder": kinds[Condition.REORDER],
    }  # fmt: skip


def _count_by_warehouse(picture: Picture) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for each in picture.alerts:
        mine = found.setdefault(each.warehouse_id, {})
        mine[each.alert_type] = mine.get(each.alert_type, 0) + 1
    return found


def _warehouses(picture: Picture) -> list[str]:
    return sorted({each.warehouse_id for each in picture.sums if each.warehouse_id is not None})


def _handled(alert: Alert) -> Row:
    return {
        "body": alert.body, "state": alert.state, "notification_count": alert.notification_count,
        "resolved_reason": alert.resolved_reason, "opened_at": _time(alert.opened_us),
        "resolved_at": _time(alert.resolved_us), "acknowledged_by": alert.acknowledged_by,
        "acknowledged_at": _time(alert.acknowledged_us), "silenced_until": _time(alert.silenced_until_us),
        "escalated_level": alert.escalated_level, "inhibited_by": alert.inhibited_by,
        "is_untrusted": alert.is_untrusted,
    }  # fmt: skip


def _stock_row(picture: Picture, row: Stock) -> Row:
    product, limits = picture.products.get(row.sku), picture.limits.get(row.key)
    alert = picture.alert_of(row.key)
    return {
        "warehouse_id": row.warehouse_id, "sku": row.sku, "is_active": row.is_active, "available": row.available,
        "on_hand": row.on_hand, "reserved": row.reserved, "inbound": row.inbound,
        "product_name": product and product.product_name, "variant_name": product and product.variant_name,
        **{name: limits and getattr(limits, name) for name in _LIMITS},
        "alert_id": alert and alert.alert_id, "alert_type": alert and alert.alert_type,
        "priority": alert and alert.priority,
    }  # fmt: skip


_LIMITS = ("min_threshold_qty", "reorder_threshold_qty", "min_threshold_days", "reorder_threshold_days")


def _time(moment_us: int | None) -> datetime | None:
    """A time as the lake's columns have it: UTC, and naive."""
    return None if moment_us is None else to_datetime(moment_us).replace(tzinfo=None)
