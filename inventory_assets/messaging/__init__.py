"""Pub/Sub: the topology manifest, publish, burst pull, and the local emulator.

Belongs here: everything that speaks Pub/Sub. Does not belong: what a message
means (`domain`), when a burst runs (`sensors`), which settings exist
(`settings`; they arrive here as arguments).

Import from the modules: `client` (types, `PubSubPublisher`,
`PubSubBurstSource`), `topology`, `memory` (the in-memory twin), `emulator`.
Nothing is imported here, so that reading the topology costs no gRPC.
"""
