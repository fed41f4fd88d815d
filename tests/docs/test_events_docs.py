"""`docs/events.md` says what is taken in: its examples are, its topics and reasons are the code's."""

import json
import re

from inventory_assets.domain.events.envelopes import ENCODING, KINDS_BY_TOPIC
from inventory_assets.domain.events.kinds import Filtered, Level, Transaction
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import Message, parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.messaging.envelopes import decode_protobuf
from tests.docs.markdown import ROOT, blocks, table_names
from tests.envelopes import ADJUSTMENTS, SERVICES

EVENTS = ROOT / "docs" / "events.md"
SETTINGS = ParseSettings(decode_protobuf=decode_protobuf)
PUBLISHED_AT = 1_741_000_000_000_000  # 2025-03-03, in microseconds
NAMES = {
    "transactions": "transaction", "levels": "level", "threshold rules": "threshold", "commands": "control",
    "CloudEvents": "cloudevent", "service events": "r4_event", "adjustments": "adjustment",
}  # fmt: skip


def sent(body: bytes, topic: str, **attributes: str) -> Message:
    return Message("m", topic, PUBLISHED_AT, "", attributes, body)


def examples() -> list[Message]:
    """Each line of a JSON block, on a topic that takes it; what we say ourselves is on none."""
    found = []
    sendable = EVENTS.read_text().split("## What leaves")[0]
    for block in blocks(EVENTS):
        if block.code not in sendable:
            continue
        for line in block.code.splitlines() if block.language == "json" else ():
            if "pipeline_status" in line:
                continue
            topic = SERVICES if "eventType" in line else ADJUSTMENTS
            attributes = {ENCODING: "JSON"} if "stock_transaction" in line else {}
            found.append(sent(line.encode(), topic, **attributes))
    return found


def test_every_example_is_taken_in():
    parsed = parse_burst(examples(), SETTINGS)

    assert len(parsed) >= 12
    assert [each for each in parsed if not isinstance(each, Transaction | Level | Filtered)] == []
    moved = {each.type for each in parsed if isinstance(each, Transaction)}
    assert {"ORDER", "ADJUSTMENT", "TRANSFER", "RESERVE", "RELEASE"} == moved
    assert 2 == sum(isinstance(each, Level) for each in parsed)


def test_what_is_tried_gives_the_stock_that_is_said():
    [block] = [each for each in blocks(EVENTS) if each.language == "bash"]
    lines = map(json.loads, re.findall(r"^\{.*\}$", block.code, re.MULTILINE))
    burst = [sent(each["data"].encode(), each["topic"], **each.get("attributes", {})) for each in lines]
    result = process_burst(InventoryState(), parse_burst(burst, SETTINGS), version=1)

    key = result.draft.keys[("WH-EVENTS", "TEA-1")]
    assert "100 − 2 − 1 + 3 on hand, 5 of them reserved" in EVENTS.read_text()
    assert (100 - 2 - 1 + 3, 5) == (key.on_hand, key.reserved)


def test_each_topic_takes_what_is_said():
    """Documents of three kinds on one; the rest by their names."""
    lines = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", EVENTS.read_text(), re.MULTILINE)
    said = {
        topic: {kind for name, kind in NAMES.items() if name in text}
        | ({"transaction", "level", "threshold"} if "documents of all three kinds" in text else set())
        for topic, text in lines
        if topic in KINDS_BY_TOPIC
    }

    assert said == {topic: set(kinds) for topic, kinds in KINDS_BY_TOPIC.items()}


def test_its_reasons_are_those_of_the_guarantees():
    refused = EVENTS.read_text().split("## What is refused")[1]
    reasons = set(re.findall(r"^\| `([a-z_]+)` \|", refused, re.MULTILINE))

    assert {"unsupported_type", "schema_mismatch", "wrong_topic"} < reasons
    assert reasons <= table_names(ROOT / "docs" / "guarantees.md")


def test_each_field_of_what_leaves_has_a_row():
    """What the examples have, messages have: `commands/run/test_leaving` compares them."""
    leaves = EVENTS.read_text().split("## What leaves")[1].split("## What is refused")[0]
    for section in leaves.split("\n### ")[1:]:
        [example] = re.findall(r"^```json\n(.*?)\n```", section, re.MULTILINE | re.DOTALL)
        rows = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
        assert set(json.loads(example)) <= {name for row in rows for name in re.findall(r"`(\w+)`", row)}
