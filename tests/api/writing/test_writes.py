"""Writing over HTTP: what is sent, what is refused and why, and what the stock comes to."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from inventory_assets.access.audit import read_writes
from inventory_assets.access.gate import Gate
from inventory_assets.api.app import Api
from inventory_assets.api.door import Door
from inventory_assets.ingest.engine import Engine
from tests.api.asking import ask, get
from tests.api.writing.writer import Writing, cloudevent, place_of, somebody
from tests.conftest import OpenFilled
from tests.messaging.memory import InMemoryBroker
from tests.replenish.shop import fill, plan

S1 = place_of("W1", "S1")


def stock_of(writing: Writing, warehouse: str = "W1", sku: str = "S1") -> tuple[int, int]:
    """(on hand, reserved) as the picture shows it."""
    row = writing.service.picture.stock.get((warehouse, sku))
    assert row is not None
    return row.on_hand, row.reserved


def test_a_count_goes_from_put_to_the_picture_and_its_outcome_says_so(writing: Writing) -> None:
    """The way of one number, whole."""
    sent = writing.ask("PUT", S1, {"quantity_available": 100})

    before = writing.outcome(sent)
    writing.take_in()
    after = writing.outcome(sent)

    assert ("pending", [None], {"pending": 1}) == (
        before["outcome"], [each.get("version") for each in before["messages"]], before["counts"],
    )  # fmt: skip
    assert (100, 0) == stock_of(writing)
    assert ("applied", writing.service.picture.version, False) == (
        after["outcome"], after["version"], after["changed_between"],
    )  # fmt: skip
    assert sent.body["message_ids"] == [each["message_id"] for each in after["messages"]]


def test_a_count_takes_a_sku_out_of_no_category_and_takes_no_limit_away(writing: Writing) -> None:
    """A level is taken whole (RULES 19, 21): what a count does not say goes along."""
    before = writing.service.picture.stock.get(("W1", "S1"))
    limits = writing.service.picture.limits.get(("W1", "S1"))

    writing.ask("PUT", S1, {"quantity_on_hand": 7})
    writing.take_in()

    after = writing.service.picture.stock.get(("W1", "S1"))
    now = writing.service.picture.limits.get(("W1", "S1"))
    assert before is not None and after is not None and limits is not None and now is not None
    assert (before.product_id, before.category_id) == (after.product_id, after.category_id) == ("P1", "C1")
    assert (10, 20) == (now.min_threshold_qty, now.reorder_threshold_qty)
    assert (7, 2) == stock_of(writing)  # reservations are not counted: they stay


def test_a_count_holds_until_the_source_says_otherwise(writing: Writing) -> None:
    """RULES 12: of several sources' levels the later one counts."""
    sent = writing.ask("PUT", S1, {"quantity_on_hand": 9, "last_updated": "2022-04-20T06:00:00Z"})
    writing.take_in()

    assert "superseded" == writing.outcome(sent)["outcome"]
    assert (5, 2) == stock_of(writing)


@pytest.mark.parametrize(
    ("body", "expected"),
    [({"quantity_change": -3, "reason": "broken"}, (2, 2)), ({"reserve": 2}, (5, 4)), ({"release": 1}, (5, 1))],
)
def test_patch_adjusts_reserves_and_releases(writing: Writing, body: dict[str, Any], expected: tuple[int, int]) -> None:
    """RULES 15: an adjustment moves what is on hand, a reservation what is promised."""
    sent = writing.ask("PATCH", S1, body)
    writing.take_in()

    assert "applied" == writing.outcome(sent)["outcome"]
    assert expected == stock_of(writing)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (S1, {}), ("/v1/inventory/W1:S1", {}), ("/v1/inventory/W1%3AS1", {}), ("/v1/inventory?warehouse=W1&sku=S1", {}),
        ("/v1/inventory", {"warehouse_id": "W1", "product_id": "S1"}), (S1, {"warehouse_id": "W1", "sku": "S1"}),
    ],
)  # fmt: skip
def test_a_shelf_has_several_addresses(writing: Writing, path: str, body: dict[str, Any]) -> None:
    """R3's record id, a path of two names, a query, or the body."""
    sent = writing.ask("PUT", path, {"quantity_on_hand": 3, **body})

    assert (202, "W1", "S1") == (sent.status, sent.body["warehouse_id"], sent.body["sku"])


