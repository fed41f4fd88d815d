"""Who gets in, and that a write was meant: names, tokens, forms of other sites, sizes, headers."""

import json

import pytest

from inventory_assets.console.access import (
    COOKIE,
    OWNER,
    Access,
    ConsoleSetupError,
    Logins,
    access_of,
    is_known_host,
    local_path,
    login_grant,
)
from inventory_assets.console.guard import SECURITY_HEADERS
from inventory_assets.origins import is_meant
from tests.console.conftest import alert_ids

TOKEN = "a-token-of-some-length"
ACK = json.dumps({"author": "eve"}).encode()


@pytest.mark.parametrize(
    ("header", "is_known"),
    [
        ("127.0.0.1:8090", True),
        ("localhost:8090", True),
        ("LOCALHOST", True),
        ("[::1]:8090", True),
        ("192.168.1.7:8090", True),
        ("stock.example.com", True),
        ("evil.example", False),
        ("localhost.evil.example:8090", False),
        ("127.0.0.1.evil.example", False),
        ("user@localhost", False),
        ("localhost/x", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_only_names_of_ours_and_bare_addresses_are_answered(header, is_known):
    """DNS rebinding: a page's own name is made to point here, and its Host header is that name."""
    assert is_known_host(header, access_of("127.0.0.1", None, ("Stock.Example.com",))) is is_known


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("POST", {"content-type": "application/json", "host": "h"}, True),
        ("POST", {"content-type": "application/json; charset=utf-8", "host": "h", "origin": "http://h"}, True),
        ("POST", {"content-type": "application/json", "host": "h", "origin": "http://evil"}, False),
        ("POST", {"content-type": "application/json", "host": "h", "origin": "null"}, False),
        ("POST", {"content-type": "application/json", "host": "h", "sec-fetch-site": "cross-site"}, False),
        ("POST", {"content-type": "application/json", "host": "h", "sec-fetch-site": "same-site"}, False),
        ("POST", {"content-type": "application/json", "host": "h", "sec-fetch-site": "same-origin"}, True),
        ("POST", {"content-type": "text/plain", "host": "h"}, False),
        ("POST", {"content-type": "TEXT/PLAIN;x", "host": "h"}, False),
        ("POST", {"content-type": "application/x-www-form-urlencoded", "host": "h"}, False),
        ("POST", {"content-type": "application/x-www-form-urlencoded", "host": "h", "origin": "http://h"}, True),
        ("POST", {"host": "h"}, False),
        ("PUT", {"host": "h"}, True),
        ("DELETE", {"host": "h", "origin": "http://evil"}, False),
    ],
)
def test_a_write_is_meant_or_it_is_not(method, headers, expected):
    assert is_meant(method, headers) is expected


def test_others_than_this_machine_need_a_token():
    for host in ("0.0.0.0", "::", "10.0.0.5", "stock.example.com", ""):
        with pytest.raises(ConsoleSetupError, match="INVENTORY_CONSOLE_TOKEN is not set"):
            access_of(host, None)
        assert access_of(host, TOKEN).token == TOKEN
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert access_of(host, None).token is None
    with pytest.raises(ConsoleSetupError, match="expected at least 16"):
        access_of("127.0.0.1", "short")


def test_the_command_refuses_to_start_open_to_others(home):
    from click.testing import CliRunner

    from inventory_assets.cli import cli

    done = CliRunner().invoke(cli, ["serve", "--host", "0.0.0.0"], env={"INVENTORY_HOME": str(home)})

    assert done.exit_code == 1
    assert "INVENTORY_CONSOLE_TOKEN is not set" in done.output


def test_a_taken_port_is_said(console, home):
    from click.testing import CliRunner

    from inventory_assets.cli import cli

    done = CliRunner().invoke(cli, ["serve", "--port", str(console.port)], env={"INVENTORY_HOME": str(home)})

    assert done.exit_code == 1
    assert f"cannot listen on '127.0.0.1' port {console.port}" in done.output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/thresholds?q=a", "/thresholds?q=a"), ("//evil.example", "/"), ("/\\evil.example", "/"),
        ("https://evil.example", "/"), ("", "/"), ("/a\nb", "/"), ("/\t/evil", "/"),
    ],
)  # fmt: skip
def test_a_login_leads_nowhere_else(text, expected):
    assert local_path(text) == expected


def test_another_name_is_refused_for_every_path(shop, console):
    for path in ("/", "/api/alerts", "/healthz", "/static/console.js", "/login"):
        assert console.get(path, host="evil.example").status == 421


