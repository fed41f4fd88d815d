"""Google Cloud Storage, by Dagster's own resource.

A leaf: `lake.files.storage` imports it when a bucket is opened, from far below the other
resources, so it imports nothing of ours. It costs seconds (docs/dependencies.md).
"""

import sys

# `lake.catalog.connect` hides pandas from DuckDB; this library cannot do without.
if sys.modules.get("pandas", sys) is None:
    del sys.modules["pandas"]

from dagster_gcp import GCSResource
from google.cloud.storage import Client


def gcs_client(project: str | None = None) -> Client:
    """A client with the environment's credentials, or on the emulator that STORAGE_EMULATOR_HOST names."""
    return GCSResource(project=project).get_client()