@pytest.mark.parametrize(("warehouse", "sku"), [("W/1", "50% off"), ("Lager Süd", "a:b"), ("W1", "ñ/ü:%2F ")])
def test_ids_are_any_text(writing: Writing, warehouse: str, sku: str) -> None:
    """The raw path is split before it is decoded."""
    sent = writing.ask("PUT", place_of(warehouse, sku.strip()), {"quantity_on_hand": 3})
    writing.take_in()

    assert "applied" == writing.outcome(sent)["outcome"]
    assert (3, 0) == stock_of(writing, warehouse, sku.strip())


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("PUT", S1, {}, 422, "quantity_on_hand, or else quantity_available"),
        ("PUT", S1, {"quantity_avalable": 3}, 422, "unknown field 'quantity_avalable'"),
        ("PUT", S1, {"quantity_on_hand": True}, 422, "quantity_on_hand was True, expected an integer"),
        ("PUT", S1, {"quantity_on_hand": 1.5}, 422, "quantity_on_hand was 1.5"),
        ("PUT", S1, {"quantity_on_hand": 10**13}, 422, "10^12"),
        ("PUT", S1, {"quantity_available": 10**12, "quantity_reserved": 1}, 422, "quantity_available + quantity_reserved"),
        ("PUT", S1, {"quantity_on_hand": 5, "quantity_reserved": 1, "quantity_available": 5}, 422, "expected quantity_on_hand - "),
        ("PUT", S1, {"quantity_on_hand": 5, "last_updated": "yesterday"}, 422, "RFC 3339"),
        ("PUT", S1, {"quantity_on_hand": 5, "last_updated": "2999-01-01T00:00:00Z"}, 422, "publish time plus 24 h"),
        ("PUT", S1, {"quantity_on_hand": 5, "sku": "S2"}, 422, "sku was 'S2' in the body and 'S1' in the address"),
        ("PUT", place_of("W1", " S1"), {"quantity_on_hand": 5}, 422, "outer white space"),
        ("PUT", place_of("W1", "\x07"), {"quantity_on_hand": 5}, 422, "control characters"),
        ("PUT", "/v1/inventory/S1", {"quantity_on_hand": 5}, 422, "WAREHOUSE:SKU"),
        ("PUT", "/v1/inventory/W1:S:1", {"quantity_on_hand": 5}, 422, "WAREHOUSE:SKU"),
        ("PUT", "/v1/inventory?warehouse=W1", {"quantity_on_hand": 5}, 422, "both, or neither"),
        ("PUT", "/v1/inventory", {"quantity_on_hand": 5, "warehouse_id": "W1"}, 422, "absent or null: sku"),
        ("PUT", "/v1/inventory", {"quantity_on_hand": 5, "warehouse_id": 7, "sku": "S1"}, 422, "warehouse_id was 7"),
        ("PUT", S1, b'{"quantity_on_hand": 5, "quantity_on_hand": 6}', 422, "appears twice"),
        ("PUT", S1, b"[" * 500, 422, "nested deeper"),
        ("PUT", S1, b'\xff{"quantity_on_hand": 5}', 422, "body"),
        ("PUT", S1, b"[5]", 422, "expected an object"),
        ("PATCH", S1, {"reason": "why"}, 422, "exactly one of quantity_change, reserve, release; there was none"),
        ("PATCH", S1, {"reserve": 1, "release": 1}, 422, "there was reserve, release"),
        ("PATCH", S1, {"quantity_change": 0}, 422, "not 0"),
        ("PATCH", S1, {"reserve": -1}, 422, "reserve of RESERVE was -1, expected above 0"),
        ("PATCH", S1, {"quantity_change": 1, "reason": "a\nb"}, 422, "control character"),
    ],
)  # fmt: skip
def test_what_would_be_refused_later_is_refused_now_and_nothing_is_sent(
    writing: Writing, method: str, path: str, body: object, status: int, says: str
) -> None:
    """Errors say what, which and expected."""
    got = writing.ask(method, path, body)

    assert status == got.status
    assert says in json.dumps(got.body, ensure_ascii=False)
    assert {"expected", "what", "where"} <= set(got.body["errors"][0])
    assert [] == writing.sent


