"""Bad input ends as a dead letter with its reason and its bytes; odd but valid input is taken as it is.

RULES 1-8, and the issue's "Bad input": nothing blocks, crashes or leaks.
"""

import json
import random
from collections import Counter
from datetime import timedelta

import pytest

from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.messages import KEPT_BYTES
from inventory_assets.domain.ingest.process import Message, parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.outgoing.owed import owed_dead_letter
from inventory_assets.messaging.client import OutgoingMessage, size_of
from inventory_assets.messaging.envelopes import decode_protobuf
from inventory_assets.messaging.topology import load_topology
from inventory_assets.settings import Settings
from inventory_assets.wiring import ingest_of
from tests import builders
from tests.builders import PUBLISHED_AT, command, envelope, level, message, rule, transaction
from tests.envelopes import ADJUSTMENTS, SERVICES, adjustment, cloudevent, event_of, protobuf, service_event, structured
from tests.facts import differences, rows, value
from tests.hostile_envelopes import BAD_ENVELOPES, Bad
from tests.messaging.brokers import our_emulator


def spliced(old: bytes, new: bytes, document: dict | None = None) -> bytes:
    """A document's bytes with something no encoder writes."""
    body = json.dumps(document or transaction("T")).encode()
    assert old in body
    return body.replace(old, new, 1)


QUANTITY = b'"quantity": -1'
VALID = json.dumps(transaction("T")).encode()
AHEAD = (PUBLISHED_AT + timedelta(hours=24, microseconds=1)).isoformat()

