"""What a simulation can be told. No behaviour beyond refusing nonsense."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from inventory_assets.ranges import FIRST_DAY, LAST_DAY, SIMULATION_RANGES

# A Monday morning: shops are open, so a short run already looks like trade.
DEFAULT_START_AT = datetime(2025, 3, 3, 9, tzinfo=UTC)


# Each key of stock is a few hundred bytes of memory, and a message of the opening.
MAX_KEYS = 10_000_000


class SimulationSettingsError(ValueError):
    """A setting that no simulation can follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """Settings of one simulation; equal settings give equal bytes.

    Attributes:
        start_at: Event time at which `stream` begins; `opening` is dated just before it.
        events_per_second: Mean valid events per second of event time. Stock is sized to it: in
            live mode pass the rate at which you will call `next`, or shelves run empty.
        zipf_exponent: Skew of demand over SKUs; 0 is uniform.
        disorder_rate: Share of live messages held back behind 1..`disorder_window` later ones.
        envelope_rate: Share of documents in the connector's envelope (RULES 1).
        extended_json_rate: Share of documents with MongoDB `$oid`, `$date`, `$numberLong`.
        source_epoch: Epoch written in envelopes. Bare documents count as 0; with another value
            mixed forms would not be ordered by time (RULES 12), so it needs `envelope_rate` 1.
        cycle_count_rate: Share of arrivals that are a counted level instead of a transaction.
        rule_change_rate: Share of arrivals that change a threshold rule.
        control_rate: Share of arrivals that are a `re-evaluate` command.
        lead_day_seconds: Event seconds that pass for one day of a supplier's lead time, so that
            a demonstration sees restocks. 86,400 is real time.
        cover_hours: Hours of mean demand a full shelf holds, beyond its reorder point.
        opening_breach_rate: Share of keys that open below their reorder threshold.
        planning_lapse_rate: Share of reorder cycles the planner orders too late: the source of
            REORDER and LOW_STOCK alerts.
        late_delivery_rate: Share of deliveries that take three times as long.
        work_minute_seconds: Event seconds that pass for one minute of the shop's own work:
            packing, planning, transfers, the length of a sale. 60 is a shop in a hurry, 3,600 one at
            the pace of trade.
        plans_by_demand: Rules and shelves follow demand, as a good planner sets them (`planning`);
            otherwise they are flat numbers.
        has_wrong_times: Some malformed messages have a time that no clock shows.
        incidents_at: Four incidents happen in the three days from then on (`incidents`).
    """

    seed: int = 7
    skus: int = 2000
    warehouses: int = 5
    start_at: datetime = DEFAULT_START_AT
    events_per_second: float = 100.0
    zipf_exponent: float = 0.8
    duplicate_rate: float = 0.01
    disorder_rate: float = 0.02
    disorder_window: int = 50
    malformed_rate: float = 0.001
    envelope_rate: float = 0.25
    extended_json_rate: float = 0.1
    source_epoch: int = 0
    cycle_count_rate: float = 0.005
    rule_change_rate: float = 0.00005
    control_rate: float = 0.0
    lead_day_seconds: float = 60.0
    cover_hours: float = 4.0
    opening_breach_rate: float = 0.015
    planning_lapse_rate: float = 0.06
    late_delivery_rate: float = 0.05
    work_minute_seconds: float = 60.0
    plans_by_demand: bool = False
    has_wrong_times: bool = True
    incidents_at: datetime | None = None

    def __post_init__(self) -> None:
        shares = {field.name: (0, 1) for field in fields(self) if field.name.endswith("_rate")}
        for name, (least, most) in (SIMULATION_RANGES | shares).items():
            if not least <= getattr(self, name) <= most:
                raise SimulationSettingsError(f"{name} was {getattr(self, name)!r}; expected {least:,} to {most:,}.")
        if (keys := self.skus * self.warehouses) > MAX_KEYS:
            raise SimulationSettingsError(f"skus times warehouses was {keys:,}; expected at most {MAX_KEYS:,}.")
        if self.start_at.tzinfo is None:
            raise SimulationSettingsError(f"start_at was {self.start_at!r}; expected a time zone, such as UTC.")
        if not FIRST_DAY <= self.start_at.date() <= LAST_DAY:
            raise SimulationSettingsError(f"start_at was {self.start_at}; expected {FIRST_DAY} to {LAST_DAY}.")
        if self.source_epoch != 0 and self.envelope_rate < 1:
            raise SimulationSettingsError(
                f"source_epoch was {self.source_epoch!r} with envelope_rate "
                f"{self.envelope_rate!r}; bare documents have epoch 0, so set envelope_rate=1."
            )
        if self.incidents_at is not None and self.incidents_at.tzinfo is None:
            raise SimulationSettingsError(f"incidents_at was {self.incidents_at!r}; expected a time zone, such as UTC.")


def trade_settings(
    *, seed: int, skus: int, warehouses: int, messages_per_day: float, start_at: datetime, history: timedelta
) -> SimulationSettings:
    """Settings of a retailer at the pace of trade: days of lead time, weeks of cover, a day's orders in a day.

    Args:
        seed, skus, warehouses: As in `SimulationSettings`.
        messages_per_day: Mean messages a day, over all keys.
        start_at: When the history begins.
        history: How long it lasts; the four incidents follow it.
    """
    return SimulationSettings(
        seed=seed,
        skus=skus,
        warehouses=warehouses,
        start_at=start_at,
        events_per_second=messages_per_day / 86_400,
        lead_day_seconds=86_400.0,
        work_minute_seconds=3_600.0,
        cover_hours=24.0 * 28,
        plans_by_demand=True,
        planning_lapse_rate=0.1,
        late_delivery_rate=0.06,
        disorder_rate=0.005,
        duplicate_rate=0.003,
        malformed_rate=0.0002,
        # One source a key: demand is then summed up in bulk, which a nightly look at ten thousand keys needs.
        envelope_rate=0.0,
        has_wrong_times=False,
        rule_change_rate=0.00002,
        incidents_at=start_at + history,
    )
