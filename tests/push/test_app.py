"""The service over HTTP: who gets in, which status says what, and that rubbish changes nothing."""

import json
import logging
from pathlib import Path

import pytest
import urllib3

from inventory_assets.push.app import MAX_BODY
from inventory_assets.push.tokens import Reason
from tests.push.conftest import Service, wrapped
from tests.push.issuer import NOW, claims, signed_with_the_public_key, token, unsigned

ADJUSTMENT = b'{"item_id": "S1", "adjustment": -3, "timestamp": "2022-04-20T07:00:00Z", "warehouse_id": "W1"}'
ALERT = b'{"alert_id": "alt-1", "alert_type": "LOW_STOCK"}'
PATHS = ("/adjustments", "/alerts", "/reports", "/reports/2022-04-20")

REFUSED = {
    "none at all": ("", 401),
    "wrong issuer": (lambda: token(claims(iss="https://evil.example")), 401),
    "wrong audience": (lambda: token(claims(aud="https://other.example.com")), 401),
    "expired": (lambda: token(claims(exp=NOW - 60)), 401),
    "not yet valid": (lambda: token(claims(iat=NOW + 60)), 401),
    "another key": (lambda: token(key="theirs"), 401),
    "a key nobody has": (lambda: token(key="theirs", header={"kid": "theirs"}), 401),
    "alg none": (lambda: unsigned() + "AA", 401),
    "HS256 with the public key": (signed_with_the_public_key, 401),
    "rubbish": (lambda: "a.b.c", 401),
    "without email": (lambda: token(claims(email=None)), 403),
    "unverified email": (lambda: token(claims(email_verified=False)), 403),
    "another account": (lambda: token(claims(email="other@p.iam.gserviceaccount.com")), 403),
}


@pytest.mark.parametrize("name", REFUSED)
def test_who_has_no_good_token_gets_nowhere(service: Service, name):
    made, status = REFUSED[name]
    bearer = made() if callable(made) else made
    answers = [service.ask(path, wrapped(ADJUSTMENT), bearer=bearer) for path in PATHS]

    assert [status] * len(PATHS) == [answer[0] for answer in answers]
    assert service.broker.published == []
    assert not (service.settings.home / "pushed").exists()
    if status == 401:
        assert all(headers["www-authenticate"].startswith("Bearer") for _, _, headers in answers)


def test_two_tokens_are_none(service: Service):
    """What stands before us might have looked at the other one."""
    both = urllib3.HTTPHeaderDict([("Authorization", f"Bearer {token()}"), ("Authorization", "Bearer a.b.c")])

    assert service.pool.request("POST", "/alerts", body=wrapped(ALERT), headers=both).status == 401


def test_an_adjustment_is_acknowledged_when_it_is_confirmed(service: Service):
    status, body, _ = service.push("/adjustments", ADJUSTMENT, orderingKey="k")

    assert (status, body["outcome"]) == (200, "published")
    assert [(each.topic, each.data, each.ordering_key) for each in service.broker.published] == [
        ("inventory-topic", ADJUSTMENT, "k")
    ]


def test_what_is_not_confirmed_is_sent_again(service: Service):
    service.broker.failing_topics.add("inventory-topic")
    status, body, headers = service.push("/adjustments", ADJUSTMENT)
    service.broker.failing_topics.clear()

    assert status == 503
    assert "retry-after" in headers
    assert "inventory-topic" not in body["error"]
    assert service.push("/adjustments", ADJUSTMENT)[0] == 200


def test_what_cannot_be_read_is_published_all_the_same(service: Service):
    """One reader judges: it becomes a dead letter with its reason, and blocks no ordering key."""
    assert service.push("/adjustments", b"\xff no JSON")[0] == 200
    assert [each.data for each in service.broker.published] == [b"\xff no JSON"]


def test_an_alert_is_acknowledged_when_it_is_recorded(service: Service):
    status, body, _ = service.push("/alerts", ALERT)

    assert (status, body["outcome"]) == (200, "recorded")
    assert json.loads(Path(body["file"]).read_text())["alert"]["alert_id"] == "alt-1"
    assert service.push("/alerts", ALERT)[1]["outcome"] == "known"


