"""A whole collection, read beside running writes.

Here: its pages in order. Not here: in which order collections are copied, or what is streamed
afterwards (`service`).

Each chunk is a read of its own at a time of its own: one snapshot over a long copy would be
longer than a server keeps them. A document that is written meanwhile is in a later chunk, or it
is in the stream, which begins before the copy: its positions put both right.
"""

from collections.abc import Iterator

from inventory_assets.connector.source.change import Chunk, Operation
from inventory_assets.connector.source.lookup import to_changes
from inventory_assets.connector.source.mongo_reads import Reads
from inventory_assets.connector.source.raw_documents import key_of


def copy_collection(reads: Reads, *, database: str, collection: str, chunk_documents: int) -> Iterator[Chunk]:
    """Read a collection in the order of `_id`, whatever types those have; see `ports.ChangeSource`."""
    after: bytes | None = None
    while True:
        page = reads.page(collection, after=after, limit=chunk_documents)
        if page.documents:
            after = key_of(page.documents[-1])
            changes = to_changes(page, operation=Operation.SNAPSHOT, database=database, collection=collection)
            yield Chunk(changes=changes, cluster_time=page.cluster_time, is_snapshot=page.is_snapshot)
        if page.is_last:
            return
