"""The shop at work: what happens next, and the true stock it leaves.

Belongs here: business processes over one clock. Not here: how a fact is written down
(`writer`), nor how messages arrive (`simulation`).
"""

from random import Random

import numpy as np

from inventory_assets.simulator.agenda import Action, Agenda
from inventory_assets.simulator.catalog import (
    Product,
    build_catalog,
    demand_shares,
    reorder_point,
    units_per_second,
    warehouse_ids,
)
from inventory_assets.simulator.documents import SECOND_US, reference_json
from inventory_assets.simulator.incidents import Incidents, Note
from inventory_assets.simulator.ledger import NO_KEY, Effect, Ledger, VersionPosting
from inventory_assets.simulator.planning import limits_of
from inventory_assets.simulator.rules import RuleBook, build_rules, planned_rules
from inventory_assets.simulator.settings import SimulationSettings
from inventory_assets.simulator.transactions import Transaction, effects_of
from inventory_assets.simulator.writer import Draft, Writer, microseconds

# Orders are drawn in blocks: one binary search over all keys at a time is too slow.
_BLOCK = 4096
# Share of orders a flash sale draws to its product, and for how long (minutes).
_FLASH_SHARE, _FLASH_MINUTES, _FLASH_EVERY_MINUTES = 0.08, (4, 9), (25, 50)
_CUSTOMERS = ("web", "app", "store", "marketplace")
_LOSSES = ("DAMAGED", "LOST", "EXPIRED", "THEFT")


