"""Hooks that adapt documents before they are checked: named in the configuration, loaded once.

Here: finding and calling them, and one that is ready made. Not here: what follows (`shaping`).

A hook is a function `(document, change) -> document | None`. It is given a copy of the document
with BSON values in it (its nested values are not copied: replace, do not change them), and the
change it comes from. What it returns is checked against the collection's schema; None drops the
message, which is counted. It is called for inserts, updates, replaces, reads, copies, and for a
delete that has its document. The same change may be read twice, so the same input must give the
same output: no clock, no random, no counter.

    # acme_hooks.py, TRANSFORMS: "acme_hooks:in_units"
    def in_units(document, change):
        if change.collection == "transactions" and "cases" in document:
            document["quantity"] = document.pop("cases") * 12
        return document
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from inventory_assets.connector.errors import ConfigurationError
from inventory_assets.connector.source.change import Change

ENTRY_POINT_GROUP = "inventory.connector.transforms"


Transform = Callable[[dict[str, Any], Change], dict[str, Any] | None]
"""A hook; None drops the document."""


class NamedTransform(NamedTuple):
    """A hook, with the name the configuration calls it by."""

    name: str
    call: Transform


class TransformFailedError(Exception):
    """A hook raised, or returned neither a document nor None.

    The text names the hook and the kind of failure, not what it said: that may hold values of the document.
    """


def load_transforms(names: Iterable[str]) -> tuple[NamedTransform, ...]:
    """Load hooks, in the order they are called in.

    Args:
        names: `module:function`, or a name in the entry-point group `inventory.connector.transforms`.

    Raises:
        ConfigurationError: Lists every one that cannot be loaded.
    """
    found, problems = [], []
    for name in names:
        try:
            call = _load(name)
            if not callable(call):
                raise TypeError("it cannot be called")
            found.append(NamedTransform(name, call))
        except Exception as error:
            # Importing runs foreign code, which may fail in any way.
            problems.append(f"TRANSFORMS: {name!r} cannot be loaded: {type(error).__name__}: {error}")
    if problems:
        raise ConfigurationError("transforms cannot be used:\n  " + "\n  ".join(problems))
    return tuple(found)


def _load(name: str) -> Any:
    module, colon, path = name.partition(":")
    if colon:
        target: Any = importlib.import_module(module)
        for part in path.split("."):
            target = getattr(target, part)
        return target
    entries = entry_points(group=ENTRY_POINT_GROUP, name=name)
    if not entries:
        raise LookupError(f"no entry point of that name in {ENTRY_POINT_GROUP}, expected one or module:function")
    return next(iter(entries)).load()


def apply_transforms(
    transforms: Iterable[NamedTransform], document: Mapping[str, Any], change: Change
) -> dict[str, Any] | None:
    """Call every hook in turn; the first None ends it.

    Raises:
        TransformFailedError: One failed.
    """
    current = dict(document)
    for transform in transforms:
        try:
            result = transform.call(current, change)
        except Exception as error:
            raise TransformFailedError(f"hook {transform.name} raised {type(error).__name__}") from error
        if result is None:
            return None
        if not isinstance(result, dict):
            raise TransformFailedError(f"hook {transform.name} returned a {type(result).__name__}")
        current = result
    return current


def rename_fields(renames: Mapping[str, Mapping[str, str]]) -> Transform:
    """Make a hook that gives top-level fields the names R0 has for them.

    Args:
        renames: By collection as the database calls it, `{old: new}`. A new name that the document
            already has is left as it is, and the old field stays, too.
    """

    def rename(document: dict[str, Any], change: Change) -> dict[str, Any] | None:
        for old, new in renames.get(change.collection, {}).items():
            if old in document and new not in document:
                document[new] = document.pop(old)
        return document

    return rename
