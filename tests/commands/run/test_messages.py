"""Messages through a real emulator and the command: bytes, rows, letters, products."""

import json
import uuid

import pytest

from tests import builders
from tests.builders import level, transaction
from tests.commands.conftest import run_process
from tests.conftest import copy_home


@pytest.fixture
def command(run, emulator, empty_home, home, monkeypatch):
    """Run commands in a project of the test's own, on a lake of its own."""
    copy_home(empty_home, home)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", f"p{uuid.uuid4().hex[:8]}")
    return run


def lines(*documents) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def test_published_bytes_arrive_unchanged_and_empty_lines_do_not(command, run):
    """The line is the data: its spaces, its order of keys, its carriage return not (R0)."""
    odd = b'  {"sku" :"S1", "warehouse_id":"W1","current_stock":1e2,"last_updated":"2022-04-20T07:00:00Z"}\t'
    stdin = b"\n" + odd + b"\r\n\n   \n" + b"\xff broken \n" + lines(transaction("T1", quantity=-98))

    first = command("publish", "-", "--topic", builders.UPDATES, stdin=stdin)
    drained = command("drain", "--format", "json", "--wait", "3")
    again = command("drain", "--format", "json", "--wait", "0.2")

    assert (first.code, first.out) == (0, "")
    assert "3 messages" in first.err
    assert (drained.code, again.code) == (0, 0)
    assert drained.rows == [{"outcome": "applied", "messages": 1}, {"outcome": "dead_lettered", "messages": 2}]
    assert again.rows == []
    data = "SELECT hex(data) AS data FROM raw.messages ORDER BY message_id"
    assert [bytes.fromhex(row["data"]) for row in run("sql", data, "--format", "json").rows] == [
        odd, b"\xff broken ", lines(transaction("T1", quantity=-98)).strip(),
    ]  # fmt: skip
    stock = run("sql", "SELECT on_hand, reserved, available FROM core.sku_state", "--format", "json").rows
    assert stock == [{"on_hand": 100, "reserved": 0, "available": 100}]

    # The transaction went to the wrong topic: replaying repeats the letter, once for each asking.
    replayed = command("replay-dead-letters", "--reason", "wrong_topic", "--format", "json")
    assert replayed.rows == [{"reason": "wrong_topic", "messages": 1}]
    assert command("drain", "--format", "json", "--wait", "3").rows == [{"outcome": "dead_lettered", "messages": 1}]
    attempts = "SELECT attempts FROM core.dead_letters WHERE reason = 'wrong_topic' ORDER BY 1"
    assert run("sql", attempts, "--format", "json").rows == [{"attempts": 1}, {"attempts": 2}]
    assert run("verify").code == 0


def test_csv_rows_are_events_of_their_own_and_the_file_again_is_none(command, run, tmp_path):
    """RULES 10: equal rows are two events (of one transaction, RULES 13), a second upload none.

    A quoted line break is no new row.
    """
    path = tmp_path / "orders.csv"
    header = "transaction_id,transaction_type,status,sku,warehouse_id,quantity,timestamp,note\n"
    row = 'T{},ORDER,COMPLETED,S1,W1,-2,2022-04-20T08:00:00Z,"two\nlines"\n'
    path.write_text(
        "\ufeff" + header + row.format(1) + row.format(2) + row.format(2) + "T9,ORDER,,S1,W1,-2,2022-04-20T08:00:00Z,\n"
    )
    arguments = ("publish", str(path), "--topic", builders.TRANSACTIONS, "--format-in", "csv")
    refused = command(*arguments)
    assert (1, True) == (refused.code, "line 8: missing_field: required and absent or null: status" in refused.err)
    for _ in range(2):
        assert command(*arguments, "--skip-bad").code == 0

    drained = command("drain", "--format", "json", "--wait", "3")

    assert drained.rows == [
        {"outcome": "applied", "messages": 3},
        {"outcome": "duplicate", "messages": 3},
    ]
    assert run("sql", "SELECT on_hand FROM core.sku_state", "--format", "json").rows == [{"on_hand": -4}]
    row_ids = "SELECT DISTINCT json_extract_string(attributes, '$.row_id') AS id FROM raw.messages"
    assert len(run("sql", row_ids, "--format", "json").rows) == 3
    notes = "SELECT DISTINCT json_extract_string(decode(data), '$.note') AS note FROM raw.messages ORDER BY 1"
    assert run("sql", notes, "--format", "json").rows[0] == {"note": "two\nlines"}


