"""Who may what at the console, by the tokens of the home: looking, acting, whose name it is under, what is recorded."""

import json
import sqlite3

import pytest

from inventory_assets.access.audit import read_refusals, read_writes
from inventory_assets.access.gate import Gate
from inventory_assets.access.tokens import make_token, revoke_token
from inventory_assets.console.access import MAX_LOGINS, TOKEN_VARIABLE, ConsoleSetupError, Logins, access_of
from inventory_assets.domain.access.grants import Scope
from tests.console.conftest import alert_ids, take_in

VARIABLE = "a-token-of-some-length"


class Hurried:
    """Seconds of which two pass between any two looks: every request sees the tokens as they are."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 2.0
        return self.now


@pytest.fixture
def gate(settings):
    gate = Gate(settings, monotonic=Hurried())
    yield gate
    gate.close()


@pytest.fixture
def tokened(open_console, gate):
    """A console on this machine that knows the tokens of the home."""
    return open_console(access_of("127.0.0.1", None, gate=gate))


def secret(settings, name: str, scope: Scope = Scope.READ, **more) -> str:
    return make_token(settings, name, scope, **more)[1]


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def ack(client, alert: str, **headers: str):
    body = json.dumps({"reason": "on it"}).encode()
    return client.ask("POST", f"/api/alerts/{alert}/ack", body=body, content_type="application/json", **headers)


def login(client, given: str):
    host = f"127.0.0.1:{client.port}"
    return client.ask(
        "POST", "/login", body=f"token={given}&next=/thresholds".encode(),
        content_type="application/x-www-form-urlencoded", host=host, origin=f"http://{host}",
    )  # fmt: skip


def test_without_any_token_this_machine_may_everything(shop, broker, tokened, settings):
    [worst, _] = alert_ids(tokened)

    assert 202 == tokened.send("POST", f"/api/alerts/{worst}/ack", {"reason": "on it"}).status
    assert not (settings.home / "access.sqlite").exists()


def test_from_the_first_token_on_one_is_needed(shop, tokened, settings):
    given = secret(settings, "dana")

    answers = [tokened.get("/api/alerts"), tokened.get("/"), tokened.get("/api/alerts", **bearer(given))]
    revoke_token(settings, "dana")

    assert [401, 303, 200] == [each.status for each in answers]
    assert "inventory tokens make" in answers[0].text
    # The last one revoked closes the door.
    assert [401, 401] == [tokened.get("/api/alerts", **each).status for each in ({}, bearer(given))]


def test_a_reader_looks_and_a_writer_acts(shop, broker, tokened, settings):
    reader, writer = secret(settings, "reader"), secret(settings, "writer", Scope.WRITE)
    [worst] = [row["alert_id"] for row in tokened.get("/api/alerts", **bearer(reader)).json][:1]

    refused, sent = ack(tokened, worst, **bearer(reader)), ack(tokened, worst, **bearer(writer))

    assert 403 == refused.status
    assert "needs a token of scope write; 'reader' has read" in refused.json["error"]
    assert 202 == sent.status
    assert 1 == len(broker.published)


def test_an_act_is_under_the_tokens_name_unless_another_is_given(shop, broker, tokened, settings):
    writer = secret(settings, "Dana Ö", Scope.WRITE)
    ids = [row["alert_id"] for row in tokened.get("/api/alerts", **bearer(writer)).json]

    ack(tokened, ids[0], **bearer(writer))
    ack(tokened, ids[1], x_author="eve", **bearer(writer))
    take_in(shop, broker)

    shown = [tokened.get(f"/api/alerts/{each}?explain=false", **bearer(writer)).json for each in ids]
    assert ["Dana Ö", "eve"] == [each["acknowledged_by"] for each in shown]


def test_the_variables_token_may_everything_and_names_nobody(shop, broker, open_console, gate, settings):
    client = open_console(access_of("127.0.0.1", VARIABLE, gate=gate))
    reader = secret(settings, "reader")
    [worst, _] = [row["alert_id"] for row in client.get("/api/alerts", **bearer(VARIABLE)).json]

    assert 200 == client.get("/api/alerts", **bearer(reader)).status
    assert 422 == ack(client, worst, **bearer(VARIABLE)).status
    assert 202 == ack(client, worst, x_author="dana", **bearer(VARIABLE)).status
    assert {TOKEN_VARIABLE} == {row["token"] for row in read_writes(settings, 10) if row["status"]}


def test_a_browser_logs_in_with_a_token_and_sees_whose_it_is(shop, tokened, settings):
    given = secret(settings, "<b>dana</b>")

    answer = login(tokened, given)
    kept = answer.headers["set-cookie"].partition(";")[0]
    page = tokened.get("/", cookie=kept)

    assert (303, "/thresholds") == (answer.status, answer.headers["location"])
    assert given not in answer.headers["set-cookie"]
    assert 'data-holder="&lt;b&gt;dana&lt;/b&gt;"' in page.text
    assert "<bdi>&lt;b&gt;dana&lt;/b&gt;</bdi>, read" in page.text
    assert "Log out" in page.text
    assert 403 == tokened.send("POST", "/api/commands", {"command": "inhibit"}, cookie=kept).status
    # The login ends with the token.
    revoke_token(settings, "<b>dana</b>")
    assert 303 == tokened.get("/", cookie=kept).status


def test_a_reader_may_log_out(shop, tokened, settings):
    host = f"127.0.0.1:{tokened.port}"
    kept = login(tokened, secret(settings, "dana")).headers["set-cookie"].partition(";")[0]
    out = tokened.ask("POST", "/logout", cookie=kept, host=host, origin=f"http://{host}")

    assert (303, "/login") == (out.status, out.headers["location"])
    assert 303 == tokened.get("/", cookie=kept).status


def test_a_wrong_token_is_no_login(shop, tokened, settings):
    secret(settings, "dana")

    answer = login(tokened, "inv_" + "x" * 43)

    assert (401, False) == (answer.status, "set-cookie" in answer.headers)
    assert "That was not a token" in answer.text


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/alerts?warehouse=W1", 200), ("/api/stock?warehouse=W1", 200),
        ("/api/stock/tree?warehouse=W1", 200), ("/api/stock/history?sku=S1&warehouse=W1", 200),
        ("/api/stock/tree", 403), ("/api/stock/tree?warehouse=W2", 403), ("/api/stock/history?sku=S1", 403),
        ("/stock?warehouse=W1", 403),
        ("/api/thresholds/resolve?warehouse=W1&sku=S1", 200),
        ("/api/alerts", 403), ("/api/alerts?warehouse=", 403), ("/api/alerts?warehouse=W2", 403),
        ("/api/alerts?warehouse=W1&warehouse=W2", 403), ("/api/stock?sku=S1", 403), ("/api/thresholds?warehouse=W1", 403),
        ("/api/stats", 403), (f"/api/changes/{'0' * 32}", 200), ("/api/openapi.json", 403), ("/?warehouse=W1", 403), ("/healthz", 200),
    ],
)  # fmt: skip
def test_a_token_of_some_warehouses_sees_those_alone(shop, tokened, settings, path, expected):
    given = secret(settings, "floor", Scope.WRITE, warehouses=["W1"])

    answer = tokened.get(path, **bearer(given))

    assert expected == answer.status, answer.text
    if path.startswith("/api/alerts") and expected == 200:
        assert {"W1"} == {row["warehouse_id"] for row in answer.json}


def test_a_token_of_some_warehouses_acts_in_those_alone(shop, broker, tokened, settings):
    everywhere, floor = secret(settings, "all"), secret(settings, "floor", Scope.WRITE, warehouses=["W1"])
    alerts = {row["warehouse_id"]: row["alert_id"] for row in tokened.get("/api/alerts", **bearer(everywhere)).json}

    def command(body: dict) -> int:
        given = json.dumps({"reason": "r", **body}).encode()
        return tokened.ask(
            "POST", "/api/commands", body=given, content_type="application/json", **bearer(floor)
        ).status  # fmt: skip

    refused = [
        ack(tokened, alerts["W2"], **bearer(floor)).status,
        # The beginning of an id may be that of several, and an answer would name them.
        ack(tokened, "alt-", **bearer(floor)).status,
        ack(tokened, alerts["W1"][-8:], **bearer(floor)).status,
        command({"command": "inhibit"}),
        command({"command": "inhibit", "warehouse_id": "W2"}),
        command({"command": "inhibit", "warehouse_id": ["W1"]}),
        command({"command": "inhibit", "warehouse_id": {"$oid": "W1"}}),
        command({"command": "silence", "minutes": 5, "sku": "S1"}),
        command({"command": "silence", "minutes": 5, "category_id": "C"}),
        command({"command": "ack", "alert_id": alerts["W2"], "warehouse_id": "W1"}),
        command({"command": "ack", "alert_id": [alerts["W1"]]}),
        tokened.ask("PUT", "/api/thresholds", body=b"{}", content_type="application/json", **bearer(floor)).status,
        tokened.ask("DELETE", "/api/thresholds?level_type=GLOBAL", **bearer(floor)).status,
        tokened.ask("POST", "/api/thresholds/import", content_type="text/csv", body=b"", **bearer(floor)).status,
        tokened.ask(
            "POST", "/api/incidents/inc-1/note", content_type="application/json", body=b"{}", **bearer(floor)
        ).status,
    ]  # fmt: skip

    assert [403] * len(refused) == refused
    assert [] == broker.published
    assert 202 == ack(tokened, alerts["W1"], **bearer(floor)).status
    assert 202 == command({"command": "silence", "minutes": 5, "warehouse_id": "W1", "sku": "S1"})
    assert 2 == len(broker.published)


def test_a_token_of_some_warehouses_is_no_login(shop, tokened, settings):
    """The pages show all of them."""
    answer = login(tokened, secret(settings, "floor", Scope.ADMIN, warehouses=["W1"]))

    assert (403, False) == (answer.status, "set-cookie" in answer.headers)
    assert "is for &#39;W1&#39; only" in answer.text


def test_a_write_is_in_the_audit_with_what_became_of_it(shop, broker, tokened, settings):
    writer = secret(settings, "dana", Scope.WRITE)
    [worst, _] = [row["alert_id"] for row in tokened.get("/api/alerts", **bearer(writer)).json]

    sent, refused = ack(tokened, worst, **bearer(writer)), ack(tokened, "no-such", **bearer(writer))
    rule = {"level_type": "GLOBAL", "min_threshold_qty": 30, "reorder_threshold_qty": 60, "reason": "spring"}
    ruled = tokened.ask(
        "PUT", "/api/thresholds", body=json.dumps(rule).encode(), content_type="application/json", **bearer(writer)
    )

    assert (202, 404, 202) == (sent.status, refused.status, ruled.status)
    rows = [row for row in read_writes(settings, 10) if row["status"]]
    assert [("PUT", 202), ("POST", 404), ("POST", 202)] == [(row["method"], row["status"]) for row in rows]
    assert ("dana", f"ack alert_id={worst}") == (rows[2]["token"], rows[2]["resource"])
    assert (sent.json["request_id"], sent.json["message_ids"]) == (rows[2]["request_id"], rows[2]["message_ids"])
    assert "GLOBAL" in rows[0]["resource"] and rows[0]["request_id"] == ruled.json["request_id"]


def test_what_cannot_be_recorded_is_not_done(shop, broker, tokened, settings, gate, monkeypatch):
    writer = secret(settings, "dana", Scope.WRITE)
    [worst, _] = [row["alert_id"] for row in tokened.get("/api/alerts", **bearer(writer)).json]
    gate.check_writable()
    held = sqlite3.connect(settings.home / "access.sqlite", isolation_level=None)
    gate._writer.execute("PRAGMA busy_timeout = 1")
    held.execute("BEGIN IMMEDIATE")

    answer = ack(tokened, worst, **bearer(writer))
    held.close()

    assert 503 == answer.status
    assert "could not be recorded, so it was not done" in answer.text
    assert [] == broker.published
    assert 202 == ack(tokened, worst, **bearer(writer)).status


def test_a_damaged_store_opens_nothing(shop, broker, tokened, open_console, gate, settings):
    (settings.home / "access.sqlite").write_bytes(b"rubbish" * 1_000)
    both = open_console(access_of("127.0.0.1", VARIABLE, gate=Gate(settings)))

    assert [503, 503] == [tokened.get(path).status for path in ("/api/alerts", "/")]
    assert 503 == tokened.get("/api/alerts", **bearer("inv_" + "x" * 43)).status
    assert 503 == login(tokened, "inv_" + "x" * 43).status
    # Who has the variable's token needs no store; nor does a probe.
    assert 200 == both.get("/api/alerts", **bearer(VARIABLE)).status
    assert 200 == tokened.get("/healthz").status


def test_who_asks_too_often_is_told_when_to_come_again(shop, open_console, settings):
    client = open_console(access_of("127.0.0.1", None, gate=Gate(settings, monotonic=lambda: 5.0)))
    given = secret(settings, "eager", rate=1, burst=1)

    first, second = (client.get("/api/alerts", **bearer(given)) for _ in range(2))

    assert (200, 429, "1") == (first.status, second.status, second.headers["retry-after"])


def test_a_revoked_token_keeps_nobody_beside_it_waiting(shop, tokened, settings):
    """A dashboard that goes on with it may be behind the same proxy as everybody."""
    gone, good = secret(settings, "gone"), secret(settings, "good")
    revoke_token(settings, "gone")

    refused = [tokened.get("/api/alerts", **bearer(gone)).status for _ in range(10)]

    assert [401] * 10 == refused
    assert 200 == tokened.get("/api/alerts", **bearer(good)).status


def test_other_machines_need_a_token_that_is_good(settings):
    with pytest.raises(ConsoleSetupError, match="no token is good"):
        access_of("0.0.0.0", None, gate=Gate(settings))
    secret(settings, "dana")
    assert access_of("0.0.0.0", None, gate=Gate(settings)).is_needed
    revoke_token(settings, "dana")
    with pytest.raises(ConsoleSetupError, match="no token is good"):
        access_of("0.0.0.0", None, gate=Gate(settings))


def test_refusals_are_counted_by_token(shop, tokened, settings, gate):
    token, given = make_token(settings, "reader", Scope.READ)
    ack(tokened, "alt-1", **bearer(given))
    gate.tell()

    assert {("scope", token.token_id)} == {(row["reason"], row["token_id"]) for row in read_refusals(settings, 10)}


def test_logins_are_bounded():
    logins = Logins(lambda: 0.0)
    cookies = [logins.begin("tok-1") for _ in range(MAX_LOGINS + 1)]

    assert (None, "tok-1", "tok-1") == tuple(logins.token_of(cookies[each]) for each in (0, 1, -1))
