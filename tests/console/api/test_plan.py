"""The plan over HTTP: the command line's lines, and decisions on many of them, each with what became of it."""

import json

import pytest
from click.testing import CliRunner

from inventory_assets.access.gate import Gate
from inventory_assets.access.tokens import make_token
from inventory_assets.cli import cli
from inventory_assets.clock import machine_now
from inventory_assets.console.access import access_of
from inventory_assets.domain.access.grants import Scope
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.replenish.lines import read_lines
from tests.builders import message
from tests.console.conftest import take_in
from tests.console.planner import LINE, OTHER, decide, planned, states
from tests.console.test_roles import Hurried
from tests.replenish.shop import DAY, plan


@pytest.fixture
def shop(open_filled):
    return open_filled(planned)


def printed(home, *arguments):
    done = CliRunner().invoke(cli, ["plan", *arguments, "--format", "json"], env={"INVENTORY_HOME": str(home)})
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("query", "arguments"),
    [("", ("--urgent",)), ("?show=all", ()), ("?show=all&supplier=ACME", ("--supplier", "ACME")),
     ("?warehouse=W2&show=all", ("--warehouse", "W2"))],
)  # fmt: skip
def test_lines_are_those_of_the_command_line(shop, home, console, query, arguments):
    answer = console.get(f"/api/plan{query}")

    assert answer.status == 200, answer.text
    assert printed(home, *arguments) == answer.json
    assert str(len(answer.json)) == answer.headers["x-total-count"]


@pytest.mark.parametrize(
    ("query", "skus"),
    [("q=lam", {"S1"}), ("q=s3", {"S3"}), ("q=%25", set()), ("no_supplier=true", {"S4"}), ("category=none", set()),
     ("show=decided", set()), ("supplier=%27%20OR%201=1", set())],
)  # fmt: skip
def test_a_filter_leaves_what_it_says(shop, console, query, skus):
    assert {row["sku"] for row in console.get(f"/api/plan?{query}").json} == skus


def test_a_list_is_sorted_and_cut(shop, console):
    whole = [row["line_id"] for row in console.get("/api/plan?show=all&sort=product").json]

    cut = console.get("/api/plan?show=all&sort=product&limit=1&offset=1")

    assert [row["line_id"] for row in cut.json] == whole[1:2]
    assert cut.headers["x-total-count"] == str(len(whole))
    assert {len(whole)} == {len(console.get(f"/api/plan?show=all&sort={sort}").json) for sort in (
        "urgency", "runs_out", "risk", "value", "warehouse")}  # fmt: skip


@pytest.mark.parametrize(
    ("query", "says"),
    [("show=some", "expected one of urgent, all, decided"), ("sort=x", "expected one of urgency"),
     ("supplier=A&no_supplier=true", "give one of the two"), ("q=" + "x" * 201, "expected at most 200"),
     ("day=1", "unknown parameter"), ("limit=0", "from 1 to 1,000")],
)  # fmt: skip
def test_a_wrong_filter_is_said(shop, console, query, says):
    answer = console.get(f"/api/plan?{query}")

    assert answer.status == 400 and says in answer.json["error"]


def test_many_lines_are_accepted_each_with_its_quantity(shop, broker, console):
    sent = decide(console, "accept", {"line_id": LINE, "quantity": 90}, OTHER)

    assert (sent.status, [each["outcome"] for each in sent.json["lines"]]) == (202, ["sent", "sent"])
    assert console.get(sent.json["outcome_url"]).json["outcome"] == "pending"
    take_in(shop, broker)
    done = console.get(sent.json["outcome_url"]).json
    assert (done["outcome"], done["taken_in"], done["problems"]) == ("applied", 2, [])
    rows = {row["line_id"]: row for row in console.get("/api/plan?show=decided").json}
    assert [(rows[line]["state"], rows[line]["decided_by"], rows[line]["decision_reason"]) for line in (LINE, OTHER)] == [
        ("accepted", "dana", "PO 1")] * 2  # fmt: skip
    assert (rows[LINE]["accepted_quantity"], rows[OTHER]["accepted_quantity"]) == (90, rows[OTHER]["order_quantity"])


def test_a_decision_is_seen_before_it_has_landed(shop, broker, console, settings):
    console.get("/api/plan")
    decide(console, "accept", LINE)
    decide(console, "snooze", OTHER, days=7)
    shop.lake.is_landed_by_others = True
    shop.commit_burst([message(each.data, topic=each.topic, published_at=machine_now()) for each in broker.published])

    reader = LakeReader(settings)
    landed = {line["line_id"]: line["state"] for line in read_lines(reader, is_all=True)}
    reader.connection.close()

    assert {landed[LINE], landed[OTHER]} == {"open"}, "else this shows nothing"
    assert states(console) == {LINE: "accepted", OTHER: "snoozed"}
    shop.land()
    assert states(console) == {LINE: "accepted", OTHER: "snoozed"}


def test_an_acceptance_is_taken_back_by_a_dismissal(shop, broker, console):
    decide(console, "accept", LINE, OTHER)
    take_in(shop, broker)
    decide(console, "dismiss", LINE, reason="taken back")
    take_in(shop, broker)

    assert states(console) == {LINE: "dismissed", OTHER: "accepted"}
    assert LINE not in states(console, "?show=all") and OTHER in states(console, "?show=all")


