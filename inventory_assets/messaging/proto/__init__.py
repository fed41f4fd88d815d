"""The product's protobuf schema, and the Python module protoc makes of it.

Belongs here: `inventory.proto`, and what `make proto` makes of it
(`inventory_pb2.py`, its types in `inventory_pb2.pyi`; never edited). Does not
belong: what a message means (`messaging.envelopes`, `domain.events`).
"""
