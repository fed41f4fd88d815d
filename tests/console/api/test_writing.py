"""What the console sends: one message a change, checked before, and what became of it shown."""

import json

import pytest

from inventory_assets.console.api.endpoints import ENDPOINTS
from inventory_assets.messaging.errors import PublishError
from tests.builders import level, messages, rule, transaction
from tests.console.conftest import alert_ids, escaped, take_in
from tests.facts import differences, rows, value

GLOBAL = {"level_type": "GLOBAL", "min_threshold_qty": 3, "reorder_threshold_qty": 6, "reason": "too many"}
CSV = "level_type,level_id,warehouse_id,min_threshold_qty,reorder_threshold_qty\n"


def test_an_acknowledgement_takes_effect_when_the_burst_loop_has_it(shop, broker, console):
    [worst, _] = alert_ids(console)

    sent = console.send("POST", f"/api/alerts/{worst}/ack", {"reason": "on it"})

    assert (sent.status, sent.json["status"], len(sent.json["message_ids"])) == (202, "sent", 1)
    assert console.get(sent.json["outcome_url"]).json["outcome"] == "pending"
    take_in(shop, broker)
    done = console.get(sent.json["outcome_url"]).json
    assert (done["outcome"], done["version"], done["problems"]) == ("applied", 3, [])
    shown = console.get(f"/api/alerts/{worst}").json
    last = shown["history"][-1]
    assert (shown["acknowledged_by"], last["transition"], last["reason"]) == ("dana", "acknowledged", "on it")
    assert shown["explanation"]["differences"] == []
    assert alert_ids(console, "?unacknowledged=true") != alert_ids(console)
    assert differences(shop) == []


@pytest.mark.parametrize(
    ("command", "body", "transition"),
    [
        ("silence", {"minutes": 30, "reason": "stock count"}, "silenced"),
        ("escalate", {"reason": "needs a buyer"}, "notified"),
        ("resolve", {"reason": "discontinued"}, "note"),
        ("note", {"reason": "truck due at noon"}, "note"),
        ("inhibit", {"reason": "scanner broken", "source": "dana"}, "inhibited"),
    ],
)
def test_every_command_arrives(shop, broker, console, command, body, transition):
    [worst, _] = alert_ids(console)

    sent = console.send("POST", f"/api/alerts/{worst}/{command}", body)
    take_in(shop, broker)

    assert sent.status == 202, sent.text
    assert console.get(sent.json["outcome_url"]).json["outcome"] == "applied"
    assert console.get(f"/api/alerts/{worst}?explain=false").json["history"][-1]["transition"] == transition


def test_a_scope_is_silenced_and_a_warehouse_held(shop, broker, console):
    silence = {"command": "silence", "warehouse_id": "W1", "minutes": 60, "reason": "count"}
    inhibit = {"command": "inhibit", "warehouse_id": "W2", "reason": "no heartbeat"}

    sent = [console.send("POST", "/api/commands", body) for body in (silence, inhibit)]
    take_in(shop, broker)

    assert [each.status for each in sent] == [202, 202]
    found = {row["warehouse_id"]: row for row in console.get("/api/alerts").json}
    assert found["W1"]["silenced_until"] is not None
    assert found["W2"]["is_untrusted"]


def test_what_is_so_already_is_not_sent(shop, broker, console):
    [worst, _] = alert_ids(console)
    console.send("POST", f"/api/alerts/{worst}/ack")
    take_in(shop, broker)
    published = len(broker.published)

    again = console.send("POST", f"/api/alerts/{worst}/ack")

    assert (again.status, again.json["status"]) == (200, "unchanged")
    assert len(broker.published) == published


@pytest.mark.parametrize(
    ("command", "body", "status", "says"),
    [
        ("silence", {"reason": "x"}, 422, "a silence has an end"),
        ("silence", {"reason": "x", "minutes": -5}, 422, "minutes was -5, expected 1 to"),
        ("silence", {"minutes": 5}, 422, "needs a reason"),
        ("note", {}, 422, "needs a reason"),
        ("ack", {"minutes": 5}, 422, "unknown field minutes"),
        ("acknowledge", {}, 422, "expected one of ack"),
        ("unsilence", {}, 409, "it is not silenced"),
        ("note", {"reason": 5}, 422, "expected a text"),
        ("note", {"reason": "x" * 2000}, 422, "1 to 1024"),
    ],
)
def test_a_command_that_would_be_a_dead_letter_is_not_sent(shop, broker, console, command, body, status, says):
    [worst, _] = alert_ids(console)

    answer = console.send("POST", f"/api/alerts/{worst}/{command}", body)

    assert answer.status == status, answer.text
    assert says in answer.json["error"]
    assert broker.published == []


