"""Who and why are one line that a terminal only shows, at whichever door they come in."""

import json

import pytest

from inventory_assets.domain.events.kinds import Rejection
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.ingest.process import Message, parse_burst
from inventory_assets.domain.values import InvalidValue, read_remark

REFUSED = (
    "a\nOK: nothing to do",
    "a\r\nb",
    "\x1b[2J",
    "a\0",
    "\x9b31m",
    "a\u2028b",
    "a\u2029b",
    "\x7f",
    "\ud800",
    "a\tb",
    "",
)


@pytest.mark.parametrize("text", REFUSED)
@pytest.mark.parametrize("field", ["reason", "issued_by"])
def test_a_command_with_control_characters_is_a_dead_letter(field, text):
    body = {"command": "pause", "warehouse_id": "W1", "reason": "r", "issued_by": "dana"} | {field: text}
    message = Message("m", Topic.CONTROL, 1_650_441_600_000_000, "", {}, json.dumps(body).encode())

    [found] = parse_burst([message], ParseSettings())

    assert isinstance(found, Rejection)


@pytest.mark.parametrize("text", ["x", "ünï 日本 😀 'q' $(x)", "x" * 1024, "\u200fעברית"])
def test_plain_text_of_any_language_passes(text):
    assert text == read_remark("reason", text)


def test_what_is_wrong_is_named():
    with pytest.raises(InvalidValue) as caught:
        read_remark("reason", "a\x1bb")

    assert "reason held the control character U+001B at 1" in caught.value.detail
