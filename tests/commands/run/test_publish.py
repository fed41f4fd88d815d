"""`inventory publish` of rows: R2's example, the dry run, what is refused, going on after a break."""

import io
import json
import os
import uuid

import grpc
import pytest
from google.protobuf.proto import serialize_length_prefixed
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.schema_service import SchemaServiceClient
from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

from tests import builders
from tests.conftest import copy_home
from tests.envelopes import adjustment, event_of
from tests.messaging.brokers import REPOSITORY

EXAMPLES = REPOSITORY / "examples"
MAP = ("--map", str(EXAMPLES / "inventory_adjustments.toml"))
AT = "2025-03-01T08:00:00Z"
HEAD = b"sku,warehouse_id,quantity,timestamp\n"
GOOD, BAD = f"S1,W1,5,{AT}\n".encode(), f'S1,W1,"1,5",{AT}\n'.encode()
ROWS = ("publish", "-", "--topic", "inventory-topic", "--format-in", "csv")


@pytest.fixture
def command(run, emulator, empty_home, home, monkeypatch):
    """Run commands in a project of the test's own, on a lake of its own."""
    copy_home(empty_home, home)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", f"p{uuid.uuid4().hex[:8]}")
    return run


@pytest.fixture
def alone(run, monkeypatch):
    """Run commands without a broker: whoever asks one fails."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    return run


def test_the_example_moves_each_item_and_alerts_where_it_falls_below_20(command, run):
    """R2: an opening state of ten items, then ten adjustments; published again they change nothing."""
    rule = builders.rule(20, None, updated_at="2025-03-01T00:00:00Z")
    state = ("publish", str(EXAMPLES / "inventory_state.json"), "--format-in", "state", *MAP)
    changes = ("publish", str(EXAMPLES / "inventory_adjustments.csv"), "--format-in", "csv", *MAP)

    assert command("publish", "-", "--topic", builders.THRESHOLDS, stdin=json.dumps(rule).encode()).code == 0
    assert command(*state, "--topic", builders.UPDATES, "--time", "2025-03-03T07:00:00Z").code == 0
    command("drain", "--wait", "3")
    assert command(*changes, "--topic", "inventory-topic").code == 0
    command("drain", "--wait", "3")
    assert command(*changes, "--topic", "inventory-topic").code == 0
    again = command("drain", "--wait", "3", "--format", "json").rows

    stock = run("sql", "SELECT on_hand FROM core.sku_state ORDER BY sku", "--format", "json").rows
    assert [85, 55, 19, 55, 65, 19, 20, 55, 60, 20] == [row["on_hand"] for row in stock]
    alerts = run("alerts", "--format", "json").rows
    assert [("ITEM-003", 19), ("ITEM-006", 19)] == sorted((row["sku"], row["current_stock"]) for row in alerts)
    assert [{"outcome": "duplicate", "messages": 10}] == again


def test_rows_go_out_as_the_topics_schema_asks(command, emulator):
    """RULES 41: adjustments as `InventoryEvent`, which the broker holds to its schema, and the same stock."""
    project = os.environ["GOOGLE_CLOUD_PROJECT"]
    channel = grpc.insecure_channel(emulator)
    definition = (REPOSITORY / "inventory_assets/messaging/proto/inventory.proto").read_text()
    schema = {"name": "inventory", "type_": "PROTOCOL_BUFFER", "definition": definition}
    made = SchemaServiceClient(transport=SchemaServiceGrpcTransport(channel=channel)).create_schema(
        parent=f"projects/{project}", schema=schema, schema_id="inventory"
    )
    settings = {"schema": made.name, "encoding": "JSON"}
    topic = {"name": f"projects/{project}/topics/inventory-topic", "schema_settings": settings}
    PublisherClient(transport=PublisherGrpcTransport(channel=channel)).create_topic(request=topic)
    channel.close()

    assert command(*ROWS, stdin=HEAD + GOOD).code == 0
    drained = command("drain", "--wait", "3", "--format", "json").rows

    assert [{"outcome": "applied", "messages": 1}] == drained
    [message] = command("sql", "SELECT decode(data) AS data FROM raw.messages", "--format", "json").rows
    assert {"item_id": "S1", "adjustment": 5, "timestamp": "2025-03-01T08:00:00.000000Z", "warehouse_id": "W1"} == (
        json.loads(message["data"])
    )
    assert 1 == command(*ROWS[:-1], "json", stdin=b'{"item_id": 5}\n').code


def test_a_dry_run_shows_what_each_row_becomes_and_asks_no_broker(alone):
    found = alone(*ROWS, "--dry-run", "--format", "json", stdin=HEAD + GOOD + BAD)

    good, bad = found.rows
    assert 1 == found.code
    assert ("transaction", "S1", "ADJUSTMENT", 5, None) == tuple(
        good[name] for name in ("becomes", "sku", "type", "quantity", "problem")
    )
    assert '"transaction_id":"file/' in good["message"]
    assert (3, None, True) == (bad["line"], bad["message"], "'1,5'" in bad["problem"])
    assert "2 rows; would be published: 1 transaction" in found.err
    assert 0 == alone(*ROWS, "--dry-run", "--skip-bad", stdin=HEAD + GOOD + BAD).code
    assert 0 == alone(*ROWS, "--dry-run", stdin=HEAD + GOOD).code


def test_a_dry_run_of_lines_says_which_would_be_dead_letters(alone):
    stdin = b'{"x": 1}\n\n' + json.dumps(builders.level(5)).encode() + b"\n"
    found = alone("publish", "-", "--topic", builders.UPDATES, "--dry-run", "--format", "json", stdin=stdin)

    assert [(1, True), (3, False)] == [(row["line"], "unknown_kind" in (row["problem"] or "")) for row in found.rows]


def test_nothing_of_a_file_with_a_bad_row_is_published_unless_asked(command):
    refused = command(*ROWS, stdin=HEAD + GOOD + BAD)
    nothing = command("drain", "--wait", "0.2", "--format", "json").rows
    asked = command(*ROWS, "--skip-bad", stdin=HEAD + GOOD + BAD)

    assert (1, []) == (refused.code, nothing)
    assert "1 bad row, nothing published:\n  line 3: invalid_value" in refused.err
    assert (0, True) == (asked.code, "1 bad row, left out:\n  line 3" in asked.err)
    assert [{"outcome": "applied", "messages": 1}] == command("drain", "--wait", "3", "--format", "json").rows


def test_the_same_command_goes_on_where_a_try_was_cut_off(command, tmp_path):
    """A thousand messages are one request; the broker refuses the next for its attribute."""
    path = tmp_path / "m.jsonl"
    line = json.dumps({"topic": builders.UPDATES, "data": json.dumps(builders.level(5))}) + "\n"
    path.write_text(1_000 * line + line.replace('"topic"', '"attributes": {"a": "%s"}, "topic"' % (2_000 * "x")))
    publish = ("publish", str(path), "--topic", builders.UPDATES, "--format-in", "messages")

    broken, second = command(*publish), command(*publish)
    drained = command("drain", "--wait", "3", "--format", "json").rows

    assert (1, True) == (broken.code, "1,000 messages are confirmed; the same command goes on" in broken.err)
    assert (1, True) == (second.code, "1,000 messages were confirmed when an earlier try was cut off" in second.err)
    assert 1_000 == sum(row["messages"] for row in drained)
    assert "earlier try" not in command(*publish, "--again").err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--delimiter", "x"), "delimiter was 'x'"),
        (("--zone", "Mars"), "zone was 'Mars'"),
        (("--encoding", "klingon"), "encoding was 'klingon'"),
        (("--time", "noon"), "--time was 'noon'"),
        (("--topic", "nowhere"), "--topic was 'nowhere'"),
        (("--as", "r4"), "goes to inventory-events"),
        (("--format-in", "messages", "--as", "r4"), "--as is for rows"),
    ],
)
def test_what_is_asked_wrong_is_one_line(alone, more, said):
    found = alone(*ROWS, *more, stdin=HEAD + GOOD)

    assert found.code in (1, 2)
    assert said in found.err and "Traceback" not in found.err


def binary_events(*numbers):
    out = io.BytesIO()
    for number in numbers:
        serialize_length_prefixed(event_of(adjustment(number, event_id=f"e{number}")), out)
    return out.getvalue()


BINARY = ("publish", "-", "--topic", "inventory-topic", "--format-in", "protobuf")


def test_a_file_of_binary_events_goes_out_whole_or_not_at_all(command, run):
    whole = binary_events(5, -2)
    second = len(binary_events(5))

    refused = command(*BINARY, stdin=whole[:-1])
    nothing = command("drain", "--wait", "0.2", "--format", "json").rows
    asked = command(*BINARY, "--skip-bad", stdin=whole[:-1])
    command(*BINARY, stdin=whole)
    drained = command("drain", "--wait", "3", "--format", "json").rows

    assert (1, []) == (refused.code, nothing)
    assert f"1 bad row, nothing published:\n  message 2, byte {second}: its length says" in refused.err
    assert (0, True) == (asked.code, "published 1 messages" in asked.err)
    assert [{"outcome": "applied", "messages": 2}, {"outcome": "duplicate", "messages": 1}] == drained
    assert [{"on_hand": 3}] == run("sql", "SELECT on_hand FROM core.sku_state", "--format", "json").rows


def test_a_dry_run_shows_what_binary_events_become(alone):
    found = alone(*BINARY, "--dry-run", "--format", "json", stdin=binary_events(5, 0))

    good, bad = found.rows
    assert (1, "transaction", 5) == (found.code, good["becomes"], good["quantity"])
    assert "invalid_sign" in bad["problem"]


@pytest.mark.parametrize("more", [("--zone", "UTC"), ("--time", AT), ("--delimiter", ";")])
def test_what_is_for_text_is_not_for_binary_events(alone, more):
    found = alone(*BINARY, *more, stdin=binary_events(5))

    assert (2, True) == (found.code, f"{more[0]} is for files of text" in found.err)
