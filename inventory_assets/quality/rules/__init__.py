"""Every rule of data quality, by the table it judges.

A new rule goes into the tuple of its subject: `messages`, `events`, `stock` or `alerts`. Here: the list of all.
Not here: the functions of those that SQL does not do (`quality.judges`).
"""

from inventory_assets.quality.rule import Rule
from inventory_assets.quality.rules.alerts import ALERT_RULES
from inventory_assets.quality.rules.events import EVENT_RULES
from inventory_assets.quality.rules.messages import MESSAGE_RULES
from inventory_assets.quality.rules.stock import STOCK_RULES

RULES: tuple[Rule, ...] = (*MESSAGE_RULES, *EVENT_RULES, *STOCK_RULES, *ALERT_RULES)
INVARIANTS = tuple(rule for rule in RULES if rule.is_invariant)
LIGHT_RULES = tuple(rule for rule in RULES if rule.is_light)
