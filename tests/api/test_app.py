"""What every answer has, whoever asks for what: statuses, tags, headers, sizes."""

import os

import pytest

from inventory_assets.api.app import MAX_BODY, Api
from inventory_assets.api.door import Door
from inventory_assets.api.http import answer
from inventory_assets.api.routes import Route
from tests.api.asking import ask, get, post, stock

ONE = "/v1/stock/W1/S1"


@pytest.fixture
def app(served):
    return served.start(stock=[stock()]).app


def test_an_answer_says_what_version_it_shows_and_what_last_changed_it(served, app):
    for _ in range(3):
        served.step()

    answered = get(app, ONE)

    assert (200, "4", '"7-1"') == (
        answered.status, answered.headers["lake-version"], answered.headers["etag"]
    )  # fmt: skip
    assert answered.json["version"] == 1


def test_what_has_not_changed_is_not_sent_again(served, app):
    tag = get(app, ONE).headers["etag"]
    served.step()

    answered = get(app, ONE, headers={"if-none-match": f'"x", W/{tag}'})

    assert (304, b"", tag) == (answered.status, answered.body, answered.headers["etag"])
    served.step(stock=[stock(on_hand=3, version=3)])
    assert get(app, ONE, headers={"if-none-match": tag}).json["on_hand"] == 3


def test_a_head_has_the_headers_of_the_answer_and_no_body(app):
    whole, head = get(app, ONE), ask(app, "HEAD", ONE)

    assert (whole.headers, b"") == (head.headers, head.body)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/v1/nothing", "GET", 404), (f"{ONE}/", "GET", 404), (ONE, "DELETE", 405), ("/v1/stock/%ff/S1", "GET", 400),
     ("/v1/stock/%00/S1", "GET", 422), ("/v1/stock/%20W/S1", "GET", 422), ("/v1/stock/W9/S1", "GET", 404)],
)  # fmt: skip
def test_what_cannot_be_answered_is_said_as_a_problem(app, path, method, status):
    answered = ask(app, method, path)

    assert (status, "application/problem+json") == (answered.status, answered.headers["content-type"])
    assert {"type", "title", "status", "detail"} <= set(answered.json)


def test_the_id_of_an_alert_is_longer_than_what_it_is_made_of(app):
    """A warehouse and a SKU of 256 bytes each, and more."""
    for name in ("alerts", "plan"):
        answered = [get(app, f"/v1/{name}/{'x' * size}").status for size in (600, 601)]
        assert [503, 422] == answered  # there is no lake to ask


def test_a_write_to_a_product_is_none_to_a_warehouse_of_that_name(app):
    """By the query it can be named: what is refused there is the lake that is not there."""
    by_path, by_query = "/v1/inventory/product/S1", "/v1/inventory?warehouse=product&sku=S1"

    assert [405, 503] == [ask(app, "PUT", path, {"quantity_on_hand": 1}).status for path in (by_path, by_query)]


def test_what_is_counted_says_in_which_process(app):
    get(app, ONE)

    lines = get(app, "/metrics").body.decode().splitlines()
    assert [] == [line for line in lines if line[:1] != "#" and f'process="{os.getpid()}"' not in line]


def test_only_names_of_ours_are_answered(app):
    """DNS rebinding: a page's own name is made to point here."""
    assert [421, 421, 200, 200] == [
        get(app, ONE, headers={"host": host}).status for host in ("evil.example", "", "10.0.0.1:8091", "LOCALHOST:1")
    ]


def test_a_long_body_is_refused_before_it_is_read(app):
    declared = post(app, "/v1/batch/stock", b"{}", headers={"content-length": str(MAX_BODY + 1)})
    sent = post(app, "/v1/batch/stock", b"x", parts=[b" " * 600_000] * 2)

    assert [413, 413] == [declared.status, sent.status]


def test_a_body_in_parts_is_one(app):
    answered = post(app, "/v1/batch/stock", b"x", parts=[b'{"skus"', b': ["S2"]}'])

    assert answered.json["unknown"] == ["S2"]


def test_long_answers_are_packed_where_that_is_accepted(served):
    app = served.start(stock=[stock(sku=f"S{number}") for number in range(50)]).app
    plain = get(app, "/v1/stock?warehouse=W1")

    packed = get(app, "/v1/stock?warehouse=W1", headers={"accept-encoding": "br, gzip"})

    assert plain.json == packed.json and len(packed.body) < len(plain.body) / 4
    assert ('"7-1.gz"', "accept-encoding, authorization") == (packed.headers["etag"], packed.headers["vary"])
    assert 304 == get(app, "/v1/stock?warehouse=W1", headers={"if-none-match": packed.headers["etag"]}).status
    refused = get(app, "/v1/stock?warehouse=W1", headers={"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers


def test_a_fault_of_ours_is_said_without_its_inside(served):
    def fault(service, asked):
        raise RuntimeError("the secret of /home")

    answered = get(Api(served.service, Door(), [Route("GET", "/fault", fault, "Fails.")]), "/fault")

    assert (500, False) == (answered.status, b"secret" in answered.body)


def test_before_the_first_picture_only_its_health_is_told(served):
    assert [503, 503] == [get(served.app, path).status for path in (ONE, "/health")]
    assert "retry-after" in get(served.app, ONE).headers
    assert get(served.app, "/health").json["status"] == "loading"


def test_a_header_that_counts_once_is_not_there_twice(app):
    async def twice(scope, receive, send):
        scope["headers"].append((b"host", b"localhost"))
        await app(scope, receive, send)

    assert 400 == get(twice, ONE).status


def test_what_sends_for_itself_is_let(served):
    async def stream(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"data"})

    app = Api(served.service, Door(), [Route("GET", "/stream", lambda service, asked: stream, "Streams.")])

    assert b"data" == get(app, "/stream").body


def test_a_write_from_a_page_of_somebody_elses_is_refused(served):
    route = Route("POST", "/write", lambda service, asked: answer({}), "Writes.", scope="write", body=bytes)
    app = Api(served.service, Door(), [route])

    forms = [{"content-type": "text/plain"}, {"origin": "http://evil"}, {"sec-fetch-site": "cross-site"}]
    assert [403] * 3 == [post(app, "/write", b"{}", headers=each).status for each in forms]
    assert 200 == post(app, "/write", b"{}").status
