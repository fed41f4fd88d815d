"""What a burst takes beside its messages, and what it changes: each message's fate and all that follows."""

from datetime import date

import msgspec

from inventory_assets.domain.alerts.alert import Alert, Product, Transition
from inventory_assets.domain.alerts.lifecycle import LifecyclePolicy
from inventory_assets.domain.events.kinds import Event, Key, Level, Outcome, Rejection, StockEvent
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.ingest.state import Draft
from inventory_assets.domain.stock.fold import KeyState
from inventory_assets.domain.thresholds.resolve import DynamicLimits


class BurstInputs(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a burst takes beside its messages; recorded, so that a replay has it too.

    `sweep_at`: microseconds, notify what is due by then; `moments`, what that is
    in each warehouse (RULES 28), all of them where empty. `velocities`: mean
    daily units as of `velocity_date`, for the keys whose velocity changed;
    null for unknown. `dynamics`: computed limits as of `dynamic_date`, likewise,
    null where none can be computed any more. `products`: rows of a products import, with `has_products`.
    `policy`: what a sweep does to alerts that nobody takes (ADR 0004). `meaning`: the settings
    that the version is made with; null in versions that did not record it. `plan_lines`: of each
    key whose line of a plan changed by the plan of `plan_date`, the line's date and what it says to
    order; null dates for keys that are in no plan any more.
    """

    sweep_at: int | None = None
    moments: dict[str, int] = {}
    meaning: Meaning | None = None
    velocity_date: str | None = None
    has_products: bool = False
    velocities: tuple[tuple[str, str, float | None], ...] = ()
    products: tuple[Product, ...] = ()
    policy: LifecyclePolicy | None = None
    dynamic_date: str | None = None
    dynamics: tuple[tuple[str, str, DynamicLimits | None], ...] = ()
    plan_date: str | None = None
    plan_lines: tuple[tuple[str, str, date | None, int | None], ...] = ()

    def moment_of(self, warehouse_id: str) -> int | None:
        """When a sweep is, in one warehouse; null where it does not concern it."""
        return self.moments.get(warehouse_id) if self.moments else self.sweep_at


class Arrival(msgspec.Struct, gc=False):
    """One message's fate. `available` is its own key's stock right after it; null if it has no key."""

    outcome: Outcome
    event: Event | None = None
    rejection: Rejection | None = None
    available: int | None = None


class BurstResult:
    """What a burst changes. `draft` holds the changed state, the rest is history."""

    def __init__(self, draft: Draft, version: int) -> None:
        self.draft = draft
        self.version = version
        self.arrivals: list[Arrival] = []
        self.transitions: list[tuple[Key, Transition]] = []
        self.notified: list[Alert] = []
        self.changed_alerts: dict[str, Alert] = {}
        self.steps: list[tuple[StockEvent, KeyState]] = []
        # Written as a row and told: the bodies of alerts kept above, by identity.
        self.bodies: dict[int, str] = {}

    def outcomes(self) -> dict[str, int]:
        """Messages by outcome."""
        counts: dict[str, int] = {}
        for arrival in self.arrivals:
            counts[arrival.outcome] = counts.get(arrival.outcome, 0) + 1
        return counts

    def ignored_fields(self) -> int:
        """Optional fields of levels taken in whose values do not fit, so that they are null (RULES 5, 22)."""
        return sum(
            len(arrival.event.ignored_fields)
            for arrival in self.arrivals
            if type(arrival.event) is Level and arrival.outcome in (Outcome.APPLIED, Outcome.SUPERSEDED)
        )