def test_dead_letters_come_back_after_a_fix(command, run):
    """The start date was wrong: set right, the letters are taken in, and only once."""
    early = lines(level(7, "2009-05-05T00:00:00Z"), level(8, "2009-05-06T00:00:00Z", sku="S2"))
    command("publish", "-", "--topic", builders.UPDATES, stdin=early)
    assert command("drain", "--format", "json", "--wait", "3").rows == [{"outcome": "dead_lettered", "messages": 2}]
    dry = command("replay-dead-letters", "--dry-run", "--format", "json")
    assert dry.rows == [{"reason": "event_time_out_of_range", "messages": 2}]
    fixed = {"INVENTORY_START_DATE": "2009-01-01"}

    assert command("replay-dead-letters").code == 0
    drained = run_with(command, fixed, "drain", "--format", "json", "--wait", "3")

    assert drained.rows == [{"outcome": "applied", "messages": 2}]
    assert command("replay-dead-letters", "--format", "json").rows == []
    stock = run("sql", "SELECT on_hand FROM core.sku_state ORDER BY sku", "--format", "json").rows
    assert stock == [{"on_hand": 7}, {"on_hand": 8}]


def run_with(command, environment, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return command(*arguments)


GOOD = "sku,product_name,order_up_to,pack_multiple,unit_price,min_order_qty\nS1,Lamp,40,6,9.5,12\nS2,Chair,10,,,\n"


@pytest.mark.parametrize(
    ("name", "text", "lines_named"),
    [
        ("p.csv", GOOD + "S3,Table,-1,,,\n,No sku,,,,\n", ["line 4", "line 5"]),
        ("p.csv", GOOD + 'S3,"Table\nwith a line break",1,,,\nS4,Bad,x,,,\n', ["line 6"]),
        ("p.jsonl", '{"sku":"S1"}\n\n{"sku":7}\n', ["line 3"]),
        ("p.jsonl", '{"sku":"S1","lead_time_days":1.5}\n', ["line 1"]),
        ("p.jsonl", '{"sku":"S1","order_up_to":true}\n', ["line 1"]),
        ("p.json", '[{"sku":"S1","unit_price":NaN}]', ["line 1"]),
        ("p.json", '[{"sku":"S1"}, 3]', ["line 2"]),
        ("p.json", "{not json", []),
        ("p.csv", b"sku,product_name\nS1,caf\xe9\n", []),
        ("p.csv", "sku,unit_price,product_name\nS1,1,234.50,Lamp\n", ["line 2: has 4 cells, the header 3"]),
        ("p.csv", 'sku,unit_price\nS1,"1,234.50"\n', ["line 2: unit_price was '1,234.50'"]),
        ("p.csv", "sku,unit_price,product_name\nS1,1\n", ["line 2: has 2 cells, the header 3"]),
        ("p.csv", "sku,colour\nS1,red\n", ["header was 'sku,colour': 'colour' is unknown", "expected columns of sku,"]),
        ("p.csv", "sku,unit_price,unit_price\nS1,1,2\n", ["'unit_price' is there twice"]),
        ("p.csv", "sku;product_name\nS1;Lamp\n", ["header was 'sku;product_name'", "expected commas"]),
        ("p.csv", "SKU,Name,Price\nS1,Lamp,1\n", ["header was 'SKU,Name,Price'", "did you mean sku?"]),
        ("p.csv", "\ufeff\ufeffsku\nS1\n", ["second byte order mark"]),
        ("p.csv", "product_name\nLamp\n", ["lacks sku"]),
        ("p.csv", "", ["empty; expected a header"]),
        ("p.csv", 'sku,product_name\nS1,"Lamp\nS2,Chair\n', ["line 2: a cell has no end"]),
        ("p.csv", "sku,product_name\nS1,Lamp\nS1,Chair\n", ["line 3: sku 'S1' is in line 2 too"]),
        ("P.CSV", "sku,lead_time_days\nS1,60.0\n", ["line 2: lead_time_days was '60.0'", "whole number", "write 60"]),
        ("p.csv", "sku,lead_time_days\nS1,1_000\nS2,+5\nS3,١٢\nS4, 5\n", ["line 2", "line 3", "line 4", "line 5"]),
        ("p.csv", "sku,unit_price\nS1,1_0.5\nS2,+5\nS3,١٢\nS4,nan\nS5,inf\n", ["line 2", "line 4", "line 5", "line 6"]),
        ("p.csv", "sku,lead_time_days\nS1,3651\n", ["whole number of 0 to 3,650"]),
        ("p.csv", "sku,unit_price\nS1,1000000001\n", ["number of 0 to 1,000,000,000"]),
        ("p.csv", "sku,pack_multiple\nS1,1000001\n", ["whole number of 1 to 1,000,000"]),
        ("p.csv", "sku,order_up_to\nS1,1000000000001\n", ["whole number of 0 to 1,000,000,000,000"]),
        (
            "p.jsonl",
            '{"sku":"S1","leadtime_days":5}\n',
            ["line 1: unknown field 'leadtime_days', did you mean lead_time_days"],
        ),
        ("p.jsonl", '{"sku":"S1"}\n{"sku":"S1"}\n', ["line 2: sku 'S1' is in line 1 too"]),
        (
            "p.jsonl",
            '{"sku":"S1","sku":"S2"}\n{oops\n',
            ["line 1: was no JSON object: key 'sku' appears twice", "line 2"],
        ),
        ("p.json", '[{"sku":"S1","unit_price":' + "9" * 400 + "}]", ["line 1: unit_price"]),
        ("p.json", "[" * 100_000, ["nested too deep"]),
        ("p.json", r'[{"sku":"S1","product_name":"\ud800"}]', ["not valid Unicode"]),
    ],
)
def test_a_product_file_with_a_bad_row_imports_nothing_and_names_its_lines(
    run, home, tmp_path, name, text, lines_named
):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())

    found = run("products", "import", str(path))

    assert found.code == 1
    assert "Traceback" not in found.err
    assert name in found.err
    for line in lines_named:
        assert line in found.err
    assert not home.exists()


