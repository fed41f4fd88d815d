"""A local Pub/Sub: the gRPC services of google.pubsub.v1, durable in SQLite.

Belongs here: what Google's service does that clients can observe. Does not
belong: anything of this product; the emulator knows no stock and no manifest.

    broker        what moves messages: publish, deliver, acknowledge, dead-letter
    subscription  one queue: ready, leased, resting; ordering by key
    states        a topic and a subscription in memory
    registry      their creation, update, deletion; limits: what is refused
    replay        seek and snapshots; sweeper: clean-up by age, size and disuse
    store         SQLite behind a writer thread with group commit
    *_service     the gRPC methods: check, call the broker, answer
    pushing       delivery by HTTP, signed with a key of the emulator's own
    server        ports, the lock on the data directory, signals

All state lives in one asyncio thread; the writer thread only sees SQL.

Not built: BigQuery and Cloud Storage delivery, message transforms, IAM,
compiled descriptors as schemas, REST.
"""

from inventory_assets.emulator.server import EmulatorError, Oidc, run

__all__ = ["EmulatorError", "Oidc", "run"]
