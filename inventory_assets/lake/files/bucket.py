"""Whole files in a bucket of Google Cloud Storage, through Google's own client.

Belongs here: objects by name, and what the store's refusals mean. Not here: who
makes the client (`resources.gcs`). Importing this takes half a second, so
`open_storage` does it where a bucket is meant. Nothing is cached: what another
process wrote a moment ago is seen.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, Unauthorized
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError
from google.cloud.storage import Client
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.retry import DEFAULT_RETRY

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.files.storage import Mark

# Every request may be repeated: an object is replaced as a whole, and what is gone stays gone. The
# client's own patience is two minutes, which is long for a wrong address in STORAGE_EMULATOR_HOST.
RETRY = DEFAULT_RETRY.with_timeout(30)
# The client keeps ten connections; one more would be opened anew for every object.
THREADS = 8
CHUNK_BYTES = 16 * 2**20
CONTENT_TYPE = "application/octet-stream"

LOG_IN = "run `gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS"


class Bucket:
    """Objects of one bucket below a prefix."""

    def __init__(self, uri: str, client: Client) -> None:
        self.uri = uri.rstrip("/")
        bucket, _, prefix = self.uri.removeprefix("gs://").partition("/")
        if not (bucket[:1].isalnum() and bucket[-1:].isalnum()):
            raise LakeError(f"the place was {uri!r}; expected gs://bucket/prefix.")
        self._client = client
        self._bucket = client.bucket(bucket)
        self._prefix = f"{prefix}/" if prefix else ""

    def read(self, name: str) -> bytes | None:
        """An object's content; None where there is none."""
        with refusals(self.uri):
            try:
                return self._blob(name).download_as_bytes(retry=RETRY)
            except NotFound:
                return None

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """The contents of many small objects, asked for side by side; without those that are not there."""
        with ThreadPoolExecutor(THREADS, thread_name_prefix="bucket") as pool:
            contents = pool.map(self.read, names)
            return {name: content for name, content in zip(names, contents, strict=True) if content is not None}

    def sha256(self, name: str) -> str | None:
        """An object's hash, a part in memory at a time; None where there is none."""
        with refusals(self.uri):
            try:
                with self._blob(name).open("rb", chunk_size=CHUNK_BYTES, retry=RETRY) as source:
                    return hashlib.file_digest(source, "sha256").hexdigest()
            except NotFound:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Replace an object by one upload, which shows when it is complete."""
        with refusals(self.uri):
            self._blob(name).upload_from_string(content, content_type=CONTENT_TYPE, retry=RETRY)

    @contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """A path to write a large file to; it is uploaded when the body ends well. TMPDIR must hold it."""
        with tempfile.TemporaryDirectory(prefix="inventory-upload-") as folder:
            path = Path(folder) / Path(name).name
            yield path
            with refusals(self.uri):
                # Its checksum goes with it, and the store refuses another content.
                self._blob(name).upload_from_filename(str(path), content_type=CONTENT_TYPE, retry=RETRY)

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""
        with refusals(self.uri):
            try:
                self._blob(name).delete(retry=RETRY)
            except NotFound:
                pass

    def sizes(self, below: str = "") -> dict[str, int]:
        """Every object below a folder, with its size in bytes."""
        prefix = f"{self._prefix}{below}/" if below else self._prefix
        with refusals(self.uri):
            found = self._client.list_blobs(
                self._bucket, prefix=prefix, fields="items(name,size),nextPageToken", retry=RETRY
            )
            # A console marks an empty folder by an object whose name ends so.
            return {blob.name.removeprefix(self._prefix): blob.size for blob in found if not blob.name.endswith("/")}

    def marks(self) -> dict[str, Mark]:
        """Every object by its generation. `dagster_gcp.gcs.sensor.get_gcs_keys` goes by names: it passes over what
        was replaced."""
        with refusals(self.uri):
            found = self._client.list_blobs(
                self._bucket, prefix=self._prefix, fields="items(name,size,generation),nextPageToken", retry=RETRY
            )
            return {
                blob.name.removeprefix(self._prefix): Mark(blob.size, str(blob.generation))
                for blob in found
                if not blob.name.endswith("/")
            }

    def remove_unfinished(self, below: str) -> None:
        """Nothing: an upload that did not end is not there."""

    def _blob(self, name: str) -> Any:
        return self._bucket.blob(self._prefix + name)


@contextmanager
def refusals(uri: str) -> Iterator[None]:
    """Say what the store's errors mean for whoever asked for a place."""
    try:
        yield
    except NotFound as error:
        bucket = uri.split("/")[2]
        raise LakeError(
            f"{uri!r}: there is no bucket {bucket!r}. Make it (gcloud storage buckets create gs://{bucket}), "
            "or name another place."
        ) from error
    except Forbidden as error:
        raise LakeError(
            f"{uri!r} is closed to this account: {error}. Give it roles/storage.objectUser on the bucket, or {LOG_IN}."
        ) from error
    except (Unauthorized, DefaultCredentialsError, RefreshError) as error:
        raise LakeError(f"{uri!r} needs Google's credentials: {error} To give them, {LOG_IN}.") from error
    # What a request's own library raises is an OSError.
    except (GoogleAPIError, GoogleAuthError, InvalidResponse, DataCorruption, OSError) as error:
        raise LakeError(
            f"{uri!r} did not answer as it should: {error}. "
            "Check the network, and STORAGE_EMULATOR_HOST (http://…) if it is set."
        ) from error
