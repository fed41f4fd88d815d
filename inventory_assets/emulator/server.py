"""Start and stop the emulator: port, data directory, signals.

Belongs here: wiring and the process. Does not belong: what a method does.
"""

import asyncio
import contextlib
import errno
import fcntl
import inspect
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2
from google.pubsub_v1.types import pubsub, schema

from inventory_assets.addresses import read_host, write_address
from inventory_assets.emulator.broker import Broker
from inventory_assets.emulator.publisher_service import PublisherService
from inventory_assets.emulator.pushing.identity import GOOGLE_ISSUER, Identity
from inventory_assets.emulator.pushing.pusher import Pusher
from inventory_assets.emulator.pushing.token_server import TokenServer
from inventory_assets.emulator.registry import Registry
from inventory_assets.emulator.replay import Replay
from inventory_assets.emulator.schema_registry import SchemaRegistry
from inventory_assets.emulator.schema_service import SchemaService
from inventory_assets.emulator.status import StatusError
from inventory_assets.emulator.store import Store, StoreError
from inventory_assets.emulator.subscriber_service import SubscriberService
from inventory_assets.emulator.sweeper import Sweeper
from inventory_assets.private import keep_private

# Above the 10 MB of the service, so that the answer to more is ours and clear.
_RECEIVE_BYTES = 64 * 1024 * 1024
_GRACE_SECONDS = 1.0