def test_who_asks_is_needed(shop, broker, console):
    [worst, _] = alert_ids(console)
    for author in ("", "  ", "a\tb", "x" * 2000):
        assert console.send("POST", f"/api/alerts/{worst}/ack", author=author).status == 422
    assert (
        console.ask("PUT", "/api/thresholds", body=json.dumps(GLOBAL).encode(), content_type="application/json").status
        == 422
    )

    assert broker.published == []
    named = console.ask(
        "POST", f"/api/alerts/{worst}/ack", body='{"author": "Žofia"}'.encode(), content_type="application/json"
    )
    assert named.status == 202
    take_in(shop, broker)
    assert console.get(f"/api/alerts/{worst}?explain=false").json["acknowledged_by"] == "Žofia"


def test_a_name_in_the_header_may_be_escaped(shop, broker, console):
    [worst, _] = alert_ids(console)

    assert console.send("POST", f"/api/alerts/{worst}/ack", author="%C5%BDofia%20N.").status == 202

    take_in(shop, broker)
    assert console.get(f"/api/alerts/{worst}?explain=false").json["acknowledged_by"] == "Žofia N."


def test_a_command_overtaken_by_the_stock_is_refused_with_its_reason(shop, broker, console):
    """The alert was open when somebody clicked, and over when the burst loop had the click."""
    [_, low] = alert_ids(console)
    sent = console.send("POST", f"/api/alerts/{low}/silence", {"minutes": 5, "reason": "count"})
    shop.commit_burst(messages(transaction("T3", "RESTOCK", 500, "09:00")))

    take_in(shop, broker)

    done = console.get(sent.json["outcome_url"]).json
    assert done["outcome"] == "refused"
    assert done["problems"][0]["reason"] == "illegal_transition"
    assert "it was resolved" in done["problems"][0]["detail"]


def test_an_alert_that_another_has_followed_says_which(shop, console):
    [_, low] = alert_ids(console)
    shop.commit_burst(messages(transaction("T3", "RESTOCK", 500, "09:00")))
    shop.commit_burst(messages(transaction("T4", quantity=-500, at="12:00")))

    answer = console.send("POST", f"/api/alerts/{low}/note", {"reason": "why"})

    assert answer.status == 409
    assert alert_ids(console, "?sku=S1")[0] in answer.json["error"]


def test_a_link_in_a_note_is_a_post_mortem_of_the_alert(shop, broker, console):
    [worst, _] = alert_ids(console)
    link = "https://wiki.example.com/pm/17?a=1&b=%22"

    console.send("POST", f"/api/alerts/{worst}/note", {"reason": f"post-mortem: {link}, javascript:alert(1)"})
    take_in(shop, broker)

    [found] = console.get(f"/api/alerts/{worst}?explain=false").json["post_mortems"]
    assert (found["url"], found["by"]) == (link, "dana")
    page = console.get(f"/alerts/{worst}").text
    assert 'href="https://wiki.example.com/pm/17?a=1&amp;b=%22"' in page
    assert 'href="javascript:' not in page


def test_an_incident_keeps_notes_too(shop, broker, console):
    shop.commit_burst(messages(*(level(0, sku=f"T{n}", category_id="TEA", warehouse_id="W1") for n in range(4))))
    from inventory_assets.domain.values import read_time
    from inventory_assets.refresh.incidents import refresh_incidents

    refresh_incidents(shop, read_time("now", "2022-04-20T08:00:00Z"))
    [incident] = console.get("/api/incidents").json
    path = f"/api/incidents/{incident['incident_id']}"

    sent = console.send("POST", f"{path}/note", {"reason": "https://wiki.example.com/tea"})
    take_in(shop, broker)

    assert sent.status == 202, sent.text
    assert console.get(sent.json["outcome_url"]).json["outcome"] == "applied"
    shown = console.get(path).json
    assert [(each["url"], each["by"]) for each in shown["post_mortems"]] == [("https://wiki.example.com/tea", "dana")]
    assert len(shown["alerts"]) == 4
    assert console.send("POST", "/api/incidents/inc-nope/note", {"reason": "x"}).status == 404
    assert differences(shop) == []


