"""What tests use of Dagster beyond its public names: how the UI finds an asset stale, when a schedule is due."""

from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from dagster._utils.schedules import schedule_execution_time_iterator

__all__ = ["CachingStaleStatusResolver", "LoadingContextForTest", "StaleStatus", "schedule_execution_time_iterator"]
