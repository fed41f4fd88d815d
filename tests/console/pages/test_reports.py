"""Reports in the console: what is there, as what it is, and nothing beside it."""

from http.client import HTTPConnection
from pathlib import Path

import pytest

from inventory_assets.console.access import access_of
from inventory_assets.console.guard import SECURITY_HEADERS
from inventory_assets.console.pages.reports import HEADERS, to_name
from inventory_assets.settings import Settings
from tests.console.conftest import PATIENCE_SECONDS


@pytest.fixture
def folder(tmp_path) -> Path:
    """A directory with spaces in its name, and a secret beside it."""
    (tmp_path / "secret.html").write_text("secret")
    root = tmp_path / "my reports é"
    (root / "nightly" / "2022-04-20").mkdir(parents=True)
    (root / "index.html").write_text("<h1>index</h1>")
    (root / "nightly" / "2022-04-20" / "orders.csv").write_text("sku\r\nS1\r\n")
    (root / "week of the fair, 100 %.html").write_text("<p>fair</p>")
    (root / ".hidden.html").write_text("hidden")
    (root / "program.py").write_text("print()")
    (root / "link.html").symlink_to(tmp_path / "secret.html")
    return root


@pytest.fixture
def settings(home, folder) -> Settings:
    """Of a home without a lake: reports are files."""
    return Settings(home=home, reports_path=str(folder))


@pytest.fixture
def ask(console):
    """Ask a console on the directory."""

    def ask_(path: str, method: str = "GET", **more: str):
        connection = HTTPConnection("127.0.0.1", console.port, timeout=PATIENCE_SECONDS)
        # As typed: no client tidies the path up for us.
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in more.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        found = answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return found

    return ask_


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/reports/", "text/html; charset=utf-8", b"<h1>index</h1>"),
        ("/reports/index.html?x=1", "text/html; charset=utf-8", b"<h1>index</h1>"),
        ("/reports/nightly/2022-04-20/orders.csv", "text/csv; charset=utf-8", b"sku\r\nS1\r\n"),
        ("/reports/week%20of%20the%20fair%2C%20100%20%25.html", "text/html; charset=utf-8", b"<p>fair</p>"),
    ],
)
def test_a_file_comes_as_what_it_is_and_may_do_nothing(ask, path, kind, body):
    status, content, headers = ask(path)

    assert (200, kind, body) == (status, headers["content-type"], content)
    assert {name.lower(): value for name, value in {**SECURITY_HEADERS, **HEADERS}.items()}.items() <= headers.items()


@pytest.mark.parametrize(
    "path",
    [
        "/reports/../secret.html", "/reports/%2e%2e/secret.html", "/reports/nightly/../../secret.html",
        "/reports/..%2fsecret.html", "/reports//secret.html", "/reports/link.html", "/reports/.hidden.html",
        "/reports/program.py", "/reports/nightly", "/reports/nightly/", "/reports/nothing.html", "/reports/%00.html",
        "/reports/%ff.html", "/reports/..\\secret.html", "/reports/nightly/2022-04-20/.html", "/index.html",
    ],
)  # fmt: skip
def test_nothing_else_is_there(ask, path):
    status, content, _ = ask(path)

    assert 404 == status
    assert b"secret" not in content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(ask, folder, method):
    status, _, _ = ask("/reports/index.html", method, **{"Content-Type": "application/json"})

    assert 405 == status
    assert "<h1>index</h1>" == (folder / "index.html").read_text()


def test_head_says_how_long_it_is_and_sends_nothing(ask):
    status, content, headers = ask("/reports/index.html", "HEAD")

    assert (200, b"", "14") == (status, content, headers["content-length"])


def test_every_page_leads_to_them(ask):
    """A planner found no plan in the console, nor a link to the reports: theirs is the page that has both."""
    status, body, _ = ask("/login")

    assert 200 == status
    assert b'href="/reports/">Reports</a>' in body


def test_the_index_is_in_its_folder_for_its_links_to_be_right(ask):
    status, _, headers = ask("/reports")

    assert (308, "/reports/") == (status, headers["location"])
    assert "index.html" == to_name("")


def test_reports_are_behind_the_token_too(open_console):
    client = open_console(access_of("127.0.0.1", "a-token-of-some-length"))

    assert (303, "/login?next=%2Freports%2F") == (
        (answer := client.get("/reports/")).status,
        answer.headers["location"],
    )