# ---- rules


def test_a_rule_is_set_and_the_ladder_changes(shop, broker, console):
    sent = console.send("PUT", "/api/thresholds", GLOBAL)

    assert sent.status == 202, sent.text
    assert sent.json["edits"][0]["change"] == "min 10 -> 3, reorder 20 -> 6"
    take_in(shop, broker)
    assert console.get(sent.json["outcome_url"]).json["outcome"] == "applied"
    rungs = console.get("/api/thresholds/resolve?warehouse=W1&sku=S1").json
    assert [rung["rule"] for rung in rungs if rung["is_winner"]] == ["min 3, reorder 6"]
    change = console.get("/api/thresholds/history").json[-1]
    assert (change["author"], change["reason"], change["action"]) == ("dana", "too many", "changed")
    assert differences(shop) == []


def test_a_dry_run_counts_keys_and_sends_nothing(shop, broker, console):
    found = console.send("PUT", "/api/thresholds?dry_run=true", GLOBAL)

    assert found.status == 200, found.text
    [edit] = found.json["edits"]
    assert (edit["keys"], found.json["keys"], broker.published) == (2, 2, [])
    assert {(each["alert_type"], each["step"]) for each in found.json["alerts"]} == {
        ("LOW_STOCK", "resolved"), ("REORDER", "opened"),
    }  # fmt: skip
    assert "would change 1 rule and the limits of 2 keys" in found.json["summary"]
    assert value(shop.lake, "SELECT max(version) FROM meta.versions") == 2


def test_a_rule_is_deleted(shop, broker, console):
    query = "?level_type=GLOBAL&reason=over"
    trial = console.send("DELETE", f"/api/thresholds{query}&dry_run=true")
    sent = console.send("DELETE", f"/api/thresholds{query}")
    take_in(shop, broker)

    assert (trial.json["keys"], sent.status) == (2, 202)
    assert console.get("/api/thresholds").json == []
    assert console.send("DELETE", f"/api/thresholds{query}").status == 404
    assert console.send("DELETE", "/api/thresholds?level_type=GLOBAL").status == 422
    assert console.send("DELETE", "/api/thresholds?level_type=SKU&reason=x").status == 400


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"min_threshold_qty": 9}, "expected at most the reorder's 6"),
        ({"min_threshold_qty": -1}, "expected 0 to 1,000,000,000,000"),
        ({"min_treshold": 1}, "did you mean min_threshold_qty?"),
        ({"level_type": "SHELF"}, "expected one of SKU"),
        ({"level_type": "SKU"}, "required and absent or null: level_id"),
        ({"reason": ""}, "reason is needed"),
        ({"deleted": True}, "DELETE"),
        ({"alert_settings": {"recipients": ["nobody"]}}, "expected a mail address"),
        ({"mode": "dynamic", "service_level": 2.0}, "service_level was 2.0"),
    ],
)
def test_a_rule_that_would_be_refused_is_not_sent(shop, broker, console, change, says):
    for query in ("", "?dry_run=true"):
        answer = console.send("PUT", f"/api/thresholds{query}", GLOBAL | change)

        assert answer.status == 422, answer.text
        assert says in answer.text
    assert broker.published == []


def numbers_of(schema: dict, path: tuple[str, ...] = ()):
    """(place, schema) of each number in a body."""
    for name, each in schema.get("properties", {}).items():
        if each.get("type") in ("integer", "number"):
            yield (*path, name), each
        yield from numbers_of(each, (*path, name))


