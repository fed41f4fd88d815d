"""A record that is no checkpoint is refused; it is never taken for a fresh one."""

import json

import pytest

from inventory_assets.connector.errors import StoreDamagedError
from inventory_assets.connector.state.stores import codec
from tests.connector.state.stores.test_contract import FULL

RECORD = codec.to_json_values(codec.to_record(FULL))


def test_a_record_is_json_and_comes_back():
    read = codec.from_json_values(json.loads(json.dumps(RECORD)))

    assert FULL == codec.from_record(read, where="a file")


def test_an_ordinary_token_is_stored_as_the_shell_writes_it():
    """An operator pastes it into `watch([], {resumeAfter: …})`."""
    assert '{"_data": "82AB"}' == codec.to_json_values({"token": {"_data": "82AB"}})["token"]


def test_a_token_that_is_no_json_is_damage():
    with pytest.raises(StoreDamagedError, match="token"):
        codec.from_record(codec.from_json_values({**RECORD, "token": '{"_data'}), where="a file")


@pytest.mark.parametrize("field", sorted(RECORD))
def test_a_record_without_one_of_its_fields_is_damaged(field):
    record = {name: value for name, value in codec.to_record(FULL).items() if name != field}

    with pytest.raises(StoreDamagedError, match=field):
        codec.from_record(record, where="a file")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 2), ("phase", "resting"), ("token", "82AB"), ("source_epoch", None), ("source_epoch", True),
        ("source_epoch", 1.5), ("revision", "1"), ("moved_at", "yesterday"), ("moved_at", "2026-03-04T05:06:07"),
        ("cluster_time", {"t": 1}), ("cluster_time", 5), ("gaps", None), ("gaps", [{}]), ("connector_id", None),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_damage(field, value):
    with pytest.raises(StoreDamagedError, match="a file"):
        codec.from_record({**codec.to_record(FULL), field: value}, where="a file")