def test_a_body_of_another_type_is_refused(writing: Writing) -> None:
    """What a form of another site can send is no write."""
    got = writing.ask("PUT", S1, b'{"quantity_on_hand": 1}', content_type="text/plain")

    assert (415, "the body was 'text/plain', expected application/json") == (got.status, got.body["detail"])


def test_who_wrote_what_is_recorded(writing: Writing) -> None:
    """With the request's id, from which all else is found."""
    writing.service.gate = Gate(writing.engine.settings)
    sent = writing.ask("PUT", S1, {"quantity_on_hand": 1}, by=somebody("scanner"))
    writing.service.gate.close()

    [row] = read_writes(writing.engine.settings, 10)
    assert ("scanner", "PUT", S1, 202) == tuple(row[name] for name in ("token", "method", "path", "status"))
    assert (sent.body["request_id"], sent.body["message_ids"]) == (row["request_id"], row["message_ids"])


def test_the_tag_that_reading_gives_is_what_if_match_takes(writing: Writing) -> None:
    """Through the application, door and all."""
    app = Api(writing.service, Door(()))
    tag = get(app, "/v1/stock?warehouse=W1&sku=S1").headers["etag"]
    sent = ask(app, "PUT", S1, {"quantity_on_hand": 1}, headers={"if-match": tag})
    late = ask(app, "PUT", S1, {"quantity_on_hand": 1}, headers={"if-match": '"1-1"'})

    assert [202, 412] == [sent.status, late.status]
    assert "pending" == get(app, sent.headers["location"]).json["outcome"]
    assert tag == late.headers["etag"]


class TestIfMatch:
    """Compared with what is shown when it is accepted; what comes between is told afterwards."""

    def tag(self, writing: Writing, version: int | None = None) -> str:
        picture = writing.service.picture
        row = picture.stock.get(("W1", "S1"))
        assert row is not None
        return f'"{picture.epoch}-{row.version if version is None else version}"'

    def test_the_version_that_is_shown_is_accepted(self, writing: Writing) -> None:
        sent = writing.ask("PUT", S1, {"quantity_on_hand": 1}, headers={"If-Match": self.tag(writing)})
        writing.take_in()

        assert ("applied", False, 2) == tuple(
            writing.outcome(sent)[name] for name in ("outcome", "changed_between", "if_match")
        )

    @pytest.mark.parametrize("tag", ['"1-1"', '"9-2"', '"nonsense"', "2"])
    def test_an_older_one_is_412_and_nothing_is_sent(self, writing: Writing, tag: str) -> None:
        got = writing.ask("PUT", S1, {"quantity_on_hand": 1}, headers={"If-Match": tag})

        assert (412, 2, self.tag(writing)) == (got.status, got.body["version"], got.headers["etag"])
        assert [] == writing.sent

    def test_a_change_between_acceptance_and_effect_is_told(self, writing: Writing) -> None:
        """Nothing stronger is promised: the messages are taken in in whatever order they come."""
        tag = self.tag(writing)
        first = writing.ask("PATCH", S1, {"quantity_change": 5}, headers={"If-Match": tag})
        second = writing.ask("PATCH", S1, {"quantity_change": 6}, headers={"If-Match": tag})
        writing.take_in()

        assert [True, True] == [writing.outcome(each)["changed_between"] for each in (first, second)]
        assert (16, 2) == stock_of(writing)

    def test_of_a_shelf_that_is_not_there_none_matches(self, writing: Writing) -> None:
        assert (
            412 == writing.ask("PUT", place_of("W9", "S1"), {"quantity_on_hand": 1}, headers={"If-Match": "*"}).status
        )

    def test_if_none_match_makes_a_shelf_only_where_there_is_none(self, writing: Writing) -> None:
        only_new = {"If-None-Match": "*"}

        assert 412 == writing.ask("PUT", S1, {"quantity_on_hand": 1}, headers=only_new).status
        assert 202 == writing.ask("PUT", place_of("W9", "S1"), {"quantity_on_hand": 1}, headers=only_new).status


