"""Write all that a burst changed to its tables, and what is kept of how it was made."""

from collections.abc import Sequence

import msgspec

from inventory_assets.domain.events.kinds import Command, Outcome
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.ingest.process import BurstInputs, BurstResult, Message
from inventory_assets.domain.outbox.alerts import second_topic
from inventory_assets.domain.outbox.reorders import DECISIONS, order_subject
from inventory_assets.ingest import frames
from inventory_assets.lake.tables import (
    ALERTS,
    CONNECTORS,
    CORE_EVENTS,
    DEAD_LETTERS,
    DELIVERIES,
    DYNAMIC_THRESHOLDS,
    PRODUCTS,
    RAW_MESSAGES,
    RESOLVED_THRESHOLDS,
    ROLLUPS,
    SKU_STATE,
    THRESHOLD_AUDIT,
    THRESHOLD_RULES,
    TRANSITIONS,
    VELOCITY,
)
from inventory_assets.lake.transaction import LakeTransaction

PAST = "past"
"""The status in `out.deliveries` of what is history: nobody was notified then, and nobody is now."""

OWED = "owed"
"""The status of what a version owes and no other table says: a plan's recommendations, orders, a day's figures."""


def append_result(
    transaction: LakeTransaction, messages: Sequence[Message], result: BurstResult, inputs: BurstInputs
) -> None:
    """Append everything a burst changed to its tables."""
    draft = result.draft
    transaction.append(RAW_MESSAGES, frames.raw_messages(messages, result))
    transaction.append(CORE_EVENTS, frames.events(result))
    if draft.keys.changed:
        transaction.append(SKU_STATE, frames.sku_state(result))
    if draft.thresholds.changed:
        transaction.append(RESOLVED_THRESHOLDS, frames.resolved_thresholds(result))
    if draft.rules.changed:
        transaction.append(THRESHOLD_RULES, frames.threshold_rules(result))
        transaction.append(THRESHOLD_AUDIT, frames.threshold_audit(result))
    if draft.products.changed:
        transaction.append(PRODUCTS, frames.products(draft.products.changed.values()))
    if inputs.velocity_date is not None:
        transaction.append(VELOCITY, frames.velocity(inputs.velocities, inputs.velocity_date))
    if inputs.dynamic_date is not None:
        transaction.append(DYNAMIC_THRESHOLDS, frames.dynamic_thresholds(inputs.dynamics, inputs.dynamic_date))
    if draft.connectors.changed:
        transaction.append(CONNECTORS, frames.connectors(draft.connectors.changed.values()))
    if result.changed_alerts:
        transaction.append(ALERTS, frames.alerts(result))
    if result.transitions:
        transaction.append(TRANSITIONS, frames.transitions(result))
    if any(arrival.rejection is not None for arrival in result.arrivals):
        transaction.append(DEAD_LETTERS, frames.dead_letters(messages, result))
    # Last, for its sums are worked out here, while the others are written.
    transaction.append(ROLLUPS, draft.state.rollups.frame(draft.rollup_change))


def append_past(transaction: LakeTransaction, messages: Sequence[Message], result: BurstResult) -> None:
    """Append what a burst would tell as told when it happened: of history nothing is owed.

    With the burst's own rows, so that no crash leaves it owed.
    """
    told = [
        (alert.alert_id, alert.notification_count, topic)
        for alert in result.notified
        for topic in (Topic.ALERTS, second_topic(alert.condition))
    ]
    told += [
        (letter_id(message.topic, message.message_id), 0, Topic.DEAD_LETTERS)
        for message, arrival in zip(messages, result.arrivals, strict=True)
        if arrival.rejection is not None
    ]
    append_told(transaction, told)


def append_told(transaction: LakeTransaction, told: Sequence[tuple[str, int, Topic]]) -> None:
    """Append tellings of the past: what of, the how many-th, and where it would have gone.

    Without a time: nothing was tried, and the column is of the machine's clock. In its day it was told when its
    alert's transition says so.
    """
    if told:
        subjects, numbers, channels = zip(*told, strict=True)
        rows = DELIVERIES.frame(
            subject_id=subjects, notification=numbers, channel=[str(channel) for channel in channels],
            status=[PAST] * len(told),
        )  # fmt: skip
        transaction.append(DELIVERIES, rows)


def orders_of(result: BurstResult) -> list[str]:
    """What a burst's decisions on lines of a plan owe, as `out.deliveries` calls it."""
    return [
        order_subject(arrival.event.event_id)
        for arrival in result.arrivals
        if type(arrival.event) is Command and arrival.event.command in DECISIONS and arrival.outcome is Outcome.APPLIED
    ]


def append_owed(transaction: LakeTransaction, subjects: Sequence[str], channel: Topic, number: int = 1) -> None:
    """Append what this version owes, with its rows: no crash leaves the one without the other."""
    if subjects:
        rows = DELIVERIES.frame(
            subject_id=subjects, notification=[number] * len(subjects), channel=[str(channel)] * len(subjects),
            status=[OWED] * len(subjects),
        )  # fmt: skip
        transaction.append(DELIVERIES, rows)


def notes_debts(transaction: LakeTransaction) -> bool:
    """Whether a version notes that it owes something."""
    rows = transaction.tables.get(DELIVERIES.changes)
    return rows is not None and OWED in rows["status"]


def letter_id(topic: str, message_id: str) -> str:
    """What `out.deliveries` calls a dead letter: Pub/Sub's message ids are unique per topic only."""
    return f"{topic}/{message_id}"


def recorded_inputs(inputs: BurstInputs) -> str:
    """A burst's inputs as `meta.versions` keeps them."""
    # Velocities, computed limits, products and plan lines are rows of their own tables, at this very version.
    bare = msgspec.structs.replace(inputs, velocities=(), products=(), dynamics=(), plan_lines=())
    return msgspec.json.encode(bare).decode()


def counts_of(result: BurstResult) -> dict[str, int]:
    """How much a burst changed, by what; zeros left out."""
    draft = result.draft
    counts = {
        **result.outcomes(),
        "ignored_fields": result.ignored_fields(),
        "keys": len(draft.keys.changed),
        "rollups": len(draft.rollup_change.nodes),
        "rules": len(draft.rule_changes),
        "thresholds": len(draft.thresholds.changed),
        "alerts": len(result.changed_alerts),
        "notified": len(result.notified),
        "plan_lines": len(draft.plan_lines.changed),
    }
    return {name: count for name, count in counts.items() if count}
