"""A MongoDB server as the connector needs it: reached, and asked what it can do.

Here: the client. Not here: reading changes (`mongo_source`) or setting a database up (`init_db`).
"""

from collections.abc import Iterable
from typing import Any

from pymongo import MongoClient

from inventory_assets.connector.errors import SourceRefusedError
from inventory_assets.connector.source.mongo_errors import translated

# How long a call waits for a server to be there: long enough for an election's first half,
# short enough that the circuit breaker hears of it.
SELECTION_MS = 5_000
CONNECT_MS = 5_000
WIRE_VERSION_4_4 = 9
WIRE_VERSION_6_0 = 17


def connect(uri: str) -> MongoClient[dict[str, Any]]:
    """Make a client; nothing is sent before the first command. Options of the URI win.

    No socket timeout: to find the place of an old token the server may read its oplog for
    minutes. A dead peer is found by keep-alive and by the driver's monitor.
    """
    options: dict[str, Any] = {"appname": "inventory-connector", "tz_aware": True, "server_selector": _first_router}
    for name, value in (("serverSelectionTimeoutMS", SELECTION_MS), ("connectTimeoutMS", CONNECT_MS)):
        if name.lower() not in uri.lower():
            options[name] = value
    with translated("does not accept the URI"):
        return MongoClient(uri, **options)


def _first_router(servers: Iterable[Any]) -> list[Any]:
    """Stay with one mongos while it lives: a cursor is known only to the one that opened it."""
    found = list(servers)
    if any(server.server_type_name == "Mongos" for server in found):
        return sorted(found, key=lambda server: server.address)[:1]
    return found


def check_replica_set(client: MongoClient[Any]) -> bool:
    """Ask the server whether it can have change streams.

    Returns:
        Whether it also keeps pre- and post-images, and says which paths are ambiguous (6.0 and later).

    Raises:
        SourceRefusedError: It is a standalone, or older than 4.4.
        SourceUnavailableError: It did not answer.
    """
    with translated("did not say hello"):
        hello = client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise SourceRefusedError(
            "MongoDB is a standalone server, which has no change streams. "
            "Run it as a replica set, be it of one member, or name the replica set in MONGODB_URI."
        )
    wire_version = int(hello.get("maxWireVersion", 0))
    if wire_version < WIRE_VERSION_4_4:
        raise SourceRefusedError(f"MongoDB's wire version was {wire_version}, expected 9 (MongoDB 4.4) or later.")
    return wire_version >= WIRE_VERSION_6_0
