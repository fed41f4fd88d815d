"""Where assets put files: a directory or a bucket, as its URI says."""

from dagster import ConfigurableResource

from inventory_assets.lake.files.storage import Storage, open_storage


class StorageResource(ConfigurableResource):
    """Opens places of files for assets; those in a bucket by `dagster_gcp.GCSResource`.

    Attributes:
        project: Google's; default: what the environment and the credentials say.
    """

    # Not a `GCSResource` itself: its import would cost every process of Dagster's three seconds.
    project: str | None = None

    def open(self, uri: str) -> Storage:
        """The place that a directory's path or `gs://bucket/prefix` names."""
        return open_storage(uri, project=self.project)
