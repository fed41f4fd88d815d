"""Which clock each time in the lake is of; docs/sql.md shows this list, and a test holds both to the tables.

Most homes have one clock, and there only its faults tell them apart. One with a clock of its own, as a demo's, has
months between them (docs/adr/0022-a-clock-of-its-own.md): what compares one with the other is wrong without a word.
"""

from enum import StrEnum


class Clock(StrEnum):
    """Whose time a column is."""

    EVENT = "event"
    TRADE = "trade"
    MACHINE = "machine"


MEANT = {
    Clock.EVENT: "as a message says it: when it happened in the business",
    Clock.TRADE: "the home's: when we computed or somebody acted, on the day it was in the business",
    Clock.MACHINE: "the machine's, Pub/Sub's or a connector's: when a program did something",
}
"""Each clock in a line. Event and trade are one time axis: a demo's messages are dated by its clock."""

_ALERT = {"opened_at": "the event that broke the limit", "resolved_at": "the event, command or sweep that ended it"}

CLOCKS: dict[str, dict[str, tuple[Clock, str]]] = {
    "raw.messages": {
        "publish_time": (Clock.MACHINE, "when Pub/Sub took the message in"),
        "arrival_date": (Clock.MACHINE, "its day"),
    },
    "core.events": {
        "event_at": (Clock.EVENT, "when it happened, by the document"),
        "event_date": (Clock.EVENT, "its day"),
    },
    "core.dead_letters": {"publish_time": (Clock.MACHINE, "as in raw.messages")},
    "core.sku_state": {"last_event_at": (Clock.EVENT, "the newest event of the key")},
    "core.threshold_rules": {"updated_at": (Clock.EVENT, "from when on the rule holds")},
    "core.threshold_audit": {"changed_at": (Clock.EVENT, "as the changed rule says it")},
    "core.velocity": {"as_of_date": (Clock.TRADE, "the day before which the 28 days of sales end")},
    "core.coverage": {"as_of_date": (Clock.TRADE, "the day before which the 84 days of demand end")},
    "core.seasons": {
        "as_of_date": (Clock.TRADE, "the day it was measured, from which the factors count"),
        "first_sale_date": (Clock.EVENT, "the day of the first sale"),
    },
    "core.dynamic_thresholds": {"as_of_date": (Clock.TRADE, "the day before which the demand ends")},
    "out.alerts": {
        **{name: (Clock.EVENT, text) for name, text in _ALERT.items()},
        "acknowledged_at": (Clock.EVENT, "the command's own time"),
        "silenced_until": (Clock.EVENT, "as the command says it"),
    },
    "out.alert_transitions": {"event_at": (Clock.EVENT, "the event, command or sweep that made the step")},
    "out.alert_quality": {
        **{name: (Clock.EVENT, text) for name, text in _ALERT.items()},
        "first_told_at": (Clock.EVENT, "when it was to be notified; when it left is in out.deliveries"),
        "first_acknowledged_at": (Clock.EVENT, "the command's own time"),
    },
    "out.incidents": {
        "opened_at": (Clock.EVENT, "when it began, by what it was found from"),
        "resolved_at": (Clock.TRADE, "the look that no longer found it"),
        "as_of": (Clock.TRADE, "the look that found what it says"),
    },
    "out.plans": {
        "plan_date": (Clock.TRADE, "the day the plan is of"),
        "runs_out_on": (Clock.TRADE, "a day to come"),
        "order_by": (Clock.TRADE, "a day to come, or gone"),
        "arrives_on": (Clock.TRADE, "a day to come, on which goods are due"),
        "overdue_since": (Clock.TRADE, "the day on which goods were due that have not come"),
    },
    "out.quality_results": {"checked_at": (Clock.TRADE, "the judgement that first found it that day")},
    "out.deliveries": {"attempted_at": (Clock.MACHINE, "the try; null where there was none (`owed`, `past`)")},
    "out.notifications": {
        "planned_at": (Clock.MACHINE, "when it was decided what to tell"),
        "due_at": (Clock.MACHINE, "until when it is on hold"),
    },
    "meta.versions": {"committed_at": (Clock.MACHINE, "the commit; what `--at` goes by")},
    "meta.connectors": {
        "last_heard_at": (Clock.MACHINE, "when Pub/Sub took its newest heartbeat in"),
        "published_until": (Clock.MACHINE, "as the connector says it"),
        "started_at": (Clock.MACHINE, "as the connector says it"),
    },
    "meta.pipeline_findings": {
        "begun_at": (Clock.TRADE, "since when it was wrong, as the home's clock showed it"),
        "ended_at": (Clock.TRADE, "the look that no longer found it"),
    },
    "snapshots.daily_stock": {
        "snapshot_date": (Clock.EVENT, "the day whose end it is"),
        "last_event_at": (Clock.EVENT, "the newest event of the key by then"),
    },
    "snapshots.hourly_transactions": {
        "hour": (Clock.EVENT, "in which it happened"),
        "event_date": (Clock.EVENT, "its day"),
    },
}
"""By table and column: whose time it is, and what it says. Every time and date there is."""
