"""Checkpoints in a MongoDB collection, `resumeTokens` by default, in the watched database or another.

In the watched database every save is itself a change there, so the stream must select its collections.
A document is a checkpoint's record with `_id` the connector id; the token is as `resumeAfter` takes it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pymongo import MongoClient, errors
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from inventory_assets.connector.errors import ConfigurationError, StoreUnavailableError
from inventory_assets.connector.state.checkpoint import Checkpoint
from inventory_assets.connector.state.stores import codec

DEFAULT_COLLECTION = "resumeTokens"


class MongoTokenStore:
    """`TokenStore` in a collection. Saves wait for a majority, so that no failover takes one back."""

    def __init__(
        self,
        uri: str,
        *,
        database: str | None = None,
        collection: str = DEFAULT_COLLECTION,
        timeout_seconds: float = 10.0,
    ) -> None:
        """Prepare; the first call connects.

        Args:
            database: None is the URI's.
            timeout_seconds: Of one call, the driver's own retries included.

        Raises:
            ConfigurationError: The URI cannot be read, or names no database and none was given.
        """
        try:
            # A client of its own: what the store waits for must not queue behind the stream's reads.
            self._client: MongoClient = MongoClient(
                uri, timeoutMS=round(timeout_seconds * 1000), appname="inventory-connector-store", connect=False
            )
            named = self._client.get_database(database) if database else self._client.get_default_database()
        except (errors.PyMongoError, ValueError) as error:
            # Without the URI, which holds the password.
            raise ConfigurationError(
                f"the MongoDB token store cannot be set up ({type(error).__name__}): "
                "its URI is invalid, or names no database and none is set."
            ) from None
        self._collection = named.get_collection(
            collection, write_concern=WriteConcern("majority"), read_concern=ReadConcern("majority")
        )
        self._where = f"MongoDB collection {named.name + '.' + collection!r}"

    def load(self, connector_id: str) -> Checkpoint | None:
        """Read one; see `TokenStore`."""
        with self._guard("read"):
            record = self._collection.find_one({"_id": connector_id})
        return None if record is None else codec.from_record(record, where=self._where)

    def save(self, checkpoint: Checkpoint) -> Checkpoint:
        """Write one if nobody else has; see `TokenStore`."""
        saved = codec.written(checkpoint)
        record = {"_id": checkpoint.connector_id, **codec.to_record(saved)}
        with self._guard("written"):
            if checkpoint.revision == 0:
                is_written = self._insert(record)
            else:
                expected = {"_id": checkpoint.connector_id, "revision": checkpoint.revision}
                is_written = self._collection.replace_one(expected, record).matched_count == 1
        if is_written:
            return saved
        return codec.settle_conflict(checkpoint, self.load(checkpoint.connector_id), where=self._where)

    def list(self) -> Sequence[Checkpoint]:
        """All, by id."""
        with self._guard("read"):
            records = list(self._collection.find().sort("_id"))
        return [codec.from_record(record, where=self._where) for record in records]

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _insert(self, record: dict[str, object]) -> bool:
        try:
            self._collection.insert_one(record)
        except errors.DuplicateKeyError:
            return False
        return True

    @contextmanager
    def _guard(self, verb: str) -> Iterator[None]:
        try:
            yield
        except errors.PyMongoError as error:
            # The driver names hosts in its errors, never the password; the first line is enough.
            reason = str(error).partition(", Timeout:")[0].partition(", full error:")[0]
            raise StoreUnavailableError(
                f"{self._where} cannot be {verb}: {reason}. Nothing was skipped; the connector tries again."
            ) from error
