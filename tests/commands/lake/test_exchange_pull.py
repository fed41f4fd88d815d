"""`inventory exchange pull`: rows of a real PostgreSQL server go the way of every other message."""

import json
import os
import signal
import subprocess

import pytest

from tests.commands.conftest import COMMAND
from tests.exchange_files import VARIABLE, Shop
from tests.messaging.brokers import REPOSITORY, eventually

MOVEMENTS = """
CREATE TABLE movements (id bigint PRIMARY KEY, transaction_id text, transaction_type text, status text,
    warehouse_id text, sku text, quantity numeric, "timestamp" timestamptz, note text);
CREATE TABLE counts (warehouse_id text, sku text, current_stock bigint, last_updated timestamp);
CREATE TABLE items (sku text, product_name text, unit_price numeric(12, 2), lead_time_days int, changed timestamptz);
"""
FILE = """
[pull.counts]
topic = "inventory-updates-topic"
table = "counts"

[pull.movements]
topic = "inventory-transactions-topic"
table = "movements"
cursor = "id"

[pull.items]
into = "products"
query = "SELECT sku, product_name, unit_price, lead_time_days FROM items;"
"""
STOCK = "SELECT warehouse_id, sku, on_hand FROM core.sku_state ORDER BY ALL"
OUTCOMES = "SELECT outcome, count(*)::INT AS n FROM raw.messages GROUP BY ALL ORDER BY ALL"


@pytest.fixture
def shop(postgres):
    shop = Shop(postgres)
    shop.sql(MOVEMENTS)
    return shop


@pytest.fixture
def command(run, emulator, monkeypatch, tmp_path, shop):
    """Run a command beside an emulator with topics of the test's own."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", tmp_path.name.replace("_", "-").rstrip("-"))
    monkeypatch.setenv(VARIABLE, shop.password)
    return run


@pytest.fixture
def pull(command, shop, tmp_path):
    """Pull by a file and take in what came of it: the rows that the command printed."""

    def pull_(*options, text=FILE):
        path = shop.write_file(tmp_path / "shop.toml", text)
        done = command("exchange", "pull", str(path), "--format", "json", *options)
        assert done.code == 0, done.err
        command("drain", "--wait", "0.5")
        return done.rows

    return pull_


def ask(command, query):
    found = command("sql", query, "--format", "json")
    assert found.code == 0, found.err
    return [tuple(row.values()) for row in found.rows]


def add_movement(shop, number, quantity=-1, sku="S1", **more):
    values = {
        "id": number, "transaction_id": f"T{number}", "transaction_type": "ORDER", "status": "COMPLETED",
        "warehouse_id": "W1", "sku": sku, "quantity": quantity, "timestamp": f"2024-03-01T10:{number % 60:02}:00Z",
    } | more  # fmt: skip
    names = ", ".join(f'"{name}"' for name in values)
    spelled = ", ".join(
        "NULL" if value is None else "'" + str(value).replace("'", "''") + "'" for value in values.values()
    )
    shop.sql(f"INSERT INTO movements ({names}) VALUES ({spelled})")


def test_rows_become_stock_and_a_second_pull_sends_what_is_new(command, pull, shop):
    shop.sql("INSERT INTO counts VALUES ('W1', 'S1', 100, '2024-03-01 09:00:00.000001')")
    shop.sql("INSERT INTO items VALUES ('S1', 'Lamp', 12.50, 3, now()), ('S2', NULL, NULL, NULL, now())")
    for number in range(1, 4):
        add_movement(shop, number, quantity=-number)
    first = pull()
    stock = ask(command, STOCK)
    add_movement(shop, 4, quantity=-4)
    second = pull()

    assert [(row["pull"], row["to"], row["read"], row["sent"], row["cursor"]) for row in first] == [
        ("counts", "inventory-updates-topic", 1, 1, None),
        ("movements", "inventory-transactions-topic", 3, 3, "3"),
        ("items", "products", 2, 2, None),
    ]
    assert [(row["pull"], row["read"], row["sent"], row["cursor"]) for row in second] == [
        ("counts", 1, 1, None), ("movements", 2, 1, "4"), ("items", 2, 2, None),
    ]  # fmt: skip
    assert stock == [("W1", "S1", 94)]
    assert ask(command, STOCK) == [("W1", "S1", 90)]
    assert ask(command, OUTCOMES) == [("applied", 5), ("duplicate", 1)]
    assert ask(command, "SELECT sku, product_name, unit_price, lead_time_days FROM core.products ORDER BY 1") == [
        ("S1", "Lamp", 12.5, 3), ("S2", None, None, None),
    ]  # fmt: skip
    assert command("verify").code == 0


def test_a_row_that_turns_up_at_the_cursor_is_not_missed(command, pull, shop):
    """Two rows may share a time, and the second may be committed after the first was read."""
    text = FILE.split("[pull.items]")[0].replace('cursor = "id"', 'cursor = "timestamp"')
    add_movement(shop, 1, timestamp="2024-03-01T10:00:00.123456+02:00")
    first = pull(text=text)
    add_movement(shop, 2, timestamp="2024-03-01T08:00:00.123456Z")
    second = pull(text=text)
    third = pull(text=text)

    assert [rows[1]["sent"] for rows in (first, second, third)] == [1, 1, 0]
    assert ask(command, "SELECT transaction_id FROM core.events ORDER BY 1") == [("T1",), ("T2",)]
    assert ask(command, "SELECT DISTINCT event_at FROM core.events") == [("2024-03-01T08:00:00.123456Z",)]


def test_an_overlap_reads_back_what_was_committed_late(command, pull, shop):
    """A transaction there took number 2, and committed after number 3 had been read."""
    text = FILE.split("[pull.items]")[0].replace('cursor = "id"', 'cursor = "id"\noverlap = 5')
    add_movement(shop, 1)
    add_movement(shop, 3)
    pull(text=text)
    add_movement(shop, 2)
    [_, again] = pull(text=text)
    [_, last] = pull(text=text)

    assert (again["cursor"], last["cursor"]) == ("3", "3")
    assert ask(command, "SELECT transaction_id FROM core.events ORDER BY 1") == [("T1",), ("T2",), ("T3",)]


def test_odd_ids_nulls_and_great_numbers_are_judged_as_they_are_elsewhere(command, pull, shop):
    """Nothing is lost between the server's row and the document: not a quote, not the last digit."""
    odd = """it's "q" = / \\ π 😀 <b>"""
    add_movement(shop, 1, sku=odd, quantity=-(10**12), note="x")
    add_movement(shop, 2, sku="=1+1", quantity="-7.000")
    add_movement(shop, 3, quantity=-(10**12) - 1)
    add_movement(shop, 4, quantity=None)
    add_movement(shop, 5, quantity="0.5")
    add_movement(shop, 6, timestamp="infinity")
    add_movement(shop, 7, warehouse_id=" W1")
    add_movement(shop, 8, quantity=9007199254740993)
    pull()

    assert ask(command, STOCK) == [("W1", "=1+1", -7), ("W1", odd, -(10**12))]
    assert ask(command, "SELECT data->>'transaction_id' AS t FROM (SELECT decode(data)::JSON AS data FROM core.dead_letters) ORDER BY 1") == [
        ("T3",), ("T4",), ("T5",), ("T6",), ("T7",), ("T8",),
    ]  # fmt: skip
    [(detail,)] = ask(command, "SELECT detail FROM core.dead_letters WHERE detail LIKE '%993%'")
    assert "9007199254740993" in detail


