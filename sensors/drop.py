"""The sensor of the drop folder: has its new files published, and shows what became of each.

Publishing goes on beside the bursts, as a file may take minutes: a tick begins a look, and tells what the ledger has
of the looks before it. So no file is told twice, and none is forgotten when a process ends.
"""

import sqlite3
from collections.abc import Sequence
from functools import partial

import msgspec
from dagster import (
    AssetMaterialization,
    AssetObservation,
    DefaultSensorStatus,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from inventory_assets.assets.drop import to_event
from inventory_assets.lake.errors import LakeError
from inventory_assets.messaging.errors import MessagingError
from inventory_assets.publishing.drop import Dropped
from inventory_assets.publishing.ledger import DropBusyError, Ledger, Taken
from inventory_assets.wiring import take_dropped_files
from inventory_assets.words.numbers import counted
from resources import InventoryResource, StorageResource
from sensors.cursor import Cursor

# Of one tick: Dagster writes each by itself.
MOST_EVENTS = 50
EXPECTED = (DropBusyError, MessagingError, LakeError, OSError, sqlite3.Error)


class DropCursor(Cursor, frozen=True):
    """The last file that was told of; below 0: none yet."""

    seq: int = -1


def tell(
    taken: Sequence[Taken], cursor: DropCursor
) -> tuple[list[AssetMaterialization | AssetObservation], DropCursor]:
    """What to show of the files that were looked at since, and the next cursor."""
    return [to_event(each) for each in taken], msgspec.structs.replace(
        cursor, seq=max((each.seq for each in taken), default=cursor.seq)
    )


@sensor(
    name="drop",
    description="Publishes the files that people put into the drop folder, each once, and shows each on drop/files.",
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
)
def drop_sensor(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    """Tell what was taken, and look again."""
    session = InventoryResource().session()  # no parameter, as in `bursts`
    settings = session.settings
    said, found = "", None
    try:
        found = session.drop.take(wait=False)
    except EXPECTED as error:
        said = str(error)
    session.drop.begin(partial(take_dropped_files, settings, open_place=StorageResource().open))
    ledger = Ledger(settings.home, settings.drop_uri)
    cursor = DropCursor.parse(context.cursor)
    if cursor.seq < 0:
        # Of a folder with a history, Dagster's records being new: its last files.
        cursor = DropCursor(max(0, ledger.newest_seq() - MOST_EVENTS))
    events, cursor = tell(ledger.after(cursor.seq, MOST_EVENTS), cursor)
    return SensorResult(
        asset_events=events, cursor=cursor.dump(), skip_reason=SkipReason(said or describe(found, settings.drop_uri))
    )


def describe(found: Dropped | None, place: str) -> str:
    """How it stands, in a sentence."""
    if found is None:
        return f"nothing in {place!r} yet: there is no such folder, or the look at it goes on"
    parts = [f"{counted(len(found.taken), 'new file')} in {place!r}"]
    if found.waiting:
        parts.append(f"{counted(len(found.waiting), 'file')} may still be written: {', '.join(found.waiting[:5])}")
    if found.odd:
        parts.append(f"{counted(found.odd, 'name')} that {'is' if found.odd < 2 else 'are'} no text")
    if found.unreported:
        parts.append(f"reports could not be written: {found.unreported}")
    return "; ".join(parts)