def test_a_line_that_is_refused_keeps_none_of_the_others(shop, broker, console):
    sent = decide(console, "accept", "pln-20220519-W1-S1", OTHER, "pln-20220520-W9-S9", "rubbish",
                  {"line_id": LINE, "quantity": 0})  # fmt: skip

    assert sent.status == 202, sent.text
    assert [(each["outcome"], each.get("reason")) for each in sent.json["lines"]] == [
        ("refused", "superseded_line"), ("sent", None), ("refused", "unknown_line"), ("refused", "unknown_line"),
        ("refused", "invalid"),
    ]  # fmt: skip
    assert "decide on that" in sent.json["lines"][0]["detail"] and len(broker.published) == 1


def test_where_all_are_refused_nothing_is_sent(shop, broker, console):
    sent = decide(console, "dismiss", "pln-20220519-W1-S1")

    assert (sent.status, sent.json["problems"][0]["reason"]) == (409, "superseded_line")
    assert broker.published == []


def test_a_line_that_another_plan_overtakes_is_refused_by_itself(shop, broker, console):
    """The plan was made anew between the click and the burst loop."""
    sent = decide(console, "accept", LINE)
    plan(shop, DAY.replace(day=21))
    take_in(shop, broker)

    done = console.get(sent.json["outcome_url"]).json

    assert (done["outcome"], [each["reason"] for each in done["problems"]]) == ("refused", ["superseded_line"])
    assert [each["message_id"] for each in done["problems"]] == [sent.json["lines"][0]["message_id"]]
    assert {row["plan_date"] for row in console.get("/api/plan?show=all").json} == {"2022-05-21"}


@pytest.mark.parametrize(
    ("decision", "body", "status", "says"),
    [
        ("order", {}, 404, "expected one of accept, dismiss, snooze"),
        ("accept", {"reason": ""}, 422, "reason is needed"),
        ("accept", {"reason": "a\tb"}, 422, "reason"),
        ("accept", {"lines": []}, 422, "1 to 1,000 lines"),
        ("accept", {"lines": "all"}, 422, "1 to 1,000 lines"),
        ("accept", {"lines": [LINE]}, 422, "no object with a line_id"),
        ("accept", {"lines": [{"line_id": LINE}, {"line_id": LINE}]}, 422, "was given before"),
        ("accept", {"lines": [{"line_id": LINE, "price": 1}]}, 422, "unknown field price"),
        ("dismiss", {"lines": [{"line_id": LINE, "quantity": 1}]}, 422, "unknown field quantity"),
        ("dismiss", {"days": 1}, 422, "unknown field days"),
        ("snooze", {}, 422, "give days, or else until"),
        ("snooze", {"days": 1, "until": "2030-01-01T00:00:00Z"}, 422, "give days, or else until"),
        ("snooze", {"days": 0}, 422, "from 1 to 366"),
        ("snooze", {"days": True}, 422, "from 1 to 366"),
        ("snooze", {"until": "soon"}, 409, "each was refused"),
        ("accept", {"lines": [{"line_id": LINE, "quantity": "x"}]}, 409, "each was refused"),
        ("accept", {"lines": [{"line_id": "x" * 5000}]}, 409, "each was refused"),
    ],
)
def test_what_is_wrong_is_not_sent(shop, broker, console, decision, body, status, says):
    answer = decide(console, decision, LINE, **body)

    assert answer.status == status, answer.text
    assert says in answer.json["error"]
    assert broker.published == []


def test_before_there_is_a_plan_there_is_nothing(engine, console):
    assert console.get("/api/plan").status in (200, 503)


@pytest.fixture
def tokened(open_console, settings):
    gate = Gate(settings, monotonic=Hurried())
    yield open_console(access_of("127.0.0.1", None, gate=gate))
    gate.close()


def test_tokens_look_and_decide_where_they_may(shop, broker, tokened, settings):
    def bearer(name, scope, *warehouses):
        return {"authorization": f"Bearer {make_token(settings, name, scope, warehouses=warehouses)[1]}"}

    reader, floor = bearer("reader", Scope.READ), bearer("floor", Scope.WRITE, "W2")
    body = {"lines": [{"line_id": LINE}], "reason": "PO 1"}
    there = {"lines": [{"line_id": "pln-20220520-W2-S1", "quantity": 5}], "reason": "PO 1"}

    assert 200 == tokened.get("/api/plan", **reader).status == tokened.get("/replenish", **reader).status
    assert 403 == tokened.send("POST", "/api/plan/accept", body, **reader).status
    assert [403, 403, 403, 200, 200] == [
        tokened.get(path, **floor).status
        for path in ("/api/plan", "/replenish", "/api/plan?warehouse=W1", "/api/plan?warehouse=W2&show=all",
                     "/replenish.csv?warehouse=W2")
    ]  # fmt: skip
    assert {"W2"} == {row["warehouse_id"] for row in tokened.get("/api/plan?warehouse=W2&show=all", **floor).json}
    unknown = {"lines": [{"line_id": "pln-20220520-W2-S9"}], "reason": "PO 1"}
    together = there | {"lines": there["lines"] + body["lines"]}
    assert [403, 403, 403] == [
        tokened.send("POST", "/api/plan/accept", each, **floor).status for each in (body, unknown, together)
    ]
    assert broker.published == []
    assert 202 == tokened.send("POST", "/api/plan/accept", there, **floor).status


def test_a_form_of_another_site_decides_nothing(shop, broker, console):
    body = json.dumps({"lines": [{"line_id": LINE}], "reason": "x", "author": "eve"}).encode()
    elsewhere = {"origin": "http://evil.example", "sec_fetch_site": "cross-site"}

    answers = [
        console.ask("POST", "/api/plan/accept", body=body, content_type="text/plain", **elsewhere),
        console.ask("POST", "/api/plan/accept", body=body, content_type="application/json", **elsewhere),
    ]

    assert [403, 403] == [each.status for each in answers]
    assert broker.published == []