class World:
    """The true state of the shop. Keys are numbered warehouse-major."""

    def __init__(self, settings: SimulationSettings) -> None:
        self.settings = settings
        self.rng = Random(f"{settings.seed}:world")
        self._random = self.rng.random
        self.catalog = build_catalog(settings)
        self.warehouses = warehouse_ids(settings.warehouses)
        write_rules = planned_rules if settings.plans_by_demand else build_rules
        self.rules = write_rules(self.catalog, self.warehouses, settings.seed)
        self.ledger = Ledger(self.warehouses, [p.sku for p in self.catalog])
        self.start_us = microseconds(settings.start_at)
        self._writer = Writer(settings, self.catalog, self.warehouses)
        self._width = len(self.catalog)
        self._numbers = 0
        self.agenda = Agenda()
        self.silent_warehouse: str | None = None
        self._prepare_demand()
        self._prepare_stock()
        self._incidents = None if settings.incidents_at is None else Incidents(self, settings.incidents_at)

    @property
    def notes(self) -> list[Note]:
        """What has gone wrong so far."""
        return [] if self._incidents is None else self._incidents.notes

    # -- preparation ---------------------------------------------------------------------

    def _prepare_demand(self) -> None:
        shares = demand_shares(self.settings)
        self._demand = (shares * units_per_second(self.settings)).ravel()
        self._cumulative = np.cumsum(shares.ravel())
        self._draws = np.random.Generator(np.random.PCG64(self.settings.seed))
        self._block: list[int] = []
        self._flash_offsets: list[int] = []
        self._flash_share = _FLASH_SHARE
        self._flash_ends_us = 0
        self._next_flash_us = self.start_us + self._minutes(2, 15)

    def _prepare_stock(self) -> None:
        count = self._width * len(self.warehouses)
        book = RuleBook(self.rules)
        resolved = [book.resolve(p, w) for w in self.warehouses for p in self.catalog]
        if self.settings.plans_by_demand:
            limits = [
                limits_of(rule, float(self._demand[key]), self.catalog[key % self._width].lead_time_days)
                for key, rule in enumerate(resolved)
            ]
            self.min_at = [each.min_qty for each in limits]
            self.reorder_at = [each.reorder_qty for each in limits]
            self._plan_at = [each.order_at for each in limits]
        else:
            self.reorder_at = [rule.reorder_qty or 0 for rule in resolved]
            self.min_at = [rule.min_qty or 0 for rule in resolved]
            # The planner orders a little before the rule would complain.
            self._plan_at = [int(self.reorder_at[key] * 1.15 + 3 + self._lead_units(key)) for key in range(count)]
        # Deliveries of these keys are late until then.
        self._delayed: dict[int, int] = {}
        self.on_hand, self.reserved, self.inbound = ([0] * count for _ in range(3))
        self._is_on_order, self._is_lapsed, self._is_decided, self._is_flagged = (bytearray(count) for _ in range(4))
        for key in range(count):
            self._stock_shelf(key)

    def _lead_units(self, key: int) -> float:
        lead_time_days = self.catalog[key % self._width].lead_time_days
        return reorder_point(self.settings, float(self._demand[key]), lead_time_days)

    def _stock_shelf(self, key: int) -> None:
        rng = self.rng
        if rng.random() < 0.2:
            self.reserved[key] = rng.randint(1, 3)
        if rng.random() >= self.settings.opening_breach_rate:
            # Somewhere in its cycle, never about to be ordered.
            low = self._plan_at[key] + 2
            available = rng.randint(low, max(low, self.catalog[key % self._width].order_up_to))
        else:
            depth = rng.random()
            low, high = self.min_at[key], self.reorder_at[key]
            if depth < 0.12:
                available = 0
            elif depth < 0.45:
                available = rng.randint(1, low - 1)
            else:
                available = rng.randint(low, high - 1)
            # The planner is behind on these: an order leaves within the first half hour.
            self._is_on_order[key] = 1
            self._after(self.start_us, self._minutes(0.5, 30), self._purchase(key))
        self.on_hand[key] = available + self.reserved[key]

    # -- the clock -----------------------------------------------------------------------

    def _minutes(self, low: float, high: float) -> int:
        return int((low + (high - low) * self._random()) * self.settings.work_minute_seconds * SECOND_US)

    def _after(self, now_us: int, delay_us: int, action: Action) -> None:
        self.agenda.add(now_us + delay_us, action)

    def planned(self, now_us: int) -> Draft | None:
        """Take the next planned step; it may turn out to be nothing."""
        return self.agenda.take()(now_us)

    def arrival(self, now_us: int) -> Draft | None:
        """Let something new happen: mostly an order."""
        settings = self.settings
        chance = self._random()
        rare = settings.cycle_count_rate + settings.rule_change_rate + settings.control_rate
        if chance < rare:
            return self._rare(now_us, chance)
        chance = (chance - rare) / (1 - rare)
        if chance < 0.885:
            return self._order(now_us)
        if chance < 0.93:
            return self._returned(now_us)
        if chance < 0.945:
            return self._adjusted(now_us)
        if chance < 0.985 or len(self.warehouses) == 1:
            return self._reserve(now_us)
        return self._transfer(now_us)

    def _rare(self, now_us: int, chance: float) -> Draft:
        settings = self.settings
        key = self.rng.randrange(len(self.on_hand))
        if chance < settings.cycle_count_rate:
            return self._cycle_count(now_us, key)
        if chance < settings.cycle_count_rate + settings.rule_change_rate:
            return self._rule_change(now_us)
        return self._writer.command(now_us, key)

    # -- selling -------------------------------------------------------------------------

    def _pick(self, now_us: int) -> int:
        if now_us >= self._next_flash_us:
            self._start_flash_sale(now_us)
        if now_us < self._flash_ends_us and self._random() < self._flash_share:
            warehouse = self.rng.randrange(len(self.warehouses))
            return warehouse * self._width + self.rng.choice(self._flash_offsets)
        if not self._block:
            found = np.searchsorted(self._cumulative, self._draws.random(_BLOCK), side="right")
            self._block = np.minimum(found, len(self.on_hand) - 1).tolist()
        return self._block.pop()

    def _start_flash_sale(self, now_us: int) -> None:
        offset = self.rng.randrange(self._width)
        self.begin_flash_sale(offset, now_us + self._minutes(*_FLASH_MINUTES))
        self._next_flash_us = self._flash_ends_us + self._minutes(*_FLASH_EVERY_MINUTES)

    def begin_flash_sale(self, start: int, ends_us: int, *, share: float = _FLASH_SHARE) -> None:
        """Draw a share of the orders to the product of a place in the catalog, until a time."""
        product_id = self.catalog[start].product_id
        # A product's variants are neighbours in the catalog.
        self._flash_offsets = [
            offset
            for offset in range(max(0, start - 6), min(self._width, start + 7))
            if self.catalog[offset].product_id == product_id
        ]
        self._flash_share = share
        self._flash_ends_us = ends_us
        # No other sale meanwhile.
        self._next_flash_us = max(self._next_flash_us, ends_us)

    def best_seller(self) -> int:
        """The place in the catalog of what sells most over all warehouses."""
        return int(self._demand.reshape(len(self.warehouses), self._width).sum(axis=0).argmax())

    def daily_units(self, key: int) -> float:
        """Mean units of a key ordered a day."""
        return float(self._demand[key]) * 86_400

    def warehouse_of(self, key: int) -> str:
        """The id of a key's warehouse."""
        return self.warehouses[key // self._width]

    def product_name(self, key: int) -> str:
        """What a key is called."""
        product = self.catalog[key % self._width]
        return f"{product.product_name} {product.variant_name}".removesuffix(" Standard")

    def _order(self, now_us: int) -> Draft:
        for _ in range(6):
            key = self._pick(now_us)
            chance = self._random()
            quantity = 1 if chance < 0.62 else 2 if chance < 0.84 else 3 + int(chance * 1000) % 4
            if chance > 0.995:
                quantity = self.rng.randint(10, 24)
            available = self.on_hand[key] - self.reserved[key]
            if available < quantity:
                # Mostly a lost sale; some take the rest, a few are sold what is not there.
                if available > 0 and self._random() < 0.4:
                    quantity = available
                elif self._random() > 0.004:
                    continue
            return self._sell(now_us, key, quantity)
        return self._returned(now_us)

    def _sell(self, now_us: int, key: int, quantity: int) -> Draft:
        self._numbers += 1
        number = self._numbers
        sale = Transaction(
            number,
            "ORDER",
            key,
            -quantity,
            user=_CUSTOMERS[number * 7 // 3 % 4],
            # Not `reference_json`: one is made per order.
            reference=f'"order_id":"ORD-{number:07d}","po_number":null,"return_id":null,"adjustment_reason":null',
        )
        if self._random() < 0.55:
            return self._write(now_us, sale, "COMPLETED")
        chance = self._random()
        status = "CANCELLED" if chance < 0.08 else "COMPLETED"
        if chance > 0.95 and quantity > 1:
            # Packed one short: each version has its own quantity (RULES 15).
            quantity -= 1
        self._after(now_us, self._minutes(0.2, 12), self._finish(sale, status, -quantity))
        return self._write(now_us, sale, "PENDING")

    def _finish(self, transaction: Transaction, status: str, quantity: int) -> Action:
        def finish(now_us: int) -> Draft:
            transaction.quantity = quantity
            return self._write(now_us, transaction, status)

        return finish

    def _returned(self, now_us: int) -> Draft:
        quantity = 2 if self._random() < 0.25 else 1
        returned = self._new("RETURN", self._pick(now_us), quantity)
        returned.reference = reference_json("return_id", f"RET-{returned.number:07d}")
        if self._random() < 0.8:
            return self._write(now_us, returned, "COMPLETED")
        self._after(now_us, self._minutes(1, 20), self._finish(returned, "COMPLETED", quantity))
        return self._write(now_us, returned, "PENDING")

    def _adjusted(self, now_us: int) -> Draft:
        is_found = self._random() < 0.2
        quantity = self.rng.randint(1, 2) if is_found else -self.rng.randint(1, 4)
        adjustment = self._new("ADJUSTMENT", self._pick(now_us), quantity, user="warehouse")
        reason = "FOUND" if is_found else self.rng.choice(_LOSSES)
        adjustment.reference = reference_json("adjustment_reason", reason)
        return self._write(now_us, adjustment, "COMPLETED")

    def _reserve(self, now_us: int) -> Draft:
        key = self._pick(now_us)
        quantity = self.rng.randint(1, 3)
        if self.on_hand[key] - self.reserved[key] < quantity:
            return self._order(now_us)
        reserve = self._new("RESERVE", key, quantity, user="checkout")
        release = self._new("RELEASE", key, quantity, user="checkout")
        self._after(now_us, self._minutes(0.5, 30), self._finish(release, "COMPLETED", quantity))
        return self._write(now_us, reserve, "COMPLETED")

    def _transfer(self, now_us: int) -> Draft:
        # Even out one SKU: from the fullest shelf to the emptiest.
        def spare_units(key: int) -> int:
            return self.on_hand[key] - self.reserved[key] - self._plan_at[key]

        offset = self._pick(now_us) % self._width
        keys = range(offset, len(self.on_hand), self._width)
        sender, receiver = max(keys, key=spare_units), min(keys, key=spare_units)
        spare = spare_units(sender)
        if spare < 4 or sender == receiver:
            return self._order(now_us)
        quantity = self.rng.randint(2, min(spare // 2, 40))
        transfer = self._new("TRANSFER", sender, quantity, to_key=receiver)
        if self._random() < 0.05:
            self._after(now_us, self._minutes(1, 5), self._finish(transfer, "CANCELLED", quantity))
        else:
            shipped, arrived = self._minutes(1, 5), self._minutes(6, 25)
            self._after(now_us, shipped, self._finish(transfer, "SHIPPED", quantity))
            self._after(now_us, arrived, self._finish(transfer, "COMPLETED", quantity))
        return self._write(now_us, transfer, "PENDING")

    # -- replenishment -------------------------------------------------------------------

    def _review(self, now_us: int, key: int, available: int) -> None:
        # The planner looks at a key that fell under its planning point.
        if self._is_on_order[key]:
            return
        if not self._is_decided[key]:
            self._is_decided[key] = 1
            self._is_lapsed[key] = self._random() < self.settings.planning_lapse_rate
        if not self._is_lapsed[key]:
            self._is_on_order[key] = 1
            self._after(now_us, self._minutes(0.3, 2), self._purchase(key))
        elif available < self.reorder_at[key]:
            self._is_on_order[key] = 1
            self._after(now_us, self._minutes(2, 15), self._purchase(key))

    def _purchase(self, key: int) -> Action:
        def purchase(now_us: int) -> Draft | None:
            product = self.catalog[key % self._width]
            missing = product.order_up_to - (self.on_hand[key] - self.reserved[key])
            if missing <= 0:
                self._is_on_order[key] = self._is_decided[key] = 0
                return None
            quantity = -(-missing // product.pack_multiple) * product.pack_multiple
            restock = self._new("RESTOCK", key, quantity, user="planner")
            restock.reference = reference_json("po_number", f"PO-{restock.number:07d}")
            self._after(now_us, self._lead_time_us(product), self._receive(restock))
            return self._write(now_us, restock, "PENDING")

        return purchase

    def _lead_time_us(self, product: Product) -> int:
        seconds = product.lead_time_days * self.settings.lead_day_seconds
        late = 3.0 if self._random() < self.settings.late_delivery_rate else 1.0
        return int(seconds * (0.8 + 0.4 * self._random()) * late * SECOND_US)

    def delay_deliveries(self, key: int, until_us: int) -> None:
        """Let nothing that is on its way to a key arrive before a time."""
        self._delayed[key] = until_us

    def _receive(self, restock: Transaction) -> Action:
        def receive(now_us: int) -> Draft | None:
            key = restock.key
            if self._delayed and now_us < (until_us := self._delayed.get(key, 0)):
                self.agenda.add(until_us, receive)
                return None
            chance = self._random()
            if chance > 0.92 and restock.quantity > 10:
                # Delivered short.
                restock.quantity -= restock.quantity // 10
            self._is_on_order[key] = self._is_decided[key] = 0
            draft = self._write(now_us, restock, "CANCELLED" if chance < 0.02 else "COMPLETED")
            if self._is_flagged[key]:
                # The key's last document says a restock is under way; tell that it is over.
                self._after(now_us, self._minutes(0.1, 0.5), lambda at: self.level(at, key))
            return draft

        return receive

    def _cycle_count(self, now_us: int, key: int) -> Draft:
        chance = self._random()
        if chance < 0.12:
            # The count differs from the books, and the count is right.
            difference = 1 if chance < 0.03 else -self.rng.randint(1, 3)
            self._move(now_us, key, (0, 0, 0), (difference, 0, 0))
        return self.level(now_us, key)

    # -- telling -------------------------------------------------------------------------

    def _new(self, type_: str, key: int, quantity: int, *, to_key: int = NO_KEY, user: str = "system") -> Transaction:
        self._numbers += 1
        return Transaction(self._numbers, type_, key, quantity, to_key=to_key, user=user)

    def _write(self, now_us: int, transaction: Transaction, status: str) -> Draft:
        before = transaction.effects
        after = effects_of(transaction.type, status, transaction.quantity)
        transaction.effects = after
        self._move(now_us, transaction.key, before[0], after[0])
        if transaction.other_key != NO_KEY:
            self._move(now_us, transaction.other_key, before[1], after[1])
        message, sequence = self._writer.transaction(now_us, transaction, status)
        return message, VersionPosting(transaction, sequence, after[0], after[1])

    def _move(self, now_us: int, key: int, before: Effect, after: Effect) -> None:
        on_hand = self.on_hand[key] = self.on_hand[key] + after[0] - before[0]
        reserved = self.reserved[key] = self.reserved[key] + after[1] - before[1]
        self.inbound[key] += after[2] - before[2]
        if on_hand - reserved < self._plan_at[key]:
            self._review(now_us, key, on_hand - reserved)

    def level(self, now_us: int, key: int) -> Draft:
        """Tell of a key as it stands."""
        self._is_flagged[key] = self.inbound[key] > 0
        self.ledger.expect_level(key)
        return self._writer.level(
            now_us,
            key,
            on_hand=self.on_hand[key],
            reserved=self.reserved[key],
            is_restocking=bool(self._is_flagged[key]),
        )

    def opening_rule(self, now_us: int, number: int) -> Draft:
        """Tell of a threshold rule for the first time."""
        return self._writer.rule(now_us, number, self.rules[number], is_first=True)

    def _rule_change(self, now_us: int) -> Draft:
        number = self.rng.randrange(len(self.rules))
        rule = self.rules[number]
        if rule.service_level is not None:
            rule.service_level = round(min(0.98, max(0.9, rule.service_level + self.rng.choice((-0.01, 0.01)))), 2)
        if rule.min_qty is not None and rule.reorder_qty is not None:
            rule.min_qty = max(3, rule.min_qty + self.rng.randint(-2, 2))
            rule.reorder_qty = max(rule.min_qty + 5, rule.reorder_qty + self.rng.randint(-4, 4))
        return self._writer.rule(now_us, number, rule, is_first=False)

    def malformed(self, now_us: int, *, warehouse: int | None = None) -> Draft:
        """Write a message, of a warehouse, that must end as a dead letter; `kind` names its defect."""
        self._numbers += 1
        key = self._pick(now_us)
        if warehouse is not None:
            key = warehouse * self._width + key % self._width
        return self._writer.malformed(now_us, key, self._numbers)
