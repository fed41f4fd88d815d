"""Where checkpoints are kept: `sqlite_store` (embedded default), `mongo_store`, `firestore_store`.

All behind `ports.TokenStore`, with one contract (`tests/connector/stores`). Each module imports its
own client library, so a connector loads only the one it was configured with.
"""