@pytest.mark.parametrize("arguments", [("products", "import", "/dev/zero"), ("publish", "/dev/zero", "--topic", "t")])
def test_a_file_without_an_end_is_one_clear_line(run, arguments):
    """Of 4.9 GB of zeros it made a traceback."""
    topic = [builders.UPDATES if each == "t" else each for each in arguments]

    for extra in ([], ["--format-in", "csv"]) if "publish" in arguments else ([],):
        found = run(*topic, *extra)
        assert (found.code, "Traceback" in found.err) == (1, False)
        assert "zero" in found.err and "bytes" in found.err


LONG = b'{"sku": "' + b"x" * 10_000_000 + b'"}\n'
ROW = "transaction_id,transaction_type,status,sku,warehouse_id,quantity,timestamp\n"


@pytest.mark.parametrize(
    ("kind", "content", "named"),
    [
        ("json", b"{}\n" + LONG, "line 2 has 10,000,011 bytes, a message at most 10,000,000"),
        ("messages", b"[1]\n", "line 1: expected an object with data"),
        ("messages", b'{"data": "x", "topic": "nowhere"}\n', "topic was 'nowhere'"),
        ("messages", b'{"data_base64": "%%%"}\n', "line 1: expected an object with data"),
        ("messages", b'{"data": "x", "attributes": {"a": 1}}\n', "must be strings"),
        ("csv", b"sku;current_stock\nS1;5\n", "no column is the warehouse_id (of 'sku', 'current_stock')"),
        ("csv", b"sku,current_stock,current_stock\nS1,5,5\n", "'current_stock' is there twice"),
        ("csv", b"sku,current_stock,warehouse,time\nS1,1,234,W,T\nS2\n", "line 2: has 5 cells, the header 4"),
        ("csv", b'sku,current_stock,warehouse\nS1,"5,W\nS2,3\n', "line 2: a cell has no end"),
    ],
)  # fmt: skip
def test_of_a_file_with_a_bad_line_nothing_is_published(home, run, monkeypatch, kind, content, named):
    """No broker is asked: it would refuse to be."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")

    found = run("publish", "-", "--topic", builders.UPDATES, "--format-in", kind, stdin=content)

    assert found.code == 1
    assert named in found.err


@pytest.mark.big
def test_a_row_that_says_otherwise_under_the_same_id_and_time_is_told_when_published(command, tmp_path):
    """RULES 11: which of the two counts was a matter of the files' hashes; a later `updated_at` is no contradiction."""
    first, second, later = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    first.write_text(ROW + "T1,ORDER,COMPLETED,S1,W1,-2,2022-04-20T08:00:00Z\n")
    second.write_text(
        ROW
        + "".join(
            f"T{n},ORDER,COMPLETED,S1,W1,-{q},2022-04-20T08:00:00Z\n" for n, q in ((1, 3), (2, 4), (2, 4), (2, 5))
        )
    )
    later.write_text(
        ROW.replace("timestamp", "updated_at,timestamp")
        + "T1,ORDER,COMPLETED,S1,W1,-3,2022-04-20T09:00:00Z,2022-04-20T08:00:00Z\n"
    )

    def publish(path):
        return command("publish", str(path), "--topic", builders.TRANSACTIONS, "--format-in", "csv")

    quiet = publish(first).err
    command("drain", "--wait", "3")
    told, again, corrected = publish(second), publish(first), publish(later)

    assert told.code == 0
    assert "2 rows say otherwise" in told.err and "conflicting_duplicate" in told.err
    assert (
        "line 2: COMPLETED of transaction 'T1' at 'W1'" in told.err
        and "the lake has W1, S1, none, ORDER, -2" in told.err
    )
    assert "line 5" in told.err and "line 3 has" in told.err
    assert "ADJUSTMENT" in told.err and "later updated_at" in told.err
    assert "otherwise" not in quiet + again.err + corrected.err