def test_a_declared_key_gives_rows_an_identity_of_their_own(command, pull, shop):
    """Two counts of one time are one level by R0's ids, by their own two; a third that says otherwise contradicts."""
    shop.sql("ALTER TABLE counts ADD COLUMN id text")
    for number, stock in (("a:1", 5), ("a%1", 5), ("a2", 6)):
        shop.sql(f"INSERT INTO counts VALUES ('W1', 'S1', {stock}, '2024-03-01 09:00:00', '{number}')")
    text = FILE.split("[pull.movements]")[0].replace('table = "counts"', 'table = "counts"\nkey = ["id"]')
    pull(text=text)
    pull(text=text)

    assert dict(ask(command, OUTCOMES))["dead_lettered"] == 2
    assert dict(ask(command, OUTCOMES))["duplicate"] == 2
    assert ask(command, "SELECT count(*)::INT AS n FROM core.events") == [(2,)]


def test_rows_without_a_cursor_are_counted_and_said(command, shop, tmp_path):
    shop.sql("ALTER TABLE movements DROP CONSTRAINT movements_pkey")
    shop.sql("ALTER TABLE movements ALTER COLUMN id DROP NOT NULL")
    add_movement(shop, 1)
    shop.sql("UPDATE movements SET id = NULL")
    add_movement(shop, 2)
    path = shop.write_file(tmp_path / "shop.toml", FILE)

    done = command("exchange", "pull", str(path), "--only", "movements", "--format", "json")

    assert [(row["read"], row["sent"]) for row in done.rows] == [(2, 1)]
    assert "1 rows have no id and are left out" in done.err


