"""What makes versions: the stages that `meta.versions` names."""

from enum import StrEnum


class Stage(StrEnum):
    """What a version came from. The values are stored for good."""

    BURST = "burst"
    SWEEP = "sweep"
    COMMAND = "command"
    THRESHOLDS = "thresholds"
    PRODUCTS = "products"
    VELOCITY = "velocity"
    DYNAMIC = "dynamic"
    INCIDENTS = "incidents"
    PLANS = "plans"
    REBUILD = "rebuild"
    RESTORE = "restore"
    # Notes: they add to tables of which no engine keeps anything warm.
    COVERAGE = "coverage"
    DELIVERIES = "deliveries"
    NOTIFICATIONS = "notifications"
    OPERATIONS = "operations"
    QUALITY = "quality"

    @property
    def changes_state(self) -> bool:
        """Whether its versions change what engines keep warm (docs/adr/0006)."""
        return self not in NOTES


MADE_LAKE = "made_lake"
"""Among the counts of the version in which an archive became a lake, whose rows were derived then."""

NOTES = frozenset({Stage.COVERAGE, Stage.DELIVERIES, Stage.NOTIFICATIONS, Stage.OPERATIONS, Stage.QUALITY})

OWE_NOTHING = NOTES - {Stage.COVERAGE}
"""Notes of which nobody is to hear; the figures of a day are sent."""
