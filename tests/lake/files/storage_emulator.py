"""Google Cloud Storage for tests: gcp-storage-emulator on loopback, in memory.

What it cannot show: it ignores `ifGenerationMatch`, asks for no credentials, says
no reason with a 404, lists without pages, and answers one request at a time.
"""

from gcp_storage_emulator.server import create_server
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client


class StorageEmulator:
    """A server of its own thread, until it is closed."""

    def __init__(self) -> None:
        self._server = create_server("127.0.0.1", 0, in_memory=True)
        self._server.start()
        # It does not say which port it took.
        self.endpoint = f"http://127.0.0.1:{self._server._api._httpd.server_port}"
        self._client = Client(
            "tests", credentials=AnonymousCredentials(), client_options={"api_endpoint": self.endpoint}
        )

    def empty(self, bucket: str) -> None:
        """Forget everything, and make one bucket."""
        self._server.wipe()
        self._client.create_bucket(bucket)

    def objects(self, bucket: str) -> dict[str, bytes]:
        """What is in a bucket, as another program sees it."""
        return {blob.name: blob.download_as_bytes() for blob in self._client.list_blobs(bucket)}

    def close(self) -> None:
        """Stop serving."""
        self._server.stop()
