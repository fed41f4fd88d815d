"""All that we use of Dagster beyond its public names: when it moves, it moves here alone.

- A run of a range of partitions is asked for by two tags; the public API asks for one partition a run.
- A materialization that no run made (the burst sensor's) has a data version only by its tags, and
  shows as unsynced without those of its inputs.
- `dagster dev` has no option for which web server it starts: its command is changed (`dagster_dev`).
- Runless events are beyond `retention` and the instance's methods: they are deleted in the table.
"""

from dagster._cli import dev
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    NULL_DATA_VERSION,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

__all__ = [
    "ASSET_PARTITION_RANGE_END_TAG",
    "ASSET_PARTITION_RANGE_START_TAG",
    "CODE_VERSION_TAG",
    "DATA_VERSION_TAG",
    "NULL_DATA_VERSION",
    "NULL_EVENT_POINTER",
    "SqlEventLogStorage",
    "SqlEventLogStorageTable",
    "dev",
    "get_input_data_version_tag",
    "get_input_event_pointer_tag",
]
