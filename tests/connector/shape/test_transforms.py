"""Hooks adapt documents, drop them or fail; what fails says whose fault it is and no more."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from inventory_assets.connector.errors import ConfigurationError
from inventory_assets.connector.shape.transforms import (
    ENTRY_POINT_GROUP,
    NamedTransform,
    TransformFailedError,
    apply_transforms,
    load_transforms,
    rename_fields,
)
from tests.connector.shape.shaped import change, transaction


def double(document, change):
    """Twice the quantity."""
    return document | {"quantity": document["quantity"] * 2}


def drop(document, change):
    """Nothing."""
    return None


class Hooks:
    """Where a hook may be, too."""

    double = staticmethod(double)


def apply(*hooks):
    """The document after some hooks."""
    given = change(transaction())
    return apply_transforms([NamedTransform(f"h{n}", hook) for n, hook in enumerate(hooks)], given.document, given)


@pytest.mark.parametrize("path", ["double", "Hooks.double"])
def test_a_hook_is_loaded_by_module_and_name(path):
    assert load_transforms([f"{__name__}:{path}"])[0].call is double


def test_a_hook_is_loaded_from_the_entry_point_group(tmp_path):
    """What an installed package offers is called by its name alone."""
    package = tmp_path / "acme-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    entry = EntryPoint("in_units", f"{__name__}:double", ENTRY_POINT_GROUP)
    (package / "entry_points.txt").write_text(f"[{entry.group}]\n{entry.name} = {entry.value}\n")
    sys.path.insert(0, str(tmp_path))
    try:
        (loaded,) = load_transforms(["in_units"])
    finally:
        sys.path.remove(str(tmp_path))

    assert (loaded.name, loaded.call) == ("in_units", double)


def test_every_hook_that_cannot_be_loaded_is_named():
    module = ModuleType("acme_text")
    module.text = "not a function"
    sys.modules["acme_text"] = module
    try:
        with pytest.raises(ConfigurationError) as error:
            load_transforms(["absent:f", "acme_text:text", "acme_text:absent", "no_such_entry"])
    finally:
        del sys.modules["acme_text"]

    lines = str(error.value).split("\n  ")[1:]
    assert [line.split(" cannot")[0] for line in lines] == [
        "TRANSFORMS: 'absent:f'", "TRANSFORMS: 'acme_text:text'", "TRANSFORMS: 'acme_text:absent'",
        "TRANSFORMS: 'no_such_entry'",
    ]  # fmt: skip


def test_hooks_are_called_in_turn():
    assert apply(double, double)["quantity"] == -4


def test_the_first_none_drops_the_document():
    assert apply(drop, double) is None


def test_a_hook_may_change_what_it_is_given():
    """The change itself stays: after a failure the same one is shaped again."""

    def spoil(document, change):
        document.clear()
        return document

    given = change(transaction())

    assert apply_transforms([NamedTransform("spoil", spoil)], given.document, given) == {}
    assert given.document == transaction()


def test_a_failing_hook_is_named_and_what_it_said_is_not():
    def fail(document, change):
        raise ValueError(f"cannot read {document['user_id']}")

    with pytest.raises(TransformFailedError) as error:
        apply(double, fail)

    assert str(error.value) == "hook h1 raised ValueError"


def test_a_hook_that_returns_something_else_has_failed():
    with pytest.raises(TransformFailedError, match="hook h0 returned a bool"):
        apply(lambda document, change: True)


def test_fields_are_renamed_and_never_written_over():
    rename = rename_fields({"transactions": {"qty": "quantity", "who": "user_id"}, "other": {"sku": "bin"}})
    given = change(transaction(who="kim"))
    del given.document["quantity"]
    given.document["qty"] = -7

    renamed = apply_transforms([NamedTransform("rename", rename)], given.document, given)

    assert (renamed["quantity"], renamed["user_id"], renamed["who"], renamed["sku"]) == (-7, "dana", "kim", "S1")
