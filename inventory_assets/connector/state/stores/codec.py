"""A checkpoint as a record of plain values, the same in every store.

Here: the form, and what every store says about a conflict. Not here: reading or writing it.

Times are RFC 3339 text: MongoDB's own dates end at the millisecond, and a checkpoint should come
back as it went in. `revision` is in the record, too, as a column or field that the store compares.
"""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bson import json_util

from inventory_assets.connector.errors import CheckpointConflictError, StoreDamagedError
from inventory_assets.connector.source.change import ClusterTime, Token
from inventory_assets.connector.state.checkpoint import Checkpoint, Gap, Phase

# Of the record. A later one is refused: what it says may be more than this version can keep.
FORMAT = 1


def to_record(checkpoint: Checkpoint) -> dict[str, Any]:
    """Turn a checkpoint into plain values; the token stays as the driver gave it."""
    return {
        "format": FORMAT,
        "connector_id": checkpoint.connector_id,
        "revision": checkpoint.revision,
        "owner_id": checkpoint.owner_id,
        "source_epoch": checkpoint.source_epoch,
        "phase": str(checkpoint.phase),
        "token": checkpoint.token,
        "cluster_time": _of_cluster_time(checkpoint.cluster_time),
        "moved_at": _of_time(checkpoint.moved_at),
        "heartbeat_at": _of_time(checkpoint.heartbeat_at),
        "is_snapshot_requested": checkpoint.is_snapshot_requested,
        "is_new_epoch_requested": checkpoint.is_new_epoch_requested,
        "gaps": [
            {
                "found_at": _of_time(gap.found_at),
                "after": _of_cluster_time(gap.after),
                "code": gap.code,
                "reason": gap.reason,
                "healed_by": gap.healed_by,
            }
            for gap in checkpoint.gaps
        ],
    }


def from_record(record: Mapping[str, Any], *, where: str) -> Checkpoint:
    """Read a record back.

    Args:
        where: Names the place in the error.

    Raises:
        StoreDamagedError: It is no checkpoint, or a later version's.
    """
    try:
        if record["format"] != FORMAT:
            raise ValueError(f"its format is {record['format']!r}, and this version reads {FORMAT}")
        return Checkpoint(
            connector_id=_text(record["connector_id"]),
            revision=_whole(record["revision"]),
            owner_id=_text(record["owner_id"]),
            source_epoch=_whole(record["source_epoch"]),
            phase=Phase(record["phase"]),
            token=_to_token(record["token"]),
            cluster_time=_to_cluster_time(record["cluster_time"]),
            moved_at=_to_time(record["moved_at"]),
            heartbeat_at=_to_time(record["heartbeat_at"]),
            is_snapshot_requested=bool(record["is_snapshot_requested"]),
            is_new_epoch_requested=bool(record["is_new_epoch_requested"]),
            gaps=tuple(_to_gap(gap) for gap in record["gaps"]),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        what = f"no field {error}" if isinstance(error, KeyError) else str(error)
        raise StoreDamagedError(
            f"the checkpoint in {where} cannot be read: {what}. Restore it from a backup, "
            "or delete it on purpose: the connector then copies the collections anew."
        ) from error


def to_json_values(record: Mapping[str, Any]) -> dict[str, Any]:
    """Make a record all JSON: the token, which may hold BSON binary, becomes Extended JSON text."""
    # Text, as Firestore's maps forget the order of fields; canonical, so that BSON types come back.
    token = record["token"]
    text = None if token is None else json_util.dumps(token, json_options=json_util.CANONICAL_JSON_OPTIONS)
    return {**record, "token": text}


def from_json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `to_json_values`; what is no such text is left for `from_record` to refuse."""
    token = values.get("token")
    if not isinstance(token, str):
        return dict(values)
    try:
        return {**values, "token": json_util.loads(token)}
    except (ValueError, TypeError):
        return dict(values)


def written(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint as a save leaves it: with the next revision."""
    return dataclasses.replace(checkpoint, revision=checkpoint.revision + 1)


def settle_conflict(checkpoint: Checkpoint, current: Checkpoint | None, *, where: str) -> Checkpoint:
    """Answer a save that found another revision.

    Returns:
        `current`, where it is this very save: its confirmation was lost on the way, and it was tried again.

    Raises:
        CheckpointConflictError: It is not.
    """
    # Without an owner two processes could write the same and both be told that they had.
    if checkpoint.owner_id and current == written(checkpoint):
        return current
    if current is None:
        found = "it is gone"
    else:
        found = f"it has revision {current.revision}, written by {current.owner_id or 'nobody'!r}"
    raise CheckpointConflictError(
        f"the checkpoint of {checkpoint.connector_id!r} in {where} is not the one written last (revision "
        f"{checkpoint.revision}): {found}. Another process has this connector id; run one of each.",
        current=current,
    )


def _of_time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _to_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"time {text!r} has no zone")
    return at.astimezone(UTC)


def _of_cluster_time(time: ClusterTime | None) -> dict[str, int] | None:
    return None if time is None else {"t": time[0], "i": time[1]}


def _to_cluster_time(value: Mapping[str, int] | None) -> ClusterTime | None:
    return None if value is None else (_whole(value["t"]), _whole(value["i"]))


def _to_gap(value: Mapping[str, Any]) -> Gap:
    found_at = _to_time(value["found_at"])
    if found_at is None:
        raise ValueError("a gap has no time")
    return Gap(
        found_at=found_at,
        after=_to_cluster_time(value["after"]),
        code=None if value["code"] is None else _whole(value["code"]),
        reason=_text(value["reason"]),
        healed_by=None if value["healed_by"] is None else _whole(value["healed_by"]),
    )


def _to_token(value: Any) -> Token | None:
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"token was a {type(value).__name__}, expected an object")
    return None if value is None else dict(value)


def _whole(value: Any) -> int:
    # bool is an int to Python, and 1.0 one to MongoDB's shell.
    if isinstance(value, bool) or value != int(value):
        raise TypeError(f"{value!r} is no whole number")
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
