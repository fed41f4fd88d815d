"""Every rule of data quality, by the table it judges.

Here: the list and its parts. Not here: the queries (`quality_rules_*`) and the
functions of those that SQL does not do (`quality_ledger`, `quality_volume`, `quality_alerts`).
"""

from inventory_assets.quality.rule import Rule
from inventory_assets.quality.rules.alerts import ALERT_RULES
from inventory_assets.quality.rules.events import EVENT_RULES
from inventory_assets.quality.rules.messages import MESSAGE_RULES
from inventory_assets.quality.rules.stock import STOCK_RULES

RULES: tuple[Rule, ...] = (*MESSAGE_RULES, *EVENT_RULES, *STOCK_RULES, *ALERT_RULES)
INVARIANTS = tuple(rule for rule in RULES if rule.is_invariant)
LIGHT_RULES = tuple(rule for rule in RULES if rule.is_light)