def test_every_number_of_a_body_has_the_bounds_that_the_description_says(shop, broker, console):
    bodies = {(each.method, each.path): each.body for each in ENDPOINTS if each.body}
    numbers = [(method, path, *found) for (method, path), body in bodies.items() for found in numbers_of(body)]
    base = {
        "/api/thresholds": GLOBAL | {"mode": "dynamic", "service_level": 0.9},
        "/api/commands": {"command": "silence", "warehouse_id": "W1", "reason": "count"},
        "/api/alerts": {"command": "silence", "alert_ids": alert_ids(console), "reason": "count"},
        "/api/alerts/{alert_id}/{command}": {"reason": "count"},
        "/api/plan/{decision}": {"reason": "count", "lines": [{"line_id": "pln-20220520-W1-S1"}]},
    }
    worst = escaped(alert_ids(console)[0])

    for method, path, place, schema in numbers:
        ends = [schema["minimum"] - 1, schema["maximum"] + 1] if "minimum" in schema else [0, 1]
        for wrong in (*ends, True):
            body = json.loads(json.dumps(base[path]))
            (body.setdefault(place[0], {}) if len(place) > 1 else body)[place[-1]] = wrong
            where = path.replace("{alert_id}", worst).replace("{command}", "silence").replace("{decision}", "snooze")
            answer = console.send(method, where, body)
            assert 422 == answer.status, (place, wrong, answer.text)
            assert place[-1] in answer.text
            if "minimum" in schema and wrong is not True:
                assert f"{schema['minimum']:,} to {schema['maximum']:,}" in answer.text, (place, wrong, answer.text)
    assert broker.published == []
    assert len(numbers) == 12


def test_the_same_rule_again_is_not_sent(shop, broker, console):
    same = GLOBAL | {"min_threshold_qty": 10, "reorder_threshold_qty": 20}

    assert console.send("PUT", "/api/thresholds", same).json["status"] == "unchanged"
    assert console.send("PUT", "/api/thresholds?dry_run=true", same).json["edits"] == []
    assert broker.published == []


def import_(console, text, query="", content_type="text/csv"):
    return console.ask(
        "POST", f"/api/thresholds/import{query}", body=text.encode(), content_type=content_type, x_author="dana"
    )


def test_a_file_is_imported_all_of_it_or_none(shop, broker, console):
    good = CSV + "SKU,S1,,1,2\nSKU,S2,,3,4\n"

    bad = import_(console, good + "SKU,S1,,5,6\nSKU,S3,,9,1\n", "?reason=spring")
    trial = import_(console, good, "?dry_run=true")
    bare = import_(console, good)
    sent = import_(console, good, "?reason=spring")

    assert bad.status == 422
    assert [(row["place"], row["severity"]) for row in bad.json["problems"]] == [
        ("line 4", "error"),
        ("line 5", "error"),
    ]
    assert [edit["keys"] for edit in trial.json["edits"]] == [1, 1]
    assert bare.status == 422
    assert "reason" in bare.json["error"]
    assert (sent.status, len(sent.json["message_ids"]), len(broker.published)) == (202, 2, 2)
    take_in(shop, broker)
    done = console.get(sent.json["outcome_url"]).json
    assert (done["outcome"], done["taken_in"]) == ("applied", 2)
    assert [row["level_type"] for row in console.get("/api/thresholds").json] == ["GLOBAL", "SKU", "SKU"]
    assert import_(console, good, "?reason=spring").json["status"] == "unchanged"


@pytest.mark.parametrize(
    ("text", "content_type", "status"),
    [
        ('[{"level_type": "SKU", "level_id": "S1", "min_threshold_qty": 1, "reason": "own"}]', "application/json", 202),
        (
            '{"level_type": "SKU", "level_id": "S1", "min_threshold_qty": 1, "reason": "own"}\n',
            "application/x-ndjson",
            202,
        ),
        ("- {level_type: SKU, level_id: S1, min_threshold_qty: 1, reason: own}\n", "application/yaml", 202),
        ("{]", "application/json", 422),
        ("a: &x [*x]", "application/yaml", 422),
        ("", "text/csv", 422),
        ("x", "text/plain", 403),
        ("x", "application/xml", 415),
    ],
)
def test_a_file_is_of_a_known_format(shop, broker, console, text, content_type, status):
    answer = import_(console, text, content_type=content_type)

    assert answer.status == status, answer.text
    assert len(broker.published) == (status == 202)


def test_import_prunes_if_asked(shop, broker, console):
    sent = import_(console, CSV + "SKU,S1,,1,2\n", "?reason=only+this&prune=true")
    take_in(shop, broker)

    assert sent.status == 202
    assert [row["level_type"] for row in console.get("/api/thresholds").json] == ["SKU"]