class TestEvents:
    """CloudEvents and R4's, as the ingest's own reader has them."""

    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            (cloudevent("stock.updated", quantity_available=30, quantity_reserved=1), ("applied", (31, 1))),
            (cloudevent("stock.adjusted", quantity_change=-2), ("applied", (3, 2))),
            (cloudevent("stock.reserved", quantity=1), ("applied", (5, 3))),
            (cloudevent("stock.released", quantity=1), ("applied", (5, 1))),
            (cloudevent("inventory.low_stock"), ("filtered", (5, 2))),
            (cloudevent("stock.transferred", from_warehouse_id="W1", to_warehouse_id="W2", quantity=4),
             ("applied", (1, 2))),
        ],
    )  # fmt: skip
    def test_r3s_six_types(
        self, writing: Writing, event: dict[str, Any], expected: tuple[str, tuple[int, int]]
    ) -> None:
        sent = writing.ask("POST", "/events/stock-updated", event, content_type="application/cloudevents+json")
        writing.take_in()

        assert expected == (writing.outcome(sent)["outcome"], stock_of(writing))

    def test_three_modes_and_the_plain_shape_say_the_same(self, writing: Writing) -> None:
        """Structured, binary, batch, and JSON that is one by its shape: each once more is a repeat."""
        event = cloudevent("stock.adjusted", quantity_change=-1)
        binary = {f"ce-{name}": str(event[name]) for name in ("specversion", "id", "source", "type", "time")}
        sent = [
            writing.ask("POST", "/v1/events", event, content_type="application/cloudevents+json"),
            writing.ask("POST", "/v1/events", event["data"], headers=binary),
            writing.ask("POST", "/v1/events", [event], content_type="application/cloudevents-batch+json"),
            writing.ask("POST", "/v1/events", event),
        ]
        writing.take_in()

        assert ["applied", "duplicate", "duplicate", "duplicate"] == [writing.outcome(each)["outcome"] for each in sent]
        assert (4, 2) == stock_of(writing)

    def test_service_events_are_taken_one_or_many(self, writing: Writing) -> None:
        moves = [
            {"eventId": f"e{number}", "eventType": "INVENTORY_UPDATE", "sku": "S1", "warehouseId": "W1",
             "quantityChange": number, "timestamp": "2022-04-20T10:00:00Z"}
            for number in (1, 2)
        ]  # fmt: skip
        writing.ask("POST", "/v1/events", moves[0])
        sent = writing.ask("POST", "/v1/events", moves)
        writing.take_in()

        assert {"duplicate": 1, "applied": 1} == writing.outcome(sent)["counts"]
        assert (8, 2) == stock_of(writing)

    def test_a_skus_events_go_in_its_lane_to_the_topic_of_services(self, writing: Writing) -> None:
        writing.ask("POST", "/v1/events", cloudevent("stock.adjusted", quantity_change=-1))

        [message] = writing.sent
        assert "inventory-events" == message.topic
        assert message.ordering_key.startswith("lane-")
        assert "application/cloudevents+json" == message.attributes["content-type"]

    def test_of_a_batch_with_one_bad_event_nothing_is_sent(self, writing: Writing) -> None:
        batch = [
            cloudevent("stock.adjusted", "1", quantity_change=1), cloudevent("stock.adjusted", "2", quantity_change=0),
            cloudevent("stock.moved", "3"),
        ]  # fmt: skip
        got = writing.ask("POST", "/v1/events", batch, content_type="application/cloudevents-batch+json")

        assert (422, [("body[1].data.quantity_change", "invalid_sign"), ("body[2].type", "unsupported_type")]) == (
            got.status, [(each["where"], each["reason"]) for each in got.body["errors"]],
        )  # fmt: skip
        assert [] == writing.sent

    def test_of_a_batch_with_one_warehouse_that_is_not_allowed_nothing_is_sent(self, writing: Writing) -> None:
        """Of a transfer both ends count."""
        batch = [
            cloudevent("stock.adjusted", "1", quantity_change=1),
            cloudevent("stock.transferred", "2", from_warehouse_id="W1", to_warehouse_id="W2", quantity=1),
        ]
        got = writing.ask("POST", "/v1/events", batch, by=somebody("dana", "W1"))

        assert 403 == got.status
        assert got.body["detail"].startswith("event 1: this is of warehouse 'W2', and 'dana' is for 'W1' only.")
        assert [] == writing.sent

    def test_evidence_of_no_warehouse_needs_a_token_of_all(self, writing: Writing) -> None:
        event = cloudevent("inventory.low_stock", warehouse_id=None)

        assert 403 == writing.ask("POST", "/v1/events", event, by=somebody("dana", "W1")).status
        assert 202 == writing.ask("POST", "/v1/events", event).status

    @pytest.mark.parametrize(
        ("body", "content_type", "headers", "status", "says"),
        [
            (b"", "application/json", {}, 422, "body"),
            (b"[]", "application/cloudevents-batch+json", {}, 422, "0 events"),
            (b"[" + b"{}," * 1000 + b"{}]", "application/cloudevents-batch+json", {}, 422, "1,001 events"),
            (b"{}", "application/cloudevents-batch+json", {}, 422, "no JSON array"),
            (b"[" * 5000, "application/cloudevents-batch+json", {}, 422, "nested deeper"),
            (b'[{"specversion": "1.0"}]', "application/cloudevents-batch+json", {}, 422, "missing_field"),
            (b"<xml/>", "application/xml", {}, 415, "expected one of"),
            (b'{"command": "pause"}', "application/json", {}, 422, "expected specversion"),
            (b'{"heartbeat": 1, "type": "heartbeat"}', "application/json", {}, 422, "expected specversion"),
            (b'{"eventType": "TRANSACTION", "document": {}, "connector_id": "c"}', "application/json", {}, 422, "no event"),
            (b"{}", "application/json", {"ce-id": "%FF"}, 422, "ce-id was no UTF-8"),
            (b"{}", "application/json", {"ce-id": "1", "ce-x": "y" * 2000}, 422, "ce-x had 2000 bytes"),
            (b"{}", "application/json", {"ce-id": "1"}, 422, "specversion"),
            (b"{}", "application/json", {"If-Match": "*"}, 400, "PUT and PATCH"),
        ],
    )  # fmt: skip
    def test_hostile_bodies(
        self, writing: Writing, body: bytes, content_type: str, headers: dict[str, str], status: int, says: str
    ) -> None:
        got = writing.ask("POST", "/v1/events", body, content_type=content_type, headers=headers)

        assert (status, True) == (got.status, says in json.dumps(got.body)), got.body
        assert [] == writing.sent

    def test_one_id_that_says_two_things_in_a_batch_is_refused(self, writing: Writing) -> None:
        """RULES 11: the second would be a dead letter."""
        batch = [cloudevent("stock.adjusted", quantity_change=change) for change in (1, 2)]
        got = writing.ask("POST", "/v1/events", batch)

        assert (422, "conflicting_duplicate") == (got.status, got.body["errors"][0]["reason"])


