"""Plan which notifications a channel owes: alone, grouped, in a digest, or held back; pure.

Every telling that a channel is due ends in exactly one of `single`, `group`,
`incident` or `held`; every held row is later covered by a digest, another held row, or a
`dismissed` row that says why nobody was told. So nothing is lost, and nothing
is in two notifications. Ids are hashes of what is told, never of when.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from inventory_assets.domain.alerts.incidents import is_incident_id
from inventory_assets.domain.notify.policy import ChannelPolicy, Destination, Policy, Subject, destinations, held_until

Member = tuple[str, int]
"""(id of the alert or incident, number of the notification)."""

SEVERITY_ORDER = {"CRITICAL": 0, "HIGH": 1, "MEDIUM": 2, "LOW": 3}
# How the reason of a held row begins that waits for others of its group; then follows the group.
GROUP_WAIT = "group_wait: "
SENT_KINDS = frozenset({"single", "group", "incident", "digest", "resolved"})
UNSENT_KINDS = ("held", "dismissed")


class Planned(msgspec.Struct, frozen=True):
    """One row of `out.notifications`.

    `kind` is single, group, incident, digest, resolved (these are sent), held or
    dismissed (these are not). `due_at`: held until then, microseconds; null
    where the channel's limit decides. `covers`: the held rows it settles, or,
    of a resolved one, the notification it ends.
    """

    notification_id: str
    channel: str
    kind: str
    severity: str
    reason: str
    members: tuple[Member, ...]
    recipients: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    due_at: int | None = None

    @property
    def is_sent(self) -> bool:
        """Whether it leaves the system."""
        return self.kind in SENT_KINDS


@dataclass(frozen=True, slots=True)
class Routed:
    """A telling and one channel it goes to; `held_by` is the held row it waited in."""

    subject: Subject
    destination: Destination
    held_by: str | None = None

    @property
    def member(self) -> Member:
        """What identifies the telling."""
        return (self.subject.alert_id, self.subject.number)


@dataclass(slots=True)
class _Unit:
    """What would be one notification."""

    kind: str
    reason: str
    tellings: list[Routed]

    @property
    def rank(self) -> tuple[int, str, int]:
        """Priority first, then by id, so that any order of input gives one plan."""
        first = min(self.tellings, key=lambda routed: (SEVERITY_ORDER.get(routed.subject.severity, 9), routed.member))
        return (SEVERITY_ORDER.get(first.subject.severity, 9), *first.member)

    @property
    def recipients(self) -> tuple[str, ...]:
        return self.tellings[0].destination.recipients


@dataclass(slots=True)
class ChannelState:
    """What a channel has waiting. `used`: notifications sent in the limit's period or still to be sent."""

    held: Sequence[Planned] = ()
    used: int = 0
    subjects: Mapping[str, Subject] = field(default_factory=dict)


def route(policy: Policy, subjects: Iterable[Subject], channels: Iterable[str]) -> dict[str, list[Routed]]:
    """Sort tellings by the channels, of those named, that they go to."""
    found: dict[str, list[Routed]] = {name: [] for name in channels}
    for subject in subjects:
        for destination in destinations(policy, subject):
            if destination.channel in found:
                found[destination.channel].append(Routed(subject, destination))
    return found


