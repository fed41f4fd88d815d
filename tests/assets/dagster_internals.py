"""What tests use of Dagster beyond its public names: how the UI finds an asset stale, when a schedule is due, a sensor's switch."""

from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from dagster._core.scheduler.instigation import InstigatorStatus
from dagster._utils.schedules import schedule_execution_time_iterator

__all__ = [
    "CachingStaleStatusResolver",
    "InstigatorStatus",
    "LoadingContextForTest",
    "StaleStatus",
    "schedule_execution_time_iterator",
]
