"""Dagster's UI obeys its own pages only: no other name, no other site, nothing by GET."""

import asyncio
import functools
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from inventory_assets.assets.dagster_dev import to_guarded
from inventory_assets.console.dagster_ui import guarded
from tests.messaging.brokers import REPOSITORY, eventually

STOP = 'mutation{stopSensor(id:"x"){__typename}}'


async def _answer(request):
    return PlainTextResponse("done")


PATHS = ("/", "/graphql", "/graphql/", "/report_asset_check/x")
UI = guarded(Starlette(routes=[Route(path, _answer, methods=["GET", "POST"]) for path in PATHS]))


def ask(kind: str, method: str, target: str, headers: dict[str, str]) -> dict:
    """The first message that the guarded UI sends back."""
    path, _, query = target.partition("?")
    sent: list[dict] = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    named = {"host": "127.0.0.1:3000", **headers}
    scope = {
        "type": kind, "method": method, "path": path, "query_string": query.encode(), "client": ("127.0.0.1", 1),
        "scheme": "http", "http_version": "1.1", "root_path": "", "server": ("127.0.0.1", 3000),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }  # fmt: skip
    asyncio.run(UI(scope, receive, send))
    return sent[0]


@pytest.mark.parametrize(
    ("status", "method", "path", "headers"),
    [
        (200, "GET", "/", {}), (200, "GET", "/graphql", {}), (200, "POST", "/graphql", {"content-type": "application/json"}),
        (200, "POST", "/graphql", {"content-type": "application/json", "origin": "http://127.0.0.1:3000"}),
        (421, "GET", "/", {"host": "evil.example"}), (421, "POST", "/graphql", {"host": "evil.example:3000"}),
        (405, "GET", f"/graphql?query={STOP}", {}), (405, "HEAD", f"/graphql?query={STOP}", {}),
        (405, "GET", f"/graphql/?x=1&query={STOP}", {}), (405, "GET", f"/graphql?%71uery={STOP}", {}),
        (403, "POST", "/graphql", {"content-type": "text/plain"}),
        (403, "POST", "/graphql", {"content-type": "application/json", "origin": "http://evil.example"}),
        (403, "POST", "/graphql", {"content-type": "application/json", "origin": "http://["}),
        (403, "POST", "/report_asset_check/x", {"sec-fetch-site": "cross-site", "content-type": "application/json"}),
    ],
)  # fmt: skip
def test_only_its_own_pages_and_programs_are_obeyed(status, method, path, headers):
    answer = ask("http", method, path, headers)

    assert status == answer["status"]
    assert (b"content-security-policy", b"frame-ancestors 'none'") in answer["headers"]


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"host": "evil.example"}])
def test_a_socket_of_another_site_is_closed(headers):
    assert {"type": "websocket.close", "code": 1008} == ask("websocket", "GET", "/graphql", headers)


def test_more_names_are_a_setting(monkeypatch):
    monkeypatch.setenv("INVENTORY_UI_NAMES", "stock.example.com, other.example.com")

    assert {"localhost", "stock.example.com", "other.example.com"} == guarded(Starlette()).access.names


def test_dagster_dev_starts_the_guarded_ui():
    found = to_guarded([sys.executable, "-m", "dagster_webserver", "--port", "1"])

    assert [sys.executable, "-m", "inventory_assets.console.dagster_ui", "--port", "1"] == found


@contextmanager
def _dagster(home: Path, port: int) -> Iterator[None]:
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    code = home / "code.py"
    code.write_text(
        "import dagster as dg\n@dg.op\ndef o(): pass\n@dg.job\ndef j(): o()\n"
        "@dg.sensor(job=j, minimum_interval_seconds=3600, default_status=dg.DefaultSensorStatus.RUNNING)\n"
        "def bursts(): return dg.SkipReason('x')\ndefs = dg.Definitions(jobs=[j], sensors=[bursts])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "inventory_assets.console.dagster_ui", "-f", str(code), "-p", str(port)],
        env={**os.environ, "DAGSTER_HOME": str(home)}, cwd=REPOSITORY, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield
        finally:
            process.terminate()


def _cursor(port: int) -> object:
    query = (
        '{sensorOrError(sensorSelector:{repositoryName:"__repository__",repositoryLocationName:"code.py",'
        'sensorName:"bursts"}){... on Sensor{sensorState{status typeSpecificData{... on SensorData{lastCursor}}}}}}'
    )
    answer = urllib3.request("POST", f"http://127.0.0.1:{port}/graphql", json={"query": query}, retries=False)
    return answer.json()["data"]["sensorOrError"]


@pytest.mark.big
def test_a_page_in_a_real_browser_changes_nothing(tmp_path):
    """One `<img>` on any page stopped a sensor and set its cursor; forms and fetches are tried beside it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    mutation = (
        'mutation{setSensorCursor(sensorSelector:{repositoryName:"__repository__",'
        'repositoryLocationName:"code.py",sensorName:"bursts"},cursor:"999999"){__typename}}'
    )
    target = f"http://127.0.0.1:{port}/graphql"
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text(
        f"<img src='{target}?query={mutation}'><iframe src='{target}?query={mutation}'></iframe>"
        f"<form id=f method=post enctype=text/plain target=t action='{target}'>"
        f"<input name='{{\"query\":\"' value='x\"}}'></form><iframe name=t></iframe>"
        f"<script>const q=JSON.stringify({{query:{mutation!r}}});"
        f"for(const t of ['text/plain','application/json'])"
        f"fetch('{target}',{{method:'POST',mode:t=='text/plain'?'no-cors':'cors',headers:{{'content-type':t}},body:q}});"
        "document.getElementById('f').submit()</script>"
    )
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    evil = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=evil.serve_forever, daemon=True).start()
    try:
        with _dagster(tmp_path / "dagster", port):
            before = eventually(lambda: _try(lambda: _cursor(port)), seconds=180)
            subprocess.run(
                [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
                 "--virtual-time-budget=8000", "--dump-dom", f"http://localhost:{evil.server_address[1]}/"],
                capture_output=True, timeout=120, check=True,
            )  # fmt: skip

            assert before == _cursor(port)
            # The same mutation from a program is carried out: it was the guard that kept it off.
            urllib3.request("POST", target, json={"query": mutation}, retries=False)
            assert before != _cursor(port)
    finally:
        evil.shutdown()


def _try(question):
    try:
        return question()
    except (urllib3.exceptions.HTTPError, OSError, KeyError, ValueError):
        return None
