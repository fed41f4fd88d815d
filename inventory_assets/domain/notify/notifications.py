"""What a channel is handed and what it answers, and when to try again.

Here: values that `notify` and its channels share. Not here: how a channel sends
(`notify.channels`), which notification there is (`routing`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

# A minute and a half after ten tries, a quarter of an hour at most: an outage of an
# hour costs a channel a dozen attempts, and it is told within minutes of coming back.
FIRST_BACKOFF_SECONDS = 1.0
LAST_BACKOFF_SECONDS = 900.0
GIVE_UP_AFTER_SECONDS = 3 * 24 * 3600.0
# A configuration is mended by people, and a changed policy is tried at once anyway.
FIRST_FAULT_REST_SECONDS = 30.0


class Step(msgspec.Struct, frozen=True):
    """One telling of an alert: the reason as recorded, who is behind it and in which words. Time in microseconds."""

    reason: str
    at: int
    actor: str | None = None
    words: str = ""


class Ending(msgspec.Struct, frozen=True):
    """How an alert ended, as `Step`, and the key's stock since; null where it is not known."""

    reason: str
    at: int
    actor: str | None = None
    words: str = ""
    on_hand: int | None = None
    reserved: int | None = None
    inbound: int | None = None

    @property
    def available(self) -> int | None:
        """on_hand - reserved."""
        return None if self.on_hand is None or self.reserved is None else self.on_hand - self.reserved


class AlertFacts(msgspec.Struct, frozen=True):
    """One alert as told: its wire body, and what the lake knew at its version.

    `origin` says in words where the threshold comes from. `line`: its shelf's
    row of the plan, as of the version that the notification is of; null where
    nothing was looked up, or the shelf is inactive. `telling`: why it is told, of one told
    before. `ending`: of one that is over.
    """

    alert_id: str
    number: int
    is_firing: bool
    body: dict[str, Any]
    origin: str
    line: Mapping[str, Any] | None = None
    telling: Step | None = None
    ending: Ending | None = None

    @property
    def trend(self) -> list[int]:
        """Available stock at the last events up to the breach, oldest first."""
        return [point["available_stock"] for point in self.body["stock_trend"]]


class IncidentFacts(msgspec.Struct, frozen=True):
    """One incident as told: what, how bad, since when (microseconds), and the numbers it was judged by."""

    incident_id: str
    number: int
    is_open: bool
    kind: str
    severity: str
    title: str
    subject: str
    warehouse_id: str | None
    sku: str | None
    opened_at: int
    members: tuple[str, ...]
    arithmetic: dict[str, Any]


class Outgoing(msgspec.Struct, frozen=True):
    """One notification, ready to be rendered.

    `alerts` may be fewer than `total` told of: the rest is named by id in
    `alert_ids` only, which names incidents as well. `resolves` is the notification a resolved one ends.
    """

    notification_id: str
    kind: str
    severity: str
    reason: str
    recipients: tuple[str, ...]
    alert_ids: tuple[str, ...]
    alerts: tuple[AlertFacts, ...]
    planned_at: int
    resolves: str | None = None
    incidents: tuple[IncidentFacts, ...] = ()

    @property
    def total(self) -> int:
        """How many alerts and incidents it tells of."""
        return len(self.alert_ids)


class Receipt(msgspec.Struct, frozen=True):
    """What a channel answered to a notification it took: status in its own words, and its own id."""

    response: str
    provider_id: str | None = None


class DeliveryError(Exception):
    """A channel did not take a notification; worth another try.

    `retry_after_seconds` is what the other side asked for, if it did.
    """

    def __init__(self, text: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds


class ChannelFaultError(DeliveryError):
    """A channel takes nothing as it is configured: a mistyped address, a wrong key, a refused login.

    The notification is not at fault, so it stays owed for as long as it takes.
    """


class RefusedError(DeliveryError):
    """A channel will never take this notification: trying again would change nothing."""


def fault_rest_seconds(faults: int) -> float:
    """How long a channel rests after its `faults`-th fault in a row."""
    return min(LAST_BACKOFF_SECONDS, FIRST_FAULT_REST_SECONDS * 2.0 ** min(faults - 1, 20))


def backoff_seconds(notification_id: str, attempts: int, retry_after_seconds: float | None = None) -> float:
    """How long to wait after the `attempts`-th failure: exponential, with jitter of up to a half.

    The jitter is a hash of id and attempt: spread like chance, and the same after a restart.
    """
    full = min(LAST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(attempts - 1, 20))
    digest = hashlib.sha256(f"{notification_id}:{attempts}".encode()).digest()
    jittered = full * (0.5 + 0.5 * int.from_bytes(digest[:4], "big") / 2**32)
    return max(jittered, min(retry_after_seconds or 0.0, LAST_BACKOFF_SECONDS))


def describe_origin(rule: dict[str, Any]) -> str:
    """Where a threshold comes from, in words, from the `rule` of an alert's lineage."""
    level = rule["level_type"]
    if level == "EMBEDDED":
        return "the item's own stock document"
    if level == "SYSTEM":
        return "the system default"
    name = "the rule for every SKU" if level == "GLOBAL" else f"the rule for {level.lower()} {rule['level_id']}"
    return f"{name} at {rule['warehouse_id']}" if rule["warehouse_id"] else name


def without_repeats(alerts: Sequence[AlertFacts]) -> list[AlertFacts]:
    """Each alert once, at its last telling, in the order of the first."""
    last = {facts.alert_id: facts for facts in sorted(alerts, key=lambda facts: facts.number)}
    return [last[alert_id] for alert_id in dict.fromkeys(facts.alert_id for facts in alerts)]
