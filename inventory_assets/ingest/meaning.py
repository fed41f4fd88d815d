"""Settings that have meaning: with others, the same messages would give another lake.

Not here: where things are and how much is held (`settings`).
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version as package_version

import msgspec

from inventory_assets.domain.alerts.lifecycle import LifecyclePolicy
from inventory_assets.domain.events.reading import ParseSettings
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.thresholds.resolve import ThresholdDefaults
from inventory_assets.domain.values import to_microseconds
from inventory_assets.messaging.envelopes import decode_protobuf
from inventory_assets.messaging.topology import TopicRole, load_topology
from inventory_assets.settings import Settings

CODE_VERSION = package_version("inventory-assets")


def meaning_of(settings: Settings) -> Meaning:
    """What versions are made with from now on."""
    return Meaning(
        start_at=to_microseconds(datetime.combine(settings.start_date, datetime.min.time(), UTC)),
        max_ahead=_to_us(settings.max_ahead),
        default_min=settings.default_min,
        default_reorder=settings.default_reorder,
        unstated_grace=_to_us(settings.unstated_grace),
        default_warehouse=settings.default_warehouse,
        message_limits=_message_limits(),
    )


@cache
def _message_limits() -> dict[str, int]:
    return {topic.name: topic.max_message_bytes for topic in load_topology().topics if topic.role is TopicRole.INPUT}


def parsing_of(meaning: Meaning) -> ParseSettings:
    """How messages of any envelope are read, those of a schema included."""
    return msgspec.structs.replace(meaning.parsing, decode_protobuf=decode_protobuf)


def _to_us(span: timedelta) -> int:
    return int(span.total_seconds()) * 1_000_000


def defaults_of(settings: Settings) -> ThresholdDefaults:
    """The thresholds that hold where nothing else does (RULES 21)."""
    return meaning_of(settings).defaults


def policy_of(settings: Settings) -> LifecyclePolicy | None:
    """The policy that the settings give; None where time does nothing."""
    policy = LifecyclePolicy(dict(settings.escalate_after), dict(settings.repeat_every), dict(settings.expire_after))
    return None if policy.is_off else policy
