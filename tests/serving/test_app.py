"""The console and the stock service on one port: each at its own paths, both by the same tokens."""

import asyncio

import pytest

from inventory_assets.access.gate import Gate
from inventory_assets.access.tokens import make_token, revoke_token
from inventory_assets.console.access import COOKIE, Access
from inventory_assets.domain.access.grants import Scope
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.serving.app import OWN, Together, build_together
from tests.api.asking import ask_within, get, post, stock
from tests.console.test_roles import Hurried

VARIABLE = "a-token-of-some-length"


@pytest.fixture
def serve(settings):
    """Builds the application of both over a picture of one shelf; there is no lake behind it."""
    built: list[Together] = []

    def build(**access) -> Together:
        app = build_together(settings, Access(frozenset({"localhost"}), **access), publish=lambda *_: None)
        picture = Picture(1)
        picture.start(1, [(1, 1)], {"stock": [stock(), stock("W2")]})
        app.api.service.live.picture = picture
        built.append(app)
        return app

    yield build
    for app in built:
        asyncio.run(app.api.stop())
        app.console.app.state.console.close()


@pytest.fixture
def gate(settings):
    gate = Gate(settings, monotonic=Hurried())
    yield gate
    gate.close()


def bearer(secret: str) -> dict[str, dict[str, str]]:
    return {"headers": {"authorization": f"Bearer {secret}"}}


SHELF = "/v1/stock/W1/S1"


def test_each_answers_at_its_own_paths(serve):
    app = serve()

    assert 10 == get(app, SHELF).json["on_hand"]
    assert b"Stock service" in get(app, "/v1/").body and b"Stock service" in get(app, "/v1").body
    assert "/v1/batch/stock" in get(app, "/v1/openapi.json").json["paths"]
    assert "/api/alerts" in get(app, "/api/openapi.json").json["paths"]
    assert b"Inventory" in get(app, "/login").body
    # Escaped, it is another path, and no way round the one guard or the other.
    assert 404 == get(app, "/%76%31/stock/W1/S1").status


def test_no_path_is_of_both(serve):
    routes = serve().console.app.routes

    assert {each.path.split("/")[1].encode() for each in routes}.isdisjoint(OWN)


@pytest.mark.parametrize("path", ["/", SHELF])
def test_another_name_is_answered_by_neither(serve, path):
    assert 421 == get(serve(), path, headers={"host": "evil.example"}).status


def test_without_the_variables_token_nothing_is_told(serve):
    app = serve(token=VARIABLE)

    assert 401 == get(app, SHELF).status
    assert 401 == get(app, SHELF, **bearer("a-guess-of-some-length")).status
    assert 200 == get(app, SHELF, **bearer(VARIABLE)).status
    assert 200 == get(app, "/health").status


def test_who_guesses_waits_at_both_doors(serve):
    app = serve(token=VARIABLE)

    statuses = [get(app, SHELF, **bearer(f"a-guess-of-some-length-{number}")).status for number in range(5)]

    assert [401, 401, 429] == statuses[:3]
    assert 429 == get(app, "/api/alerts", **bearer("another-guess-of-length")).status


def test_a_token_of_the_home_is_good_at_both_and_at_neither_once_revoked(serve, settings, gate):
    token, secret = make_token(settings, "shelf", Scope.READ, warehouses=["W1"])
    app = serve(gate=gate)

    before = [get(app, path, **bearer(secret)).status for path in (SHELF, "/v1/stock/W2/S1", "/thresholds")]
    revoke_token(settings, token.name)

    assert [200, 403, 403] == before
    assert [401, 401] == [get(app, path, **bearer(secret)).status for path in (SHELF, "/api/stock?sku=S1")]


def test_a_browser_that_logged_in_reads_and_writes_from_our_pages_only(serve, settings, gate):
    token, _ = make_token(settings, "dana", Scope.WRITE)
    app = serve(gate=gate)
    cookie = {"cookie": f"{COOKIE}={app.console.access.logins.begin(token.token_id)}"}
    elsewhere = cookie | {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    event = {"type": "no such thing"}

    assert 200 == get(app, SHELF, headers=cookie).status
    assert 403 == post(app, "/v1/events", event, headers=elsewhere).status
    # It is let in; what it says is wrong.
    assert 422 == post(app, "/v1/events", event, headers=cookie).status


def test_both_begin_and_end_together(settings, engine):
    engine.lake.watermark()

    async def run() -> int:
        app = build_together(settings, Access(frozenset({"localhost"})), publish=lambda *_: None)
        heard: asyncio.Queue = asyncio.Queue()
        said: asyncio.Queue = asyncio.Queue()
        task = asyncio.create_task(app({"type": "lifespan"}, heard.get, said.put))
        await heard.put({"type": "lifespan.startup"})
        assert "lifespan.startup.complete" == (await said.get())["type"]
        while app.api.service.live.picture is None:
            await asyncio.sleep(0.01)
        status = (await ask_within(app, "GET", "/health")).status
        await heard.put({"type": "lifespan.shutdown"})
        await task
        return status

    assert 200 == asyncio.run(run())