def test_another_query_under_the_same_name_is_refused_until_told(command, pull, shop, tmp_path):
    add_movement(shop, 1)
    pull()
    other = shop.write_file(tmp_path / "other.toml", FILE.replace('"movements"', '"(SELECT * FROM movements) m"'))

    refused = command("exchange", "pull", str(other), "--only", "movements")
    told = command("exchange", "pull", str(other), "--only", "movements", "--from-start", "--format", "json")

    assert refused.code == 1
    assert "--from-start" in refused.err
    assert [row["sent"] for row in told.rows] == [1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace('table = "movements"', 'table = "nowhere"'), 'relation "nowhere" does not exist'),
        (lambda text: text.replace('cursor = "id"', 'cursor = "nothing"'), "column q.nothing does not exist"),
        (lambda text: text.replace('table = "movements"', 'query = "SELECT 1; DROP TABLE movements"'), "syntax error"),
        (lambda text: text.replace('table = "movements"', 'query = "DELETE FROM movements RETURNING *"'), "syntax error"),
        (
            lambda text: text.replace('table = "movements"', "query = \"SELECT *, nextval('numbers') FROM movements\""),
            "read-only transaction",
        ),
    ],
)  # fmt: skip
def test_what_the_server_refuses_is_said_and_nothing_there_changes(command, shop, tmp_path, change, said):
    shop.sql("CREATE SEQUENCE numbers")
    add_movement(shop, 1)
    path = shop.write_file(tmp_path / "shop.toml", change(FILE))

    done = command("exchange", "pull", str(path), "--only", "movements")

    assert done.code == 1
    assert said in done.err
    assert "Traceback" not in done.err
    assert shop.sql("SELECT count(*), (SELECT is_called FROM numbers) FROM movements") == "1|f"


@pytest.mark.parametrize("how", ["wrong", "absent"])
def test_a_wrong_password_is_said_without_it(command, shop, tmp_path, monkeypatch, how):
    path = shop.write_file(tmp_path / "shop.toml", FILE)
    if how == "wrong":
        monkeypatch.setenv(VARIABLE, "hush-hush")
    else:
        monkeypatch.delenv(VARIABLE)

    done = command("exchange", "pull", str(path))

    assert done.code == 1
    assert ("password authentication failed" if how == "wrong" else VARIABLE) in done.err
    assert "hush-hush" not in done.err + done.out


def test_every_problem_of_a_file_is_said_at_once(command, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(
        '[server]\npassword_env = 5\n[push]\ntables = "all"\n[pull."a/b"]\ntopic = "nope"\ncursor = 3\n'
        '[pull.both]\ntopic = "control-topic"\ninto = "products"\ntable = "x"\nquery = "y"\noverlap = true\nwhat = 1\n'
    )

    done = command("exchange", "pull", str(path))

    assert done.code == 1
    for problem in ("server.connection", "push.tables", "'a/b'", "'nope'", "cursor was 3", "into =", "table and query",
                    "overlap was True", "pull.both.what"):  # fmt: skip
        assert problem in done.err


def test_two_pulls_at_once_are_one(command, pull, shop, tmp_path, home):
    from inventory_assets.lake.lock import writer_lock

    add_movement(shop, 1)
    path = shop.write_file(tmp_path / "shop.toml", FILE)
    with writer_lock(home / "exchange" / "movements.lock"):
        refused = command("exchange", "pull", str(path), "--only", "movements")

    assert refused.code == 1
    assert "running already" in refused.err


def test_a_pull_killed_in_the_middle_loses_and_doubles_nothing(command, pull, shop, tmp_path, home):
    """kill -9 once the first chunk's cursor is on disk; what comes again is a duplicate."""
    shop.sql(
        "INSERT INTO movements SELECT i, 'T' || i, 'ORDER', 'COMPLETED', 'W1', 'S' || i % 7, -1, "
        "timestamptz '2024-03-01' + i * interval '1 second', repeat('x', 200) FROM generate_series(1, 60000) i"
    )
    path = shop.write_file(tmp_path / "shop.toml", FILE)
    place = home / "exchange" / "movements.json"
    process = subprocess.Popen(
        [str(COMMAND), "exchange", "pull", str(path), "--only", "movements"],
        cwd=REPOSITORY, env={**os.environ, "INVENTORY_HOME": str(home)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    eventually(lambda: place.exists() or process.poll() is not None, every=0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = int(json.loads(place.read_bytes())["value"])
    pull("--only", "movements")

    assert 0 < reached < 60_000
    assert ask(command, "SELECT count(*)::INT AS n, count(DISTINCT transaction_id)::INT AS d FROM core.events") == [
        (60_000, 60_000)
    ]
    assert ask(command, "SELECT sum(on_hand)::INT AS n FROM core.sku_state") == [(-60_000,)]