class TestCommands:
    """What is done about alerts and the plan, in the token's name."""

    def alert_id(self, writing: Writing) -> str:
        [alert] = list(writing.service.picture.alerts)
        return alert.alert_id

    def test_an_alert_is_acknowledged_by_who_has_the_token(self, writing: Writing) -> None:
        alert_id = self.alert_id(writing)
        sent = writing.ask("POST", f"/v1/alerts/{alert_id}/ack")
        writing.take_in()

        alert = writing.service.picture.alerts.get(alert_id)
        assert alert is not None
        assert ("applied", "dana") == (writing.outcome(sent)["outcome"], alert.acknowledged_by)
        assert (200, "unchanged") == (
            (again := writing.ask("POST", f"/v1/alerts/{alert_id}/ack")).status, again.body["outcome"],
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("command", "body"),
        [("silence", {"minutes": 30, "reason": "known"}), ("escalate", {"reason": "now"}),
         ("note", {"reason": "seen"}), ("resolve", {"reason": "counted"})],
    )  # fmt: skip
    def test_each_command_is_applied(self, writing: Writing, command: str, body: dict[str, Any]) -> None:
        sent = writing.ask("POST", f"/v1/alerts/{self.alert_id(writing)}/{command}", body)
        writing.take_in()

        assert "applied" == writing.outcome(sent)["outcome"]

    def test_what_would_be_refused_is_refused_now(self, writing: Writing) -> None:
        alert_id = self.alert_id(writing)
        got = [
            writing.ask("POST", "/v1/alerts/alt-nonsense/ack"),
            writing.ask("POST", f"/v1/alerts/{alert_id}/silence", {"reason": "x"}),
            writing.ask("POST", f"/v1/alerts/{alert_id}/note", {}),
            writing.ask("POST", f"/v1/alerts/{alert_id}/note", {"reason": "x", "alert_id": "other"}),
            writing.ask("POST", f"/v1/alerts/{alert_id}/ack", by=somebody("dana", "W2")),
            writing.ask("POST", "/v1/plan/pln-20220420-W1-S1/accept", {"reason": "ordered"}),
            writing.ask("POST", "/v1/plan/x/dismiss", {}),
            writing.ask("POST", "/v1/alerts/a/ack"),  # the beginning of the one there is
            writing.ask("POST", f"/v1/alerts/{alert_id}/ack", {"reason": {}}),
        ]

        assert [404, 422, 422, 422, 403, 404, 422, 404, 422] == [each.status for each in got]
        assert [] == writing.sent


