"""Google Cloud Storage, by Dagster's own resource.

A leaf: `lake.storage` imports it when a bucket is opened, from far below the other
resources, so it imports nothing of ours. It costs seconds (docs/dependencies.md).
"""

from dagster_gcp import GCSResource
from google.cloud.storage import Client


def gcs_client(project: str | None = None) -> Client:
    """A client with the environment's credentials, or on the emulator that STORAGE_EMULATOR_HOST names."""
    return GCSResource(project=project).get_client()
