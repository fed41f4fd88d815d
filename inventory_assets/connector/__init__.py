"""MongoDB change streams into Pub/Sub: a service of its own, one per database, never a Dagster asset.

Belongs here: reading changes and copies of collections, shaping them into RULES 1's envelope,
publishing them with confirmation, and remembering how far that came. Does not belong: what a
message means (`domain`), or the lake. The package imports neither.

`change` holds the values, `ports` the edges; `service` is the loop that everything else serves.
"""
