"""Reports over HTTP: what is there, as what it is, and nothing beside it."""

import threading
from http.client import HTTPConnection
from pathlib import Path

import pytest

from inventory_assets.lake.files.storage import open_storage
from inventory_assets.reports.serve import HEADERS, ReportServer, to_name


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
def ask(folder):
    """Ask a server of the directory."""
    server = ReportServer("127.0.0.1", 0, open_storage(str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def ask_(path: str, method: str = "GET"):
        connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
        # As typed: no client tidies the path up for us.
        connection.putrequest(method, path, skip_accept_encoding=True)
        connection.endheaders()
        answer = connection.getresponse()
        found = answer.status, answer.read(), dict(answer.getheaders())
        connection.close()
        return found

    yield ask_
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/", "text/html; charset=utf-8", b"<h1>index</h1>"),
        ("/index.html?x=1", "text/html; charset=utf-8", b"<h1>index</h1>"),
        ("/nightly/2022-04-20/orders.csv", "text/csv; charset=utf-8", b"sku\r\nS1\r\n"),
        ("/week%20of%20the%20fair%2C%20100%20%25.html", "text/html; charset=utf-8", b"<p>fair</p>"),
    ],
)
def test_a_file_comes_as_what_it_is_and_may_do_nothing(ask, path, kind, body):
    status, content, headers = ask(path)

    assert (200, kind, body) == (status, headers["Content-Type"], content)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert set(HEADERS) <= set(headers)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.html", "/%2e%2e/secret.html", "/nightly/../../secret.html", "/..%2fsecret.html", "//secret.html",
        "/link.html", "/.hidden.html", "/program.py", "/nightly", "/nightly/", "/nothing.html", "/%00.html", "/%ff.html",
        "/..\\secret.html", "/nightly/2022-04-20/.html", "http://other/../secret.html",
    ],
)  # fmt: skip
def test_nothing_else_is_there(ask, path):
    status, content, _ = ask(path)

    assert 404 == status
    assert b"secret" not in content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(ask, folder, method):
    status, _, _ = ask("/index.html", method)

    assert 501 == status
    assert "<h1>index</h1>" == (folder / "index.html").read_text()


def test_head_says_how_long_it_is_and_sends_nothing(ask):
    status, content, headers = ask("/index.html", "HEAD")

    assert (200, b"", "14") == (status, content, headers["Content-Length"])


def test_an_index_is_what_the_root_is():
    assert "index.html" == to_name("/")
