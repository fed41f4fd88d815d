"""Pub/Sub, the client's side: the topology manifest, publish, burst pull.

Belongs here: all that speaks to a broker. Does not belong: the local one (`emulator`), what a
message means (`domain`), when a burst runs (`sensors`), which settings exist
(`settings`; they arrive here as arguments).

Nothing is imported here, so that reading the topology costs no gRPC.
"""