class EmulatorError(RuntimeError):
    """The emulator cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Oidc:
    """How push requests are signed: where the key set is served (None: nowhere, 0: a free port), and as whose."""

    port: int | None = None
    issuer: str = GOOGLE_ISSUER


async def _serve(host: str, port: int, data_dir: Path | None, oidc: Oidc) -> None:
    """Run the emulator until this task is cancelled."""
    async with contextlib.AsyncExitStack() as stack:
        if data_dir is not None:
            stack.enter_context(_locked(data_dir))
        try:
            store = Store(data_dir / "emulator.sqlite" if data_dir else None)
        except StoreError as error:
            raise EmulatorError(str(error)) from error
        stack.callback(store.close)
        broker = Broker(store)
        registry, replay, schemas = Registry(broker), Replay(broker), SchemaRegistry(broker)
        for each in (registry, replay, schemas):
            each.load()
        server = grpc.aio.server(
            options=[
                # Without this a second emulator on the port would start, and get half the calls.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", _RECEIVE_BYTES),
                ("grpc.max_send_message_length", -1),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
                ("grpc.http2.max_ping_strikes", 0),
            ]
        )
        server.add_generic_rpc_handlers(
            _handlers(
                PublisherService(broker, registry=registry, replay=replay, schemas=schemas),
                SubscriberService(broker, registry=registry, replay=replay),
                SchemaService(schemas),
            )
        )
        identity = Identity(issuer=oidc.issuer, key_path=data_dir / "push-key.pem" if data_dir else None)
        tokens = await stack.enter_async_context(_tokens(identity, host, oidc.port))
        bound = _bind(server, host, port)
        await server.start()
        work = (broker.run_clock(), Sweeper(broker, replay, registry).run(), Pusher(broker, identity).run())
        tasks = [asyncio.create_task(each) for each in work]
        try:
            print(f"emulator ready on {write_address(host, bound)}", flush=True)
            if tokens:
                print(f"push tokens of {oidc.issuer}: keys at {tokens}/certs", flush=True)
            await server.wait_for_termination()
        finally:
            for task in tasks:
                task.cancel()
            # What is being pushed is given back before the store closes.
            await asyncio.shield(asyncio.gather(*tasks, return_exceptions=True))
            await asyncio.shield(server.stop(_GRACE_SECONDS))


@contextlib.asynccontextmanager
async def _tokens(identity: Identity, host: str, port: int | None) -> AsyncIterator[str]:
    """Serve the key set and tokens; where, or "" for nowhere."""
    if port is None:
        yield ""
        return
    server = TokenServer(identity, host)
    try:
        await server.start(port)
    except OSError as error:
        raise EmulatorError(
            f"cannot serve the keys of push tokens on {write_address(host, port)}: {error.strerror or error}. "
            "Choose another --oidc-port (0 picks a free one)."
        ) from error
    try:
        yield server.base
    finally:
        server.close()


def run(host: str, port: int, data_dir: Path | None, oidc: Oidc = Oidc()) -> None:
    """Run the emulator until SIGTERM or SIGINT; prints `emulator ready on HOST:PORT`.

    Args:
        host: Address to listen on; an IPv6 address with or without brackets.
        port: 0 picks a free one.
        data_dir: Where messages and resources are kept; None keeps them in memory.
        oidc: How push requests are signed; with a port a second line says where the key set is.

    Raises:
        EmulatorError: The port or the directory is in use, or cannot be used.
    """

    try:
        host = read_host(host)
    except ValueError as error:
        raise EmulatorError(f"--host was {host!r}: {error}.") from error

    async def main() -> None:
        task = asyncio.ensure_future(_serve(host, port, data_dir, oidc))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """Hold the data directory; the lock goes with the process, also when it is killed."""
    try:
        keep_private(data_dir)
        lock = open(data_dir / "emulator.lock", "a+")  # noqa: SIM115 - held, then closed below
    except OSError as error:
        raise EmulatorError(
            f"cannot use the data directory {str(data_dir)!r}: {error.strerror or error}. "
            "Give one that can be written with --data, or use --in-memory."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise EmulatorError(
                f"the data directory {str(data_dir)!r} is in use by another emulator "
                f"(process {owner}). Stop that one, or give another directory with --data."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _bind(server: Any, host: str, port: int) -> int:
    # gRPC's own error does not say why; a plain socket does.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error})"
        raise EmulatorError(
            f"{write_address(host, port)} {reason}. "
            "Stop what listens there, or choose another port with --port (0 picks a free one)."
        ) from error
    try:
        return server.add_insecure_port(write_address(host, port))
    except RuntimeError as error:
        raise EmulatorError(
            f"cannot listen on {write_address(host, port)}: {error}. Choose another port with --port."
        ) from error


def _handlers(publisher: PublisherService, subscriber: SubscriberService, schemas: SchemaService) -> list[Any]:
    handlers = {
        "Publisher": _unary_methods(publisher, pubsub),
        "Subscriber": _unary_methods(subscriber, pubsub),
        "SchemaService": _unary_methods(schemas, schema),
    }
    handlers["Subscriber"]["StreamingPull"] = grpc.stream_stream_rpc_method_handler(
        _answering(subscriber.streaming_pull, None),
        request_deserializer=pubsub.StreamingPullRequest.pb().FromString,
        response_serializer=_serialized,
    )
    return [
        grpc.method_handlers_generic_handler(f"google.pubsub.v1.{service}", methods)
        for service, methods in handlers.items()
    ]


def _unary_methods(service: Any, types: Any) -> dict[str, Any]:
    """Every public coroutine of a service: `create_topic` answers CreateTopic."""
    methods = {}
    for name, function in inspect.getmembers(service, inspect.iscoroutinefunction):
        method = name.title().replace("_", "")
        if name.startswith("_") or method == "StreamingPull":
            continue
        # The two that take the resource itself, and no request around it.
        bare: dict[str, Any] = {"CreateTopic": pubsub.Topic, "CreateSubscription": pubsub.Subscription}
        request = bare.get(method) or getattr(types, f"{method}Request")
        methods[method] = grpc.unary_unary_rpc_method_handler(
            _answering(function, empty_pb2.Empty),
            request_deserializer=request.pb().FromString,
            response_serializer=_serialized,
        )
    return methods


def _serialized(answer: Any) -> bytes:
    return answer if isinstance(answer, bytes) else answer.SerializeToString()


def _answering(function: Callable[[Any, Any], Awaitable[Any]], empty: Any) -> Callable[[Any, Any], Awaitable[Any]]:
    async def answer(request: Any, context: Any) -> Any:
        try:
            found = await function(request, context)
        except StatusError as error:
            await context.abort(error.code, error.message, error.trailing_metadata())
        return empty() if found is None and empty else found

    return answer
