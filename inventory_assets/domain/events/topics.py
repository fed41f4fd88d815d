"""The product's topics, by the names that other programs rely on.

Here: names. Not here: their policies, which `messaging/topology.toml` has for the same topics.
"""

from enum import StrEnum


class Topic(StrEnum):
    """A topic's short name."""

    # Inputs.
    TRANSACTIONS = "inventory-transactions-topic"
    LEVELS = "inventory-updates-topic"
    THRESHOLDS = "thresholds-topic"
    CONTROL = "control-topic"
    ADJUSTMENTS = "inventory-topic"
    SERVICES = "inventory-events"
    # Outputs.
    ALERTS = "alerts-topic"
    STATUS = "status-topic"
    DEAD_LETTERS = "dead-letter-topic"
    LOW_STOCK = "low-stock-alerts"
    REORDERS = "reorder-events"
    ANALYTICS = "analytics-events"