def test_a_rule_of_another_writer_dated_ahead_is_overtaken(shop, broker, console):
    shop.commit_burst(messages(rule(7, 9, updated_at="2022-04-21T20:00:00Z")))

    console.send("PUT", "/api/thresholds", GLOBAL)
    take_in(shop, broker)

    assert console.get("/api/thresholds").json[0]["min_threshold_qty"] == 3


def test_the_first_rule_may_come_before_there_is_a_lake(open_engine, broker, console):
    sent = console.send("PUT", "/api/thresholds", GLOBAL)

    assert sent.status == 202, sent.text
    take_in(open_engine(), broker)
    assert console.get(sent.json["outcome_url"]).json["outcome"] == "applied"


def test_a_broker_that_does_not_answer_is_said(shop, broker, console):
    broker.failing_topics.add("control-topic")
    [worst, _] = alert_ids(console)

    answer = console.send("POST", f"/api/alerts/{worst}/ack")

    assert answer.status == 503
    assert "were not confirmed" in answer.json["error"]
    assert PublishError.__name__ not in answer.text


def test_the_console_never_writes_the_lake(shop, broker, console):
    """Everything it does leaves as a message: the versions are the engine's."""
    before = rows(shop.lake, "SELECT version, stage FROM meta.versions ORDER BY 1")
    [worst, low] = alert_ids(console)
    console.send("POST", f"/api/alerts/{worst}/ack")
    console.send("PUT", "/api/thresholds", GLOBAL)
    console.get(f"/alerts/{low}")
    console.get("/api/stats")

    assert rows(shop.lake, "SELECT version, stage FROM meta.versions ORDER BY 1") == before
    assert [message.topic for message in broker.published] == ["control-topic", "thresholds-topic"]


def test_many_alerts_are_acted_on_each_by_itself(shop, broker, console):
    """One reason, one publish; what does not fit is said and keeps nothing back."""
    [first, second] = alert_ids(console)
    console.send("POST", f"/api/alerts/{second}/ack", {"reason": "mine"})
    take_in(shop, broker)
    ids = [first, second, "alt-20220420-no-such"]

    sent = console.send("POST", "/api/alerts", {"command": "ack", "alert_ids": ids, "reason": "on it"})
    take_in(shop, broker)

    assert sent.status == 202, sent.text
    assert [each["outcome"] for each in sent.json["alerts"]] == ["sent", "unchanged", "refused"]
    assert sent.json["message_ids"] == [sent.json["alerts"][0]["message_id"]]
    assert "no alert" in sent.json["alerts"][2]["detail"]
    assert console.get(sent.json["outcome_url"]).json["outcome"] == "applied"
    assert alert_ids(console, "?unacknowledged=true") == []
    silence = {"command": "silence", "alert_ids": [first, second], "minutes": 60, "reason": "count"}
    both = console.send("POST", "/api/alerts", silence).json
    take_in(shop, broker)
    assert [each["outcome"] for each in both["alerts"]] == ["sent", "sent"]
    assert all(row["silenced_until"] for row in console.get("/api/alerts").json)
    assert differences(shop) == []


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"command": "resolve", "alert_ids": ["a"]}, 422, "expected one of ack, silence"),
        ({"command": "ack", "alert_ids": []}, 422, "no list of 1 to 200 ids"),
        ({"command": "ack", "alert_ids": ["a"] * 201}, 422, "no list of 1 to 200 ids"),
        ({"command": "ack", "alert_ids": [7]}, 422, "no list of 1 to 200 ids"),
        ({"command": "ack", "alert_ids": ["a", "a"]}, 422, "an id twice"),
        ({"command": "ack", "alert_ids": ["a"], "sku": "S1"}, 422, "unknown field sku"),
        ({"command": "ack", "alert_ids": ["a"], "minutes": 5}, 422, "unknown field minutes"),
        ({"command": "note", "alert_ids": ["a"]}, 422, "needs a reason"),
        ({"command": "note", "alert_ids": ["inc-1"], "reason": "x"}, 409, "is an incident"),
        ({"command": "ack", "alert_ids": ["alt-1", "alt-2"]}, 409, "each was refused"),
    ],
)  # fmt: skip
def test_many_that_cannot_be_meant_are_refused_and_nothing_is_sent(shop, broker, console, body, status, says):
    answer = console.send("POST", "/api/alerts", body)

    assert (answer.status, says in answer.text) == (status, True), answer.text