def test_an_alert_that_cannot_be_recorded_is_sent_again(service: Service):
    service.settings.home.mkdir(parents=True, exist_ok=True)
    (service.settings.home / "pushed").write_text("in the way")

    assert service.push("/alerts", ALERT)[0] == 503


@pytest.mark.parametrize("path", ["/adjustments", "/alerts"])
@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", ADJUSTMENT, b'{"message": 1}', b"[" * 5_000])
def test_a_body_that_is_no_push_is_refused(service: Service, path, body):
    status, answer, _ = service.ask(path, body)

    assert (status, "error" in answer) == (400, True)
    assert service.broker.published == []


def test_a_body_is_not_read_beyond_what_a_message_can_be(service: Service):
    assert service.ask("/adjustments", b" " * (MAX_BODY + 1))[0] == 413
    assert service.push("/adjustments", ADJUSTMENT)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/adjustments", 405), ("GET", "/reports", 405), ("POST", "/", 404), ("POST", "/alerts/", 404),
     ("GET", "/healthz", 200), ("POST", "/reports/a/b", 404)],
)  # fmt: skip
def test_there_is_nothing_else(service: Service, method, path, status):
    assert service.ask(path, method=method, bearer="")[0] == status


@pytest.mark.parametrize(
    "day", ["today", "2022-4-20", "9999-01-01", "2022-02-30", "1900-01-01", "2022-04-20T00:00", "%00"]
)
def test_a_day_that_is_none_or_not_over_is_refused(service: Service, day):
    status, body, _ = service.ask(f"/reports/{day}")

    assert status == 400
    assert "expected one that is over" in body["error"]


def test_without_a_lake_there_is_no_report_now(service: Service):
    assert service.ask("/reports/2022-04-20")[0] == 503


def test_without_keys_nobody_is_refused_for_good(service: Service):
    """The issuer is away: what Pub/Sub sends again later is let in then."""

    def away() -> bytes:
        raise OSError("nobody answers")

    service.keys = away

    assert service.push("/alerts", ALERT)[0] == 503


def test_a_thousand_rubbish_requests_leave_nothing_behind(service: Service, caplog):
    """Neither questions to the issuer, nor lines in the log, nor messages; and the next good one is served."""
    caplog.set_level(logging.WARNING)
    rubbish = [
        ("", wrapped(ADJUSTMENT)), ("a.b.c", b""), ("A" * 9_000, b""), (token(key="theirs"), b"\xff" * 1_000),
        (unsigned() + "AA", b"{}"), (signed_with_the_public_key(), b"{}"), (token(claims(aud="x")), b"{}"),
    ]  # fmt: skip
    made_up = [token(key="theirs", header={"kid": f"k{number}"}) for number in range(20)]
    statuses, pool = set(), service.pool
    for number in range(1_000):
        bearer, body = rubbish[number % 8] if number % 8 < 7 else (made_up[number % 20], b"{}")
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        statuses.add(pool.request("POST", PATHS[number % 4], body=body, headers=headers).status)

    assert statuses == {401}
    assert service.fetches <= 3
    assert service.broker.published == []
    assert len(caplog.records) <= 2 * len(Reason)
    assert not any(token()[:20] in record.getMessage() for record in caplog.records)
    assert service.push("/adjustments", ADJUSTMENT)[0] == 200


def test_an_outage_says_so_once_a_minute_and_on_one_line(service: Service, caplog):
    """Whoever asks meanwhile chooses the path, and how often."""
    caplog.set_level(logging.WARNING)

    def away() -> bytes:
        raise OSError("nobody answers")

    service.keys = away
    statuses = {service.ask("/reports/a%0Ab")[0] for _ in range(20)}

    assert statuses == {503}
    assert len(caplog.records) == 1
    assert "\n" not in caplog.records[0].getMessage()
