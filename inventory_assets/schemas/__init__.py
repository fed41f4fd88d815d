"""Protocol buffer definitions as Pub/Sub's schema registry takes them.

Belongs here: what anybody may ask of a definition: whether it holds, whether
a message is of it, whether it may follow another. Does not belong: the
product's own schema (`messaging.proto`), a registry (`emulator`), its client
(`messaging.schemas`). A leaf: both sides of the wire use it.
"""
