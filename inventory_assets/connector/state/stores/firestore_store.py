"""Checkpoints in Cloud Firestore, collection `resumeTokens` by default; R0's recommendation on Cloud Run.

Google's client is imported when the store is opened: an extra, for connectors that choose it. A save
is compared by the update time of the document it replaces, so it is one request and no transaction.
`FIRESTORE_EMULATOR_HOST` means what it means everywhere.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from inventory_assets.connector.errors import ConfigurationError, StoreUnavailableError
from inventory_assets.connector.state.checkpoint import Checkpoint
from inventory_assets.connector.state.stores import codec

DEFAULT_COLLECTION = "resumeTokens"
_REQUEST_SECONDS = 10.0


class FirestoreTokenStore:
    """`TokenStore` in a Firestore collection, one document a connector."""

    def __init__(
        self,
        project: str,
        *,
        collection: str = DEFAULT_COLLECTION,
    ) -> None:
        """Prepare; the first call connects.

        Args:
            project: Google Cloud project, of whose default database it is a collection.

        Raises:
            ConfigurationError: Google's client is not installed, or finds no credentials.
        """
        try:
            from google.api_core.exceptions import GoogleAPICallError, RetryError
            from google.auth.exceptions import GoogleAuthError
            from google.cloud.firestore import Client
        except ImportError as error:
            raise ConfigurationError(
                f"the Firestore token store needs Google's client, which is not installed ({error}). "
                "Install it with `pip install 'inventory-assets[firestore]'`, or choose another store."
            ) from error
        try:
            self._client = Client(project=project)
        except GoogleAuthError as error:
            raise ConfigurationError(
                f"the Firestore token store of project {project!r} finds no credentials: {error}"
            ) from error
        self._failures = (GoogleAPICallError, RetryError, GoogleAuthError)
        self._collection = self._client.collection(collection)
        self._where = f"Firestore collection {collection!r} of project {project!r}"
        # Not repeated here: the connector does that, with its own delays.
        self._options: dict[str, Any] = {"retry": None, "timeout": _REQUEST_SECONDS}
        self._lock = threading.Lock()
        # connector id -> (revision, its update time): saves a read before every save.
        self._known: dict[str, tuple[int, Any]] = {}

    def load(self, connector_id: str) -> Checkpoint | None:
        """Read one; see `TokenStore`."""
        # `get_all`, as `get` takes an empty answer for "there is none", and that means a first start.
        with self._guard("read"):
            answer = list(self._client.get_all([self._document(connector_id)], **self._options))
        if len(answer) != 1:
            raise StoreUnavailableError(f"{self._where} gave {len(answer)} answers for {connector_id!r}, expected 1.")
        found = answer[0]
        if not found.exists:
            with self._lock:
                self._known.pop(connector_id, None)
            return None
        checkpoint = self._decode(found)
        self._remember(checkpoint, found.update_time)
        return checkpoint

    def save(self, checkpoint: Checkpoint) -> Checkpoint:
        """Write one if nobody else has; see `TokenStore`."""
        from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound

        saved = codec.written(checkpoint)
        record = codec.to_json_values(codec.to_record(saved))
        document = self._document(checkpoint.connector_id)
        with self._guard("written"):
            try:
                if checkpoint.revision == 0:
                    result = document.create(record, **self._options)
                elif (updated_at := self._update_time(checkpoint)) is not None:
                    expected = self._client.write_option(last_update_time=updated_at)
                    result = document.update(record, option=expected, **self._options)
                else:
                    result = None
            except (AlreadyExists, FailedPrecondition, NotFound):
                result = None
        if result is None:
            current = self.load(checkpoint.connector_id)
            return codec.settle_conflict(checkpoint, current, where=self._where)
        self._remember(saved, result.update_time)
        return saved

    def list(self) -> Sequence[Checkpoint]:
        """All, by id."""
        with self._guard("read"):
            found = list(self._collection.stream(**self._options))
        return sorted((self._decode(each) for each in found), key=lambda each: each.connector_id)

    def close(self) -> None:
        """Close connections."""
        # The client has no close of its own, and a channel left open keeps its threads.
        self._client._firestore_api.transport.close()

    def _document(self, connector_id: str) -> Any:
        # A slash would name a document below another one.
        return self._collection.document(quote(connector_id, safe=" :@"))

    def _update_time(self, checkpoint: Checkpoint) -> Any:
        """Update time of the stored document, if that has the checkpoint's revision."""
        with self._lock:
            revision, updated_at = self._known.get(checkpoint.connector_id, (0, None))
        if revision == checkpoint.revision:
            return updated_at
        current = self.load(checkpoint.connector_id)
        if current is None or current.revision != checkpoint.revision:
            return None
        # Of that load, or of a later save by another thread, which then wins.
        with self._lock:
            revision, updated_at = self._known.get(checkpoint.connector_id, (0, None))
        return updated_at if revision == checkpoint.revision else None

    def _decode(self, found: Any) -> Checkpoint:
        record = codec.from_json_values(found.to_dict())
        return codec.from_record(record, where=f"{self._where}, document {found.id!r}")

    def _remember(self, checkpoint: Checkpoint, updated_at: Any) -> None:
        with self._lock:
            self._known[checkpoint.connector_id] = (checkpoint.revision, updated_at)

    @contextmanager
    def _guard(self, verb: str) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            reason = " ".join(str(error).split())[:300]
            raise StoreUnavailableError(
                f"{self._where} cannot be {verb}: {reason}. Nothing was skipped; the connector tries again."
            ) from error
