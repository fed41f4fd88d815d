"""Settings that have meaning: with others, the same messages would give another lake.

Recorded with each version, so that a replay reads its messages as they were
read then. Not here: how they are configured (`settings`).
"""

import msgspec

from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.thresholds.resolve import ThresholdDefaults
from inventory_assets.domain.values import DAY_US

SEMANTICS = 3
"""The number of the rules that a version was made under (RULES 37a); raised with every change of meaning.

1: one order of positions for all sources, transactions numbered over all
warehouses, rules before all stock of a burst, sweeps by the clock. 2: each of
these as RULES have it now. 3: takes in CloudEvents, service events, adjustments
and messages of a schema, which earlier readers refuse (RULES 38-41).
"""


class Meaning(msgspec.Struct, frozen=True):
    """What a version was made with. Times in microseconds, thresholds in units.

    `unstated_grace`: how long after its first event a key is judged of which no
    level has said what is there (RULES 24). `default_warehouse`: where an adjustment
    is that names none (RULES 41); null where none is configured. `message_limits`: the most bytes of a body, by topic;
    none in versions of before they were held to them.
    """

    start_at: int = 1_262_304_000_000_000  # 2010-01-01
    max_ahead: int = DAY_US
    default_min: int = 0
    default_reorder: int = 0
    unstated_grace: int = DAY_US
    default_warehouse: str | None = None
    message_limits: dict[str, int] = {}

    @property
    def parsing(self) -> ParseSettings:
        """How messages are read, but for the decoder of those of a schema."""
        return ParseSettings(self.start_at, self.max_ahead, self.default_warehouse, message_limits=self.message_limits)

    @property
    def defaults(self) -> ThresholdDefaults:
        """The thresholds that hold where nothing else does (RULES 21)."""
        return ThresholdDefaults(self.default_min, self.default_reorder)