def test_a_form_of_another_site_changes_nothing(shop, broker, console):
    [worst, _] = alert_ids(console)
    path = f"/api/alerts/{worst}/ack"
    forged = [
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "application/json", "origin": "https://evil.example"},
        {"content_type": "application/json", "sec_fetch_site": "cross-site"},
        {},
    ]

    statuses = [console.ask("POST", path, body=ACK, **headers).status for headers in forged]

    assert statuses == [403] * len(forged)
    assert broker.published == []
    # No other site is told that it may ask either.
    preflight = console.ask("OPTIONS", path, origin="https://evil.example", access_control_request_method="POST")
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_nothing_is_shown_without_the_token(shop, open_console):
    client = open_console(access_of("127.0.0.1", TOKEN))

    page, rows, css = client.get("/alerts/a%2Fb?x=1"), client.get("/api/alerts"), client.get("/static/console.css")

    assert (page.status, page.headers["location"]) == (303, "/login?next=%2Falerts%2Fa%252Fb%3Fx%3D1")
    assert (rows.status, rows.headers["www-authenticate"]) == (401, "Bearer")
    assert (css.status, client.get("/healthz").status, client.get("/login").status) == (200, 200, 200)
    assert client.send("POST", "/api/commands", {"command": "inhibit"}).status == 401


def test_a_program_brings_the_token(shop, open_console):
    client = open_console(access_of("127.0.0.1", TOKEN))

    assert client.get("/api/alerts", authorization=f"Bearer {TOKEN}").status == 200
    for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", "Bearer \u00e9"):
        assert client.get("/api/alerts", authorization=wrong).status == 401


def test_a_browser_logs_in_once(shop, open_console):
    client = open_console(access_of("127.0.0.1", TOKEN))
    host = f"127.0.0.1:{client.port}"
    form = {"content_type": "application/x-www-form-urlencoded", "host": host, "origin": f"http://{host}"}

    wrong = client.ask("POST", "/login", body=b"token=nope&next=/", **form)
    right = client.ask("POST", "/login", body=f"token={TOKEN}&next=/thresholds".encode(), **form)

    assert (wrong.status, "set-cookie" in wrong.headers) == (401, False)
    assert (right.status, right.headers["location"]) == (303, "/thresholds")
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert TOKEN not in cookie
    kept = cookie.partition(";")[0]
    assert client.get("/", cookie=kept).status == 200
    assert client.get("/", cookie=f"{COOKIE}=x").status == 303
    assert client.get("/", cookie=f"{COOKIE}={TOKEN}").status == 303
    # The cookie alone is no licence for another site's page.
    assert client.send("POST", "/api/commands", {}, cookie=kept, origin="https://evil.example").status == 403
    assert (
        client.ask("POST", "/login", body=f"token={TOKEN}&next=//evil.example".encode(), **form).headers["location"]
        == "/"
    )


def test_a_cookie_ends_with_its_logout():
    """Whoever copied it before must not come in afterwards; another browser stays logged in."""
    access = Access(token=TOKEN)
    one, other = access.logins.begin(), access.logins.begin()

    access.logins.end(one)

    assert (None, OWNER) == tuple(login_grant({"cookie": f"{COOKIE}={each}"}, access) for each in (one, other))
    assert login_grant({"cookie": f"{COOKIE}={other}"}, Access(token=TOKEN)) is None


def test_wrong_tokens_in_a_row_wait():
    now = [0.0]
    logins = Logins(lambda: now[0])
    waits = []
    for _ in range(6):
        logins.failed("10.0.0.1")
        waits.append(logins.wait_seconds("10.0.0.1"))
    now[0] = 5.0

    assert [0, 0, 1, 2, 4, 8] == waits
    assert (3, 0) == (logins.wait_seconds("10.0.0.1"), logins.wait_seconds("10.0.0.2"))
    logins.succeeded("10.0.0.1")
    assert 0 == logins.wait_seconds("10.0.0.1")


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "://", "http://evil.example"])
def test_an_origin_that_is_no_address_is_another_site(origin):
    assert not is_meant("POST", {"origin": origin, "host": "localhost", "content-type": "application/json"})


def test_every_answer_has_its_headers(shop, console):
    paths = ("/", "/api/alerts", "/nothing", "/api/nothing", "/healthz", "/static/console.js", "/login")
    for path in paths:
        headers = console.get(path).headers
        for name, expected in SECURITY_HEADERS.items():
            assert headers[name.lower()] == expected, path
    assert console.get("/", host="evil.example").headers["x-content-type-options"] == "nosniff"
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert "'unsafe" not in policy and "default-src 'none'" in policy


def test_pages_need_nothing_that_the_policy_forbids(shop, console):
    import re

    [worst, _] = alert_ids(console)
    for path in ("/", f"/alerts/{worst}", "/thresholds/rule?level_type=GLOBAL", "/stock?sku=S1"):
        text = console.get(path).text
        assert not re.search(r"\son[a-z]+=|\sstyle=|<style|javascript:|<script>", text), path
        assert not re.search(r'(?:src|href)="https?://', text), path


def test_a_body_has_a_bound(shop, broker, console):
    big = b"x" * 8_000_001

    answer = console.ask("POST", "/api/thresholds/import", body=big, content_type="text/csv", x_author="dana")

    assert answer.status == 413
    assert broker.published == []


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b'{"a":1,"a":2}', b"5", b"[" * 100_000])
def test_rubbish_is_refused(shop, broker, console, body):
    [worst, _] = alert_ids(console)

    answer = console.ask("POST", f"/api/alerts/{worst}/ack", body=body, content_type="application/json", x_author="d")

    assert answer.status == 422, answer.text
    assert broker.published == []
