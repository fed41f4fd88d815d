"""The document after an update, from the one before and what the update did.

Here: mongod's own arithmetic (it stores pre-images only, and makes post-images this way).
Not here: what is done where it cannot be told exactly (`lookup`).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

Path = Sequence[str | int]


class ImageMode(StrEnum):
    """Where the document of an update comes from; inserts and replacements carry theirs."""

    # The server's post-image, exact where the collection has changeStreamPreAndPostImages.
    POST_IMAGES = "post_images"
    # The server's pre-image and the update's description: as exact, and half as much to send.
    PRE_IMAGES = "pre_images"
    # Looked up afterwards: the latest document, never passed off as an earlier one.
    LOOKUP = "lookup"


class _AmbiguousError(Exception):
    """The description can be read in two ways, or does not fit the document."""


def rebuild(before: dict[str, Any] | None, description: dict[str, Any]) -> dict[str, Any] | None:
    """Apply an update to the document before it.

    Args:
        before: The pre-image; None where the server has none. It is changed in place.
        description: The event's `updateDescription`.

    Returns:
        The document after it; None where the description does not say for certain, so that
        somebody must look.
    """
    if before is None:
        return None
    try:
        # Removed first: a field that moves within a document is removed and set again.
        for name in description.get("removedFields") or ():
            _remove(before, _path(name, description))
        for cut in description.get("truncatedArrays") or ():
            array = _walk(before, _path(cut["field"], description))
            if not isinstance(array, list) or len(array) < cut["newSize"]:
                raise _AmbiguousError
            del array[cut["newSize"] :]
        for name, value in (description.get("updatedFields") or {}).items():
            _set(before, _path(name, description), value)
    except _AmbiguousError:
        return None
    return before


def _path(name: str, description: dict[str, Any]) -> Path:
    if "." not in name:
        return (name,)
    # A name may hold dots itself, and a field of a document may be called "3". Servers before
    # 6.1 do not say which it was, and a new field `a.b` looks just like `b` of an existing `a`.
    disambiguated = description.get("disambiguatedPaths")
    if disambiguated is None:
        raise _AmbiguousError
    path: Path = disambiguated.get(name) or name.split(".")
    return path


def _step(container: Any, part: str | int) -> Any:
    """Go down one step; what is updated in part was there before, with its type."""
    if isinstance(container, dict):
        if part in container:
            return container[part]
    elif isinstance(container, list):
        index = _index(part)
        if index < len(container):
            return container[index]
    raise _AmbiguousError


def _index(part: str | int) -> int:
    if isinstance(part, int):
        return part
    if part.isascii() and part.isdigit():
        return int(part)
    raise _AmbiguousError


def _walk(document: dict[str, Any], path: Path) -> Any:
    found: Any = document
    for part in path:
        found = _step(found, part)
    return found


def _remove(document: dict[str, Any], path: Path) -> None:
    container = _walk(document, path[:-1])
    if not isinstance(container, dict) or path[-1] not in container:
        raise _AmbiguousError
    del container[path[-1]]


def _set(document: dict[str, Any], path: Path, value: Any) -> None:
    container = _walk(document, path[:-1])
    if isinstance(container, dict):
        container[str(path[-1])] = value
    elif isinstance(container, list):
        index = _index(path[-1])
        # As mongod does: what is set beyond the end fills the space between with nulls.
        container.extend([None] * (index + 1 - len(container)))
        container[index] = value
    else:
        raise _AmbiguousError