class TestPlan:
    """A line is decided on as at the console and the command line."""

    LINE = "pln-20220520-W1-S1"

    @pytest.fixture
    def shop(self, open_filled: OpenFilled, broker: InMemoryBroker) -> Iterator[Writing]:
        found = Writing(open_filled(_planned), broker)
        found.show()
        yield found
        found.service.close()

    @pytest.mark.parametrize(
        ("decision", "body"),
        [("accept", {"quantity": 84}), ("dismiss", {}), ("snooze", {"minutes": 600})],
    )
    def test_each_decision_is_applied(self, shop: Writing, decision: str, body: dict[str, Any]) -> None:
        sent = shop.ask("POST", f"/v1/plan/{self.LINE}/{decision}", {"reason": "as agreed", **body})
        shop.take_in()

        assert "applied" == shop.outcome(sent)["outcome"]
        assert "dana" == json.loads(shop.sent[0].data)["issued_by"]

    def test_a_token_of_other_warehouses_decides_nothing_there(self, shop: Writing) -> None:
        path, by = f"/v1/plan/{self.LINE}/dismiss", somebody("dana", "W2")

        assert 403 == shop.ask("POST", path, {"reason": "x"}, by=by).status

    def test_a_line_that_another_has_followed_is_409(self, shop: Writing) -> None:
        got = shop.ask("POST", "/v1/plan/pln-20220519-W1-S1/accept", {"reason": "late"})

        assert (409, True) == (got.status, self.LINE in got.body["detail"])


def _planned(engine: Engine) -> None:
    fill(engine)
    plan(engine)