BAD = {
    # RULES 1 and 7: the bytes
    "empty": Bad(b"", "invalid_json"),
    "white space": Bad(b" \n", "invalid_json"),
    "no JSON": Bad(b"quantity=-1", "invalid_json"),
    "truncated": Bad(VALID[:-2], "invalid_json"),
    "trailing data": Bad(VALID + b"{}", "invalid_json"),
    "trailing comma": Bad(VALID[:-1] + b",}", "invalid_json"),
    "comment": Bad(VALID[:-1] + b"/**/}", "invalid_json"),
    "single quotes": Bad(VALID.replace(b'"', b"'"), "invalid_json"),
    "an array": Bad(b"[" + VALID + b"]", "invalid_json"),
    "a string": Bad(b'"ORDER"', "invalid_json"),
    "null": Bad(b"null", "invalid_json"),
    "UTF-8 BOM": Bad(b"\xef\xbb\xbf" + VALID, "invalid_json"),
    "UTF-16": Bad(VALID.decode().encode("utf-16"), "invalid_json"),
    "invalid UTF-8": Bad(spliced(b'"T"', b'"T\xff\xfe"'), "invalid_json"),
    "overlong UTF-8": Bad(spliced(b'"T"', b'"T\xc0\xaf"'), "invalid_json"),
    "UTF-8 surrogate": Bad(spliced(b'"T"', b'"T\xed\xa0\x80"'), "invalid_json"),
    "lone surrogate escape": Bad(spliced(b'"T"', b'"T\\ud800"'), "invalid_json"),
    "raw control character": Bad(spliced(b'"T"', b'"T\n"'), "invalid_json"),
    "NaN": Bad(spliced(QUANTITY, b'"quantity": NaN'), "invalid_json"),
    "infinity": Bad(spliced(QUANTITY, b'"quantity": -Infinity'), "invalid_json"),
    "leading zero": Bad(spliced(QUANTITY, b'"quantity": -01'), "invalid_json"),
    "plus sign": Bad(spliced(QUANTITY, b'"quantity": +1'), "invalid_json"),
    "key twice": Bad(VALID[:-1] + b', "quantity": -2}', "invalid_json"),
    "key twice, escaped": Bad(VALID[:-1] + b', "quant\\u0069ty": -2}', "invalid_json"),
    "key twice, equal value": Bad(VALID[:-1] + b', "quantity": -1}', "invalid_json"),
    "key twice, nested": Bad(VALID[:-1] + b', "x": {"a": 1, "a": 1}}', "invalid_json"),
    "key twice, hidden by a string": Bad(VALID[:-1] + b', "a" : "\\":", "a" :1}', "invalid_json"),
    "depth 101": Bad(VALID[:-1] + b', "x": ' + b"[" * 100 + b"]" * 100 + b"}", "invalid_json"),
    "depth 100,000": Bad(b"[" * 100_000, "invalid_json"),
    "depth 100,000 of objects": Bad(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "invalid_json"),
    "over 10 MB": Bad(VALID[:-1] + b', "x": "' + b"y" * 10_485_000 + b'"}', "too_large"),
    # RULES 2: the kind
    "unknown shape": Bad({"hello": "world"}, "unknown_kind"),
    "empty object": Bad({}, "unknown_kind"),
    "long unknown keys": Bad({"€" * 300 + str(i): 1 for i in range(12)}, "unknown_kind"),
    "transaction on the levels' topic": Bad(transaction("T"), "wrong_topic", builders.UPDATES),
    "transaction on the rules' topic": Bad(transaction("T"), "wrong_topic", builders.THRESHOLDS),
    "level on the transactions' topic": Bad(level(), "wrong_topic", builders.TRANSACTIONS),
    "rule on the control topic": Bad(rule(), "wrong_topic", builders.CONTROL),
    "control on the rules' topic": Bad(command("pause"), "wrong_topic", builders.THRESHOLDS),
    # RULES 3: required fields
    **{
        f"{how} {field}": Bad(
            {k: v for k, v in transaction("T").items() if k != field} | ({field: None} if how == "null" else {}),
            "missing_field" if (how, field) != ("no", "transaction_type") else "unknown_kind",
        )
        for field in transaction("T")
        for how in ("no", "null")
    },
    "level without time": Bad(level() | {"last_updated": None}, "missing_field"),
    "level without stock": Bad(level() | {"current_stock": None}, "missing_field"),
    "rule without level_id": Bad(rule(level_type="SKU"), "missing_field"),
    "transfer to nowhere": Bad(transaction("T", "TRANSFER", 5), "missing_field"),
    "document is text": Bad({"operation": "insert", "document": "see attachment"}, "missing_field"),
    "document is null": Bad({"operation": "insert", "document": None}, "missing_field"),
    # RULES 4: ids
    "id of 257 bytes": Bad(transaction("T" * 257), "invalid_id"),
    "id of 257 bytes in 129 characters": Bad(transaction("é" * 128 + "x"), "invalid_id"),
    "empty id": Bad(transaction("T", sku=""), "invalid_id"),
    "number as id": Bad(transaction("T", sku=4711), "invalid_id"),
    "boolean as id": Bad(transaction("T", warehouse_id=True), "invalid_id"),
    "list as id": Bad(transaction("T", warehouse_id=["W1"]), "invalid_id"),
    "outer space": Bad(transaction("T", sku=" S1"), "invalid_id"),
    "outer no-break space": Bad(transaction("T", sku="S1\u00a0"), "invalid_id"),
    "NUL in an id": Bad(transaction("T", sku="S\u00001"), "invalid_id"),
    "line break in an id": Bad(transaction("T", sku="S\n1"), "invalid_id"),
    "escape code in an id": Bad(transaction("T", warehouse_id="\u001b[2J"), "invalid_id"),
    "C1 control in an id": Bad(transaction("T", sku="S\u009b1"), "invalid_id"),
    "bad parent id": Bad(level(department_id="\t"), "invalid_id"),
    "bad row id": Bad(transaction("T"), "invalid_id", None, {"row_id": "r\u0000"}),
    # RULES 5: integers
    **{
        f"quantity {shown}": Bad(transaction("T", "RESTOCK", quantity), "invalid_value")
        for shown, quantity in {
            "true": True, "1.5": 1.5, "text": "two", "empty text": "", "text 1.0": "1.0", "text 1e3": "1e3",
            "text +1": "+1", "text ' 1'": " 1", "Arabic digits": "١", "10^12+1": 10**12 + 1, "2^53 float": 2.0**53,
            "2^63": 2**63, "2^64": 2**64, "10^400": 10**400, "text of 5,000 digits": "9" * 5000, "list": [1],
            "object": {"n": 1}, "$numberLong number": {"$numberLong": 5}, "$numberDouble NaN": {"$numberDouble": "NaN"},
            "$numberDouble inf": {"$numberDouble": "Infinity"},
        }.items()
    },
    "exponent beyond double": Bad(spliced(QUANTITY, b'"quantity": -1e400'), "invalid_json"),
    "level text stock": Bad(level("12 pcs"), "invalid_value"),
    "level boolean stock": Bad(level(False), "invalid_value"),
    "restock flag as text": Bad(level(restock_in_progress="yes"), "invalid_value"),
    # RULES 6: times
    **{
        f"time {text!r}": Bad(transaction("T", at=text), "invalid_value")
        for text in (
            "2022-13-45T25:61:00Z", "2022-02-30T00:00:00Z", "yesterday at noon", "2022-04-20T07:00Z!",
            "20220420T070000Z", "2022-04-20T07:00:00 Europe/Berlin", "2022-04-20T07:00:00+99:00",
        )
    },
    "time as number": Bad(transaction("T") | {"timestamp": 1650438000}, "invalid_value"),
    "just over 24 h ahead": Bad(transaction("T", at=AHEAD), "event_time_out_of_range"),
    "year 9999": Bad(transaction("T", at="9999-12-31T23:59:59Z"), "event_time_out_of_range"),
    "before the start date": Bad(transaction("T", at="2009-12-31T23:59:59.999999Z"), "event_time_out_of_range"),
    "year 1": Bad(transaction("T", at="0001-01-01T00:00:00+23:59"), "event_time_out_of_range"),
    "$date beyond all time": Bad(
        transaction("T") | {"timestamp": {"$date": {"$numberLong": "9" * 18}}}, "event_time_out_of_range"
    ),
    "$date beyond 64 bits": Bad(transaction("T") | {"timestamp": {"$date": 10**17}}, "event_time_out_of_range"),
    "last_updated beyond all time beside a good updated_at": Bad(
        level(updated_at=builders.moment("07:00")) | {"last_updated": {"$date": 10**17}}, "event_time_out_of_range"
    ),
    # RULES 7-8: enumerations and signs
    "status in lower case": Bad(transaction("T", status="completed"), "invalid_value"),
    "status as list": Bad(transaction("T", status=["COMPLETED"]), "invalid_value"),
    "SHIPPED order": Bad(transaction("T", status="SHIPPED"), "invalid_value"),
    "unknown type": Bad(transaction("T", "SALE"), "invalid_value"),
    "type as object": Bad(transaction("T") | {"transaction_type": {}}, "invalid_value"),
    "order above 0": Bad(transaction("T", quantity=1), "invalid_sign"),
    "order above 0, cancelled": Bad(transaction("T", quantity=1, status="CANCELLED"), "invalid_sign"),
    "restock below 0": Bad(transaction("T", "RESTOCK", -1), "invalid_sign"),
    "zero": Bad(transaction("T", "ADJUSTMENT", 0), "invalid_sign"),
    "transfer to itself": Bad(transaction("T", "TRANSFER", 5, to_warehouse_id="W1"), "invalid_value"),
    # the envelope
    "operation as list": Bad(envelope(transaction("T"), 0, operation=["insert"]), "invalid_value"),
    "operation as object": Bad(envelope(transaction("T"), 0, operation={}), "invalid_value"),
    "cluster time as text": Bad(envelope(transaction("T"), 0, cluster_time="now"), "invalid_value"),
    "cluster time without increment": Bad(envelope(transaction("T"), 0, cluster_time={"t": 1}), "invalid_value"),
    "epoch as boolean": Bad(envelope(transaction("T"), 0, source_epoch=True), "invalid_value"),
    # RULES 22: rules
    "min over reorder": Bad(rule(20, 10), "invalid_threshold"),
    "negative min": Bad(rule(-1, 10), "invalid_threshold"),
    "nothing set": Bad(rule(None, None), "invalid_threshold"),
    "negative days": Bad(rule(min_threshold_days=-1), "invalid_threshold"),
    "negative cooldown": Bad(rule(alert_settings={"cooldown_period_minutes": -1}), "invalid_threshold"),
    "settings as list": Bad(rule(alert_settings=[1]), "invalid_threshold"),
    "unknown level": Bad(rule(level_type="SHELF", level_id="x"), "invalid_value"),
    "level as list": Bad(rule(level_type=["SKU"]), "invalid_value"),
    "deleted as text": Bad(rule(deleted="yes"), "invalid_value"),
    # RULES 36: commands
    "unknown command": Bad(command("explode"), "invalid_command"),
    "command as list": Bad(command("pause") | {"command": ["pause"]}, "invalid_command"),
    "command without reason": Bad(command("pause", reason=None), "missing_field"),
    # what rides along on a refused message must not break its letter
    "replay attempt as text": Bad(b"!", "invalid_json", None, {"replay_attempt": "many"}),
    "replay attempt beyond 64 bits": Bad(b"!", "invalid_json", None, {"replay_attempt": "9" * 30}),
    "replay attempt of 5,000 digits": Bad(b"!", "invalid_json", None, {"replay_attempt": "9" * 5000}),
    # RULES 38-41: other envelopes
    **BAD_ENVELOPES,
}  # fmt: skip

