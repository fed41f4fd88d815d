"""Settings that have meaning: with others, the same messages would give another lake.

Not here: where things are and how much is held (`settings`).
"""

from datetime import UTC, datetime
from importlib.metadata import version as package_version

from inventory_assets.domain.alerts.lifecycle import LifecyclePolicy
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.thresholds.resolve import ThresholdDefaults
from inventory_assets.domain.values import to_microseconds
from inventory_assets.settings import Settings

CODE_VERSION = package_version("inventory-assets")


def parse_settings_of(settings: Settings) -> ParseSettings:
    """The bounds on event times that the settings give."""
    return ParseSettings(
        start_at=to_microseconds(datetime.combine(settings.start_date, datetime.min.time(), UTC)),
        max_ahead=int(settings.max_ahead.total_seconds()) * 1_000_000,
    )


def defaults_of(settings: Settings) -> ThresholdDefaults:
    """The thresholds that hold where nothing else does (RULES 21)."""
    return ThresholdDefaults(settings.default_min, settings.default_reorder)


def policy_of(settings: Settings) -> LifecyclePolicy | None:
    """The policy that the settings give; None where time does nothing."""
    policy = LifecyclePolicy(dict(settings.escalate_after), dict(settings.repeat_every), dict(settings.expire_after))
    return None if policy.is_off else policy
