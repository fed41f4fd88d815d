"""Documents looked up, because their change does not say what they became.

Here: which documents are read, in what order, at what position. Not here: how (`mongo_reads`).

A looked-up document is later than the change that asked for it, so it is published as of the time
it was read, as what it is: the latest. Then a stock level may know of a transaction that is
published only at a later position, and its stock would count twice. Therefore a looked-up
transaction brings the levels of its SKU along, read at the same time.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from inventory_assets.connector.source.change import Change, ClusterTime, Operation, Poison
from inventory_assets.connector.source.change_events import UNDECODABLE, Inexact
from inventory_assets.connector.source.keys import Keys
from inventory_assets.connector.source.mongo_reads import MongoReads, Page
from inventory_assets.connector.source.raw_documents import UndecodableError, decode, decode_key, encode_key, key_of

INVENTORY = "inventory"
TRANSACTIONS = "transactions"

Skus = dict[str, set[str]]


def copy_order(collections: Sequence[str]) -> list[str]:
    """Sort collections so that what a stock level contains is read before it."""
    return sorted(collections, key=lambda name: {TRANSACTIONS: 1, INVENTORY: 2}.get(name, 0))


def to_changes(page: Page, *, operation: Operation, database: str, collection: str) -> list[Change | Poison]:
    """Make changes of documents as they were read."""
    return [
        _to_change(raw, page.cluster_time, operation=operation, database=database, collection=collection)
        for raw in page.documents
    ]


def _to_change(
    raw: bytes, cluster_time: ClusterTime, *, operation: Operation, database: str, collection: str
) -> Change | Poison:
    try:
        document = decode(raw)
    except UndecodableError as error:
        return Poison(
            reason=UNDECODABLE, detail=str(error), database=database, collection=collection,
            document_key=decode_key(key_of(raw)), cluster_time=cluster_time, size_bytes=len(raw),
        )  # fmt: skip
    return Change(
        operation=operation, database=database, collection=collection, document_key={"_id": document["_id"]},
        document=document, cluster_time=cluster_time, size_bytes=len(raw),
    )  # fmt: skip


def look_up(
    wanted: Sequence[Inexact],
    reads: MongoReads,
    *,
    database: str,
    collections: Sequence[str],
    since: ClusterTime,
    keys: Keys,
) -> Iterator[list[Change | Poison]]:
    """Read the documents of inexact changes, each once, all at one cluster time.

    A document that is gone is left out: its delete is an event of its own. A key that a document has
    left, as an image before a change says, becomes a tombstone at the position of that change.

    Args:
        wanted: Of one batch.
        collections: Those that are watched; levels come along only if they are.
        since: Of the batch's last event.
        keys: By what documents are known.

    Yields:
        READ changes, a reply's worth at a time: thresholds, transactions, inventory.
    """
    ids: dict[str, set[bytes]] = defaultdict(set)
    befores: dict[tuple[str, bytes], list[Change]] = defaultdict(list)
    for item in wanted:
        name = encode_key(item.document_key)
        ids[item.collection].add(name)
        if item.before:
            befores[item.collection, name].append(item.as_change(database))
    skus: Skus = defaultdict(set)
    # Without a snapshot: what these events did is there for certain, and their lookup is not before them.
    at = None if reads.has_snapshots else since
    for collection in copy_order(collections):
        brought = skus if collection == INVENTORY else {}
        if not ids[collection] and not brought:
            continue
        for page in reads.find(collection, keys=sorted(ids[collection]), skus=brought, at=at):
            at = page.cluster_time
            changes = to_changes(page, operation=Operation.READ, database=database, collection=collection)
            if collection == TRANSACTIONS:
                _add_skus(changes, skus)
            left = [
                tombstone
                for change in changes
                if "_id" in change.document_key
                for before in befores.pop((collection, encode_key(change.document_key)), ())
                if isinstance(change, Change) and (tombstone := keys.left(before, change)) is not None
            ]
            if changes:
                yield [*left, *changes]
    gone = [keys.left(before, None) for each in befores.values() for before in each]
    if found := [tombstone for tombstone in gone if tombstone is not None]:
        yield list(found)


def _add_skus(changes: list[Change | Poison], skus: Skus) -> None:
    for change in changes:
        document = change.document if isinstance(change, Change) else None
        if document is None or not isinstance(document.get("sku"), str):
            continue
        # A transfer moves the stock of two warehouses.
        for field in ("warehouse_id", "to_warehouse_id"):
            if isinstance(document.get(field), str):
                skus[document[field]].add(document["sku"])