HOSTILE_IDS = (
    "../../../../etc/passwd", "/etc/passwd", "C:\\nul", "~root", "file:///etc/passwd", "a/b", ".", "..",
    "x'; DROP TABLE core.sku_state; --", "x'); DELETE FROM ducklake_table; --", 'a"b', "a'b", "a`b", "a;b", "--",
    "%s%n", "{0}", "${HOME}", "$(touch pwned)", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "[bold red]x[/]",
    "a:b", "a%3Ab", "NULL", "null", "true", "-1", "0", "1e9", "\u202eevil", "e\u0301", "é", "日本", "😀", "a\u2028b",
    "S" * 256,
)  # fmt: skip


@pytest.fixture(scope="module")
def sent():
    """The bad messages, by name, amid good ones."""
    return {
        name: message(bad.body, topic=bad.topic, ordering_key="k'\u0000\n", **bad.attributes)
        for name, bad in BAD.items()
    }


@pytest.fixture(scope="module")
def engine(tmp_path_factory, sent):
    """A lake that took all of it in one burst, good messages before and after."""
    engine = Engine(Settings(home=tmp_path_factory.mktemp("hostile") / "home"))
    good = builders.messages(level(100, "06:00"), transaction("GOOD", quantity=-1))
    odd: list[Message] = []
    for hostile in HOSTILE_IDS:
        key = {"sku": hostile, "warehouse_id": hostile}
        odd += builders.messages(
            level(100, "06:00", category_id=hostile, **key), transaction(hostile, quantity=-100, **key)
        )
    engine.commit_burst([good[0], *sent.values(), *odd, good[1]])
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def letters(engine):
    columns = "message_id, topic, reason, detail, attempts, data, data_bytes, position, trace, error_class"
    found = engine.lake.query(f"SELECT {columns} FROM core.dead_letters").iter_rows(named=True)
    return {row["message_id"]: row for row in found}