def plan_channel(
    channel: ChannelPolicy, policy: Policy, routed: Sequence[Routed], state: ChannelState, *, now: int
) -> list[Planned]:
    """Plan what one channel owes.

    Args:
        channel: The channel.
        policy: For its maintenance windows.
        routed: The new tellings for this channel.
        state: What it holds and what its limit has left; `subjects` has every held alert as it stands now.
        now: Microseconds.
    """
    budget = None if channel.limit is None else max(0, channel.limit.count - state.used)
    planned: list[Planned] = []
    units: list[_Unit] = []
    overflow: list[Routed] = []
    awaited: list[Routed] = []
    gathered: set[str] = set()
    for row in state.held:
        if row.due_at is None:
            if budget != 0:
                overflow += _waiting(row, state)
        elif row.due_at <= now:
            if row.reason.startswith(GROUP_WAIT):
                gathered.add(row.notification_id)
                awaited += [_rerouted(each, policy) for each in _waiting(row, state)]
            else:
                awaited += _waiting(row, state)
    current, held = _split_held(policy, [*routed, *awaited], now)
    overflow, held_overflow = _split_held(policy, overflow, now)
    for place, tellings in held_overflow.items():
        held.setdefault(place, []).extend(tellings)
    for (until, recipients), tellings in sorted(held.items()):
        planned.append(_planned(channel, "held", "maintenance", tellings, recipients, due_at=until))
    waited = [each for each in current if each.held_by in gathered]
    ended = [each for each in current if each.held_by is not None and each.held_by not in gathered]
    for reason, tellings in (("resolved_during_maintenance", ended), ("resolved_while_grouping", waited)):
        over = [each for each in tellings if not each.subject.is_firing]
        if over:
            planned.append(_planned(channel, "dismissed", reason, over, ()))
    still = [each for each in ended if each.subject.is_firing]
    units += [_Unit("digest", "maintenance", tellings) for tellings in _by_recipients(still).values()]
    at_once, waits = _split_waits([each for each in current if each.held_by is None], state.held, now)
    for (reason, until, recipients), tellings in sorted(waits.items()):
        planned.append(_planned(channel, "held", reason, tellings, recipients, due_at=until))
    units += _group([*at_once, *(each for each in waited if each.subject.is_firing)])
    return planned + _within_limit(channel, sorted(units, key=lambda unit: unit.rank), overflow, budget)


def resolved(channel: str, ended: Planned, severity: str = "LOW") -> Planned:
    """The notification that ends an earlier one."""
    covers = (ended.notification_id,)
    id_ = make_notification_id(channel, "resolved", ended.members, covers)
    return Planned(id_, channel, "resolved", severity, "resolved", ended.members, ended.recipients, covers)


def make_notification_id(channel: str, kind: str, members: Iterable[Member], covers: Iterable[str] = ()) -> str:
    """Build the id that every delivery of a notification carries. Never a clock, never random."""
    parts = [channel, kind, sorted(members), sorted(covers)]
    compact = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return f"ntf-{hashlib.sha256(compact.encode()).hexdigest()[:24]}"


def _waiting(row: Planned, state: ChannelState) -> list[Routed]:
    found = []
    for alert_id, number in row.members:
        subject = state.subjects[alert_id]
        at_telling = msgspec.structs.replace(subject, number=number)
        found.append(Routed(at_telling, Destination(row.channel, recipients=row.recipients), row.notification_id))
    return found


def _split_held(
    policy: Policy, routed: Sequence[Routed], now: int
) -> tuple[list[Routed], dict[tuple[int, tuple[str, ...]], list[Routed]]]:
    current: list[Routed] = []
    held: dict[tuple[int, tuple[str, ...]], list[Routed]] = {}
    for each in routed:
        until = held_until(policy, each.subject, now) if policy.windows else None
        if until is None:
            current.append(each)
        else:
            held.setdefault((until, each.destination.recipients), []).append(each)
    return current, held


def _rerouted(telling: Routed, policy: Policy) -> Routed:
    """A telling that waited for its group, as the policy sends it now; alone where it sends it elsewhere."""
    own = telling.destination
    found = (each for each in destinations(policy, telling.subject) if each.channel == own.channel)
    destination = next((each for each in found if each.recipients == own.recipients), own)
    return Routed(telling.subject, destination, telling.held_by)


