"""A small Firestore over gRPC, in memory: what the real client calls for documents of one collection.

Belongs here: BatchGetDocuments, Commit with preconditions, RunQuery of a whole collection. Does not
belong: anything our store does not ask for; such a call fails as UNIMPLEMENTED.
"""

import contextlib
import threading
from collections.abc import Iterator
from concurrent import futures
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.cloud.firestore_v1 import types
from google.cloud.firestore_v1.types import common, firestore, write

_START = datetime(2026, 1, 1, tzinfo=UTC)


class FirestoreServer:
    """The server.

    Attributes:
        host: For FIRESTORE_EMULATOR_HOST.
        failures: Codes that the next calls fail with, before anything is done.
        lost_answers: Codes that the next commits fail with after they were done.
        calls: Names of the methods called.
        empty_answers: How many of the next reads get no answer at all.
    """

    def __init__(self) -> None:
        self.failures: list[grpc.StatusCode] = []
        self.lost_answers: list[grpc.StatusCode] = []
        self.empty_answers = 0
        self.calls: list[str] = []
        self._documents: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._ticks = 0
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        service = "google.firestore.v1.Firestore"
        handlers = {
            "BatchGetDocuments": grpc.unary_stream_rpc_method_handler(
                self._batch_get,
                firestore.BatchGetDocumentsRequest.deserialize,
                firestore.BatchGetDocumentsResponse.serialize,
            ),
            "Commit": grpc.unary_unary_rpc_method_handler(
                self._commit, firestore.CommitRequest.deserialize, firestore.CommitResponse.serialize
            ),
            "RunQuery": grpc.unary_stream_rpc_method_handler(
                self._run_query, firestore.RunQueryRequest.deserialize, firestore.RunQueryResponse.serialize
            ),
        }
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        """Stop."""
        self._server.stop(grace=None).wait()

    def replace(self, document_id: str, **fields: Any) -> None:
        """Overwrite fields of a stored document, as somebody at the console would."""
        with self._lock:
            (name,) = [name for name in self._documents if name.endswith(f"/{document_id}")]
            stored = self._documents[name]
            for field, text in fields.items():
                stored.fields[field] = types.Value(string_value=text)
            stored.update_time = self._tick()

    def _tick(self) -> datetime:
        self._ticks += 1
        return _START + timedelta(microseconds=self._ticks)

    def _begin(self, name: str, context: grpc.ServicerContext) -> None:
        self.calls.append(name)
        if self.failures:
            context.abort(self.failures.pop(0), "failed on cue")

    def _batch_get(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self._begin("BatchGetDocuments", context)
        if self.empty_answers:
            self.empty_answers -= 1
            return
        with self._lock:
            now = self._tick()
            for name in request.documents:
                found = self._documents.get(name)
                answer = {"missing": name} if found is None else {"found": types.Document(found)}
                yield firestore.BatchGetDocumentsResponse(**answer, read_time=now)

    def _run_query(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self._begin("RunQuery", context)
        (selector,) = request.structured_query.from_
        prefix = f"{request.parent}/{selector.collection_id}/"
        with self._lock:
            now = self._tick()
            for name in sorted(self._documents):
                if name.startswith(prefix):
                    yield firestore.RunQueryResponse(document=types.Document(self._documents[name]), read_time=now)

    def _commit(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._begin("Commit", context)
        with self._lock:
            for each in request.writes:
                self._check(each, context)
            now = self._tick()
            for each in request.writes:
                self._apply(each, now, context)
            if self.lost_answers:
                context.abort(self.lost_answers.pop(0), "the answer was lost on cue")
        results = [write.WriteResult(update_time=now) for _ in request.writes]
        return firestore.CommitResponse(write_results=results, commit_time=now)

    def _check(self, each: Any, context: grpc.ServicerContext) -> None:
        stored = self._documents.get(each.update.name)
        condition = common.Precondition.pb(each.current_document)
        kind = condition.WhichOneof("condition_type")
        if kind == "exists" and condition.exists and stored is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"No document to update: {each.update.name}")
        if kind == "exists" and not condition.exists and stored is not None:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"Document already exists: {each.update.name}")
        if kind == "update_time" and stored is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"No document to update: {each.update.name}")
        if kind == "update_time" and stored.update_time != each.current_document.update_time:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the stored version does not match the required base")

    def _apply(self, each: Any, now: datetime, context: grpc.ServicerContext) -> None:
        stored = self._documents.get(each.update.name)
        paths = list(each.update_mask.field_paths)
        if any("." in path for path in paths):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"nested field paths {paths!r}")
        if stored is not None and paths:
            fields = {**stored.fields, **each.update.fields}
            for path in paths:
                if path not in each.update.fields:
                    fields.pop(path, None)
        else:
            fields = dict(each.update.fields)
        created = now if stored is None else stored.create_time
        self._documents[each.update.name] = types.Document(
            name=each.update.name, fields=fields, create_time=created, update_time=now
        )


@contextlib.contextmanager
def firestore_server() -> Iterator[FirestoreServer]:
    """Run one."""
    server = FirestoreServer()
    try:
        yield server
    finally:
        server.close()