@pytest.mark.parametrize("name", BAD)
def test_bad_message_becomes_a_dead_letter_with_its_reason_and_bytes(name, sent, letters):
    letter = letters[sent[name].message_id]

    assert letter["reason"] == BAD[name].reason, letter["detail"]
    whole = sent[name].data
    assert letter["data"] == (whole[:KEPT_BYTES] if letter["reason"] == "too_large" else whole)
    assert letter["topic"] == sent[name].topic
    assert letter["detail"]
    assert letter["attempts"] >= 1
    assert letter["error_class"]


@pytest.mark.parametrize("name", BAD)
def test_dead_letter_fits_what_pubsub_takes(name, sent, letters):
    """One attribute over 1,024 bytes, or 10 MB in all, and the service refuses the whole request, for ever."""
    letter = letters[sent[name].message_id]
    names = ("message_id", "topic", "reason", "detail", "data", "data_bytes", "position", "trace")

    told = owed_dead_letter(*(letter[name] for name in names)).message

    assert max(len(text.encode()) for text in told.attributes.values()) <= 1024
    assert size_of(told) <= 10_010_000
    assert sent[name].data.startswith(told.data)
    assert len(letter["detail"]) <= 2000


def test_two_thousand_hostile_messages_have_an_outcome_each_and_hold_up_nobody():
    """Drawn over all envelopes, a good one of the same ordering key behind every ten: each good one counts."""
    rng = random.Random(38)
    names = [*BAD_ENVELOPES, *rng.choices([*BAD_ENVELOPES], k=2000 - len(BAD_ENVELOPES))]
    rng.shuffle(names)
    good = [
        lambda n: message(adjustment(event_id=f"g{n}"), topic=ADJUSTMENTS),
        lambda n: structured(cloudevent("stock.adjusted", {"sku": "S1", "warehouse_id": "W1", "quantity_change": -1}, f"g{n}"), topic=SERVICES),
        lambda n: message(service_event(event_id=f"g{n}"), topic=SERVICES),
        lambda n: protobuf(event_of(transaction(f"g{n}")), ("JSON", "BINARY")[n % 2]),
    ]  # fmt: skip
    stream: list[tuple[str, Message]] = []
    for number, name in enumerate(names):
        bad = BAD_ENVELOPES[name]
        stream.append((bad.reason, message(bad.body, topic=bad.topic, ordering_key="lane", **bad.attributes)))
        if number % 10 == 9:
            stream.append(("applied", good[number // 10 % 4](number)))

    state, settings = InventoryState(), ParseSettings(decode_protobuf=decode_protobuf)
    outcomes: list[str] = []
    for burst in builders.cut(stream, 100):
        parsed = parse_burst([sent for _, sent in burst], settings)
        result = process_burst(state, parsed, version=state.version + 1)
        result.draft.merge(state.version + 1, 0)
        outcomes += [str(a.rejection.reason if a.rejection else a.outcome) for a in result.arrivals]

    assert [expected for expected, _ in stream] == outcomes
    assert state.keys[("W1", "S1")].on_hand == -200
    assert len(BAD_ENVELOPES) >= 25 and min(Counter(names).values()) >= 1


LANES = 8
LAST = {
    builders.TRANSACTIONS: lambda lane: transaction(f"LAST-{lane}", quantity=-1),
    builders.UPDATES: lambda lane: level(5, sku=f"LAST-{lane}"),
    builders.THRESHOLDS: lambda lane: rule(1, 2, level_type="SKU", level_id=f"LAST-{lane}"),
    builders.CONTROL: lambda lane: command("pause", sku=f"LAST-{lane}"),
    ADJUSTMENTS: lambda lane: adjustment(event_id=f"LAST-{lane}"),
    SERVICES: lambda lane: service_event(event_id=f"LAST-{lane}"),
}


def test_no_ordering_key_is_blocked_at_a_broker(tmp_path):
    """The same through a broker, 8 ordering keys on each topic: what comes last of each key is taken in.

    Without what a broker refuses to take (a schema's mark, an attribute of over 1,024 bytes), and without bodies that
    only take long to send.
    """
    rng = random.Random(17)
    made = {name: message(bad.body, topic=bad.topic, **bad.attributes) for name, bad in BAD.items()}
    classes = [
        name
        for name, sent in made.items()
        if len(sent.data) < 20_000
        and name != "just over 24 h ahead"  # of a time that is past by now
        and not any(attribute.startswith("goog") or len(text) > 1_024 for attribute, text in sent.attributes.items())
    ]
    names = [*classes, *rng.choices(classes, k=2_000 - len(classes))]
    rng.shuffle(names)
    sending = [
        OutgoingMessage(
            made[name].topic, made[name].data, made[name].attributes | {"number": f"{number}"}, f"key-{number % LANES}"
        )
        for number, name in enumerate(names)
    ]
    sending += [
        OutgoingMessage(topic, json.dumps(last(lane)).encode(), {"number": f"{10_000 + lane}"}, f"key-{lane}")
        for topic, last in LAST.items()
        for lane in range(LANES)
    ]

    with our_emulator() as host:
        settings = Settings(home=tmp_path / "home", project="hostile", emulator_host=host)
        with ingest_of(settings) as ingest:
            ingest.publisher.publish(sending)
            summary = ingest.run(max_seconds=600, wait_seconds=1, until_empty=True)
            arrived = rows(
                ingest.engine.lake,
                "SELECT topic, ordering_key, json_extract_string(attributes, '$.number')::INT, outcome "
                "FROM raw.messages ORDER BY version, seq",
            )

    assert len(classes) >= 25
    assert {"dead_lettered": 2_000, "applied": LANES * len(LAST)} == summary.outcomes
    assert len(sending) == len(arrived)
    assert sorted(int(each.attributes["number"]) for each in sending) == sorted(number for _, _, number, _ in arrived)
    ordered = {each.topic for each in load_topology().subscriptions if each.ordering}
    for topic in LAST:
        for lane in range(LANES):
            of_key = [each for each in arrived if each[:2] == (topic, f"key-{lane}")]
            assert "applied" == next(outcome for *_, number, outcome in of_key if number >= 10_000)
            if topic in ordered:
                assert [number for *_, number, _ in of_key] == sorted(number for *_, number, _ in of_key)


def test_nothing_bad_moved_any_stock(engine):
    assert rows(engine.lake, "SELECT on_hand, reserved FROM core.sku_state WHERE sku = 'S1'") == [(99, 0)]
    assert value(engine.lake, "SELECT count(*) FROM core.dead_letters") == len(BAD)
    assert value(engine.lake, "SELECT count(*) FROM core.threshold_rules") == 0
    assert differences(engine) == []


def test_odd_ids_are_taken_byte_for_byte(engine):
    """Compared byte for byte: composed and decomposed letters are two SKUs (RULES 4)."""
    found = rows(engine.lake, "SELECT warehouse_id, sku, on_hand FROM core.sku_state WHERE sku <> 'S1'")

    assert sorted(found) == sorted((id_, id_, 0) for id_ in HOSTILE_IDS)
    assert value(engine.lake, "SELECT count(*) FROM out.alerts WHERE alert_type = 'STOCKOUT'") == len(HOSTILE_IDS)


def test_odd_ids_touch_no_table_and_no_file_outside_home(engine):
    home = engine.settings.home

    assert [path.name for path in home.parent.iterdir()] == [home.name]
    assert {path.name for path in home.iterdir()} <= {"lake", "cache", "extensions", "tmp"}
    assert not [path for path in home.rglob("*") if "passwd" in path.name or "pwned" in path.name]


def test_a_hostile_key_can_be_restarted_and_queried(engine):
    """What went in as a parameter comes out as a value, also after a reload."""
    engine.drop_state()
    hostile = "x'; DROP TABLE core.sku_state; --"

    engine.commit_burst(
        builders.messages(transaction("LATER", "RESTOCK", 7, "09:00", sku=hostile, warehouse_id=hostile))
    )

    query = "SELECT on_hand FROM core.sku_state WHERE sku = ?"
    assert engine.lake.query(query, [hostile]).rows() == [(7,)]
