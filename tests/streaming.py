"""Pictures that change, and who follows them as a client does: a snapshot, then what it is told."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.picture.picture import Changed, Picture, Step
from inventory_assets.domain.picture.rows import Alert, Stock
from inventory_assets.domain.picture.stream import News, Wanted

WAREHOUSES, SKUS = ("W1", "W2"), ("A", "B", "C")
Changes = list[tuple[str, str, bool]]
"""What one version changes: (warehouse, SKU, whether its alert; a second time ends that)."""

changes: st.SearchStrategy[Changes] = st.lists(
    st.tuples(st.sampled_from(WAREHOUSES), st.sampled_from(SKUS), st.booleans()),
    max_size=4, unique_by=lambda change: change,
)  # fmt: skip
versions = st.lists(changes, max_size=25)
_some_skus = st.none() | st.frozensets(st.sampled_from(SKUS), min_size=1)
_some_warehouses = st.none() | st.frozensets(st.sampled_from(WAREHOUSES), min_size=1)
wanted = st.builds(
    lambda warehouses, skus, which: Wanted(warehouses=warehouses, skus=skus, stock=which != 1, alerts=which != 2),
    _some_warehouses, _some_skus, st.sampled_from((0, 1, 2)),
)  # fmt: skip


def stock_row(warehouse_id: str, sku: str, version: int, on_hand: int = 0) -> Stock:
    """A row of stock; only what tests look at differs."""
    return Stock(
        warehouse_id, sku, on_hand or version, 0, 0, True, "D", "C", "B", "P", False, None, version, version
    )  # fmt: skip


def alert_row(warehouse_id: str, sku: str, version: int, *, is_firing: bool = True) -> Alert:
    """The alert of a key."""
    state, reason = ("firing", None) if is_firing else ("resolved", "restocked")
    alert_id = f"alt-{warehouse_id}-{sku}"
    body = f'{{"alert_id":"{alert_id}","current_stock":{version}}}'
    return Alert(
        alert_id, warehouse_id, sku, "LOW_STOCK", "HIGH", state, body, 1, 0, None, reason,
        None, None, None, None, None, None, version,
    )  # fmt: skip


def begun(*, kept_changes: int = 1_000, version: int = 1, epoch: int = 1) -> Picture:
    """A picture of one version, with every key."""
    picture = Picture(epoch, kept_changes=kept_changes)
    rows = [stock_row(warehouse, sku, version) for warehouse in WAREHOUSES for sku in SKUS]
    picture.start(version, [(version, version)], {"stock": rows})
    return picture


def go_on(picture: Picture, change: Changes) -> Changed:
    """Apply the next version."""
    version = picture.version + 1
    alerts = []
    for warehouse, sku, is_alert in change:
        if is_alert:
            before = picture.alert_of((warehouse, sku))
            alerts.append(alert_row(warehouse, sku, version, is_firing=before is None))
    stock = [stock_row(warehouse, sku, version) for warehouse, sku, is_alert in change if not is_alert]
    return picture.apply(Step(version, version, {"stock": stock, "alerts": alerts}))


@dataclass
class Follower:
    """What somebody knows who listens."""

    version: int = 0
    stock: dict[Key, Stock] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    versions: list[int] = field(default_factory=list)

    def begin(self, picture: Picture, mine: Wanted) -> None:
        """Ask for all there is."""
        self.stock, self.alerts = shown(picture, mine)
        self.version = picture.version

    def take(self, told: News) -> None:
        """Do what a client does with a message."""
        self.stock.update({row.key: row for row in told.stock})
        for alert in told.alerts:
            if alert.is_gone:
                self.alerts.pop(alert.alert_id, None)
            else:
                self.alerts[alert.alert_id] = alert
        self.version = told.version
        self.versions.append(told.version)


def shown(picture: Picture, mine: Wanted) -> tuple[dict[Key, Stock], dict[str, Alert]]:
    """All that a picture has of what is wanted."""
    stock = {row.key: row for row in picture.stock if mine.stock and mine.takes(row.key)}
    alerts = {
        alert.alert_id: alert for alert in picture.alerts if mine.alerts and mine.takes((alert.warehouse_id, alert.sku))
    }
    return stock, alerts