def _split_waits(
    routed: Sequence[Routed], held: Sequence[Planned], now: int
) -> tuple[list[Routed], dict[tuple[str, int, tuple[str, ...]], list[Routed]]]:
    """What is told at once, and what waits for others: by group, until the first of it has waited long enough."""
    waiting = {(row.reason, row.recipients): row.due_at for row in held if row.due_at is not None and row.due_at > now}
    at_once: list[Routed] = []
    waits: dict[tuple[str, int, tuple[str, ...]], list[Routed]] = {}
    for each in routed:
        destination, subject = each.destination, each.subject
        is_urgent = subject.severity == "CRITICAL" and not destination.is_critical_waiting
        # An incident is a group already.
        is_alone = not destination.group_by or is_incident_id(subject.alert_id)
        if is_alone or not destination.group_wait_seconds or is_urgent:
            at_once.append(each)
            continue
        reason = GROUP_WAIT + _label(destination.group_by, _group_values(each))
        until = waiting.get((reason, destination.recipients), now + destination.group_wait_seconds * 1_000_000)
        waits.setdefault((reason, until, destination.recipients), []).append(each)
    return at_once, waits


def _group_values(routed: Routed) -> tuple[str, ...]:
    return tuple(routed.subject.values(key)[0] for key in routed.destination.group_by)


def _label(keys: Sequence[str], values: Sequence[str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in zip(keys, values, strict=True))


def _group(routed: Sequence[Routed]) -> list[_Unit]:
    """Alerts that agree on their route's keys become one; too few of them stay single."""
    buckets: dict[tuple, list[Routed]] = {}
    units = []
    for each in routed:
        destination = each.destination
        if is_incident_id(each.subject.alert_id):
            # It is a group already, and what it says of the alerts is not in a list of them.
            units.append(_Unit("incident", each.subject.alert_type, [each]))
            continue
        if not destination.group_by:
            units.append(_Unit("single", "", [each]))
            continue
        buckets.setdefault((destination.group_by, _group_values(each), destination.recipients), []).append(each)
    for (keys, values, _), tellings in buckets.items():
        if len(tellings) >= max(2, tellings[0].destination.group_threshold):
            units.append(_Unit("group", _label(keys, values), tellings))
        else:
            units += [_Unit("single", "", [each]) for each in tellings]
    return units


def _within_limit(
    channel: ChannelPolicy, units: list[_Unit], overflow: list[Routed], budget: int | None
) -> list[Planned]:
    """The worst go as they are; what the limit does not take goes as one digest, or waits for one."""
    alone, digests = _share(units, overflow, budget)
    planned = [_planned(channel, unit.kind, unit.reason, unit.tellings, unit.recipients) for unit in alone]
    left = None if budget is None else budget - len(alone)
    for number, unit in enumerate(sorted(digests, key=lambda unit: unit.rank)):
        kind = "digest" if left is None or number < left else "held"
        planned.append(_planned(channel, kind, unit.reason, unit.tellings, unit.recipients))
    return planned


def _share(units: list[_Unit], overflow: list[Routed], budget: int | None) -> tuple[list[_Unit], list[_Unit]]:
    room = len(units) if budget is None else min(len(units), budget)
    while True:
        rest = overflow + [telling for unit in units[room:] for telling in unit.tellings]
        digests = [_Unit("digest", "rate_limit", tellings) for tellings in _by_recipients(rest).values()]
        if budget is None or room == 0 or room + len(digests) <= budget:
            return units[:room], digests
        # Every set of recipients in the rest needs a digest of its own.
        room = max(0, min(room - 1, budget - len(digests)))


def _by_recipients(routed: Iterable[Routed]) -> dict[tuple[str, ...], list[Routed]]:
    found: dict[tuple[str, ...], list[Routed]] = {}
    for each in routed:
        found.setdefault(each.destination.recipients, []).append(each)
    return found


def _planned(
    channel: ChannelPolicy,
    kind: str,
    reason: str,
    tellings: Sequence[Routed],
    recipients: tuple[str, ...],
    *,
    due_at: int | None = None,
) -> Planned:
    ordered = sorted(tellings, key=lambda each: (SEVERITY_ORDER.get(each.subject.severity, 9), each.member))
    members = tuple(each.member for each in ordered)
    covers = tuple(sorted({each.held_by for each in ordered if each.held_by is not None}))
    id_ = make_notification_id(channel.name, kind, members, covers)
    return Planned(
        id_, channel.name, kind, ordered[0].subject.severity, reason, members, recipients, covers, due_at,
    )  # fmt: skip