def test_products_import_all_rows_and_again_changes_nothing(run, tmp_path):
    path = tmp_path / "products.csv"
    path.write_text(GOOD)

    assert "version 1" in run("products", "import", str(path)).err
    assert "nothing changed" in run("products", "import", str(path)).err
    columns = "sku, product_name, order_up_to, pack_multiple, unit_price, min_order_qty"
    assert run("sql", f"SELECT {columns} FROM core.products ORDER BY sku", "--format", "json").rows == [
        {
            "sku": "S1",
            "product_name": "Lamp",
            "order_up_to": 40,
            "pack_multiple": 6,
            "unit_price": 9.5,
            "min_order_qty": 12,
        },
        {
            "sku": "S2",
            "product_name": "Chair",
            "order_up_to": 10,
            "pack_multiple": None,
            "unit_price": None,
            "min_order_qty": None,
        },
    ]
    assert run("verify").code == 0


@pytest.mark.parametrize("text", [b"\xff\xfe\n", b"a,b\n\xff,1\n"])
def test_publishing_a_file_that_is_no_text_as_csv_is_one_clear_line(command, text):
    found = command("publish", "-", "--topic", builders.TRANSACTIONS, "--format-in", "csv", stdin=text)

    assert found.code == 1
    assert "Traceback" not in found.err
    assert "UTF-8" in found.err


def test_with_nothing_to_do_a_sentence_says_so(command):
    """Leased messages are spoken of where nothing came, as that is when they may be missed."""
    assert command("topics", "apply").code == 0

    again, drained = command("topics", "apply"), command("drain", "--wait", "0.2")

    assert (again.out, drained.out) == ("", "")
    assert "nothing to do" in again.err and "60 s deadline" in drained.err
    assert "no rows" not in again.err + drained.err
    command("publish", "-", "--topic", builders.UPDATES, stdin=lines(level(5)))
    assert "deadline" not in command("drain", "--wait", "3").err


def test_without_a_broker_exit_1_and_the_next_step(home):
    found = run_process("drain", "--wait", "0.1", home=home, PUBSUB_EMULATOR_HOST="localhost:1")

    assert found.code == 1
    assert "inventory emulator" in found.err
    assert "Traceback" not in found.err


def test_simulate_writes_what_publish_reads_the_same_each_time(run, tmp_path):
    small = ("simulate", "--events", "50", "--skus", "5", "--warehouses", "2")
    outputs = [run(*small, "--seed", seed).out for seed in ("7", "7", "8")]

    assert outputs[0] == outputs[1] != outputs[2]
    assert {"topic", "attributes", "ordering_key"} <= set(json.loads(outputs[0].splitlines()[0]))


def test_draining_into_a_home_that_is_not_ours_is_one_line_and_takes_nothing(command, run, home):
    """Before a message is leased: it would wait for its deadline for nothing."""
    assert command("publish", "-", "--topic", builders.UPDATES, stdin=lines(level(5))).code == 0
    (home / "owed.lock").unlink(missing_ok=True)
    (home / "owed.lock").mkdir()  # whoever is root may write all files

    found = command("drain", "--wait", "0.2")
    (home / "owed.lock").rmdir()
    again = command("drain", "--wait", "3", "--format", "json")

    assert (1, "") == (found.code, found.out)
    [line] = found.err.splitlines()
    assert "owed.lock" in line and "Run this as its owner" in line
    assert [{"outcome": "applied", "messages": 1}] == again.rows


def test_an_emulator_that_cannot_start_is_one_line(run, tmp_path):
    (tmp_path / "file").touch()

    found = run("emulator", "--port", "0", "--data", str(tmp_path / "file" / "data"))

    assert 1 == found.code
    [line] = found.err.splitlines()
    assert "cannot use the data directory" in line and "--data" in line
