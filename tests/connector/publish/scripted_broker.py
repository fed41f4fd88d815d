"""A broker that answers publishes as a test says: late, with errors, or not at all.

Here: the server. A real broker (`tests.messaging.brokers`) is better wherever it can be made to do the same.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.pubsub_v1.types import pubsub

PublishRequest = pubsub.PublishRequest.pb()
PublishResponse = pubsub.PublishResponse.pb()


class ScriptedBroker:
    """Serves `Publisher.Publish` alone; `answer` says how."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        # Error of a request, None to take it; asked after the gate.
        self.answer: Callable[[Any], grpc.StatusCode | None] = lambda request: None
        self.received: list[Any] = []
        self.taken: list[Any] = []
        handler = grpc.unary_unary_rpc_method_handler(
            self._publish,
            request_deserializer=PublishRequest.FromString,
            response_serializer=PublishResponse.SerializeToString,
        )
        # Above any number of requests that a test leaves waiting at the gate.
        self._server = grpc.server(ThreadPoolExecutor(64), options=[("grpc.max_receive_message_length", -1)])
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", {"Publish": handler}),)
        )
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.host = f"127.0.0.1:{port}"
        self._server.start()

    def bodies(self, key: str = "") -> list[bytes]:
        """Data of the messages taken with a key, in order."""
        return [each.data for request in self.taken for each in request.messages if each.ordering_key == key]

    def close(self) -> None:
        self.gate.set()
        self._server.stop(None).wait()

    def _publish(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.received.append(request)
        self.gate.wait()
        code = self.answer(request)
        if code is not None:
            context.abort(code, f"scripted for {request.topic}")
        self.taken.append(request)
        first = sum(len(each.messages) for each in self.taken)
        return PublishResponse(message_ids=[str(first + number) for number in range(len(request.messages))])
