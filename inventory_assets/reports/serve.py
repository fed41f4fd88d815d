"""Serve reports over HTTP: read-only, to this machine unless told otherwise, and nothing but the reports.

Answers GET and HEAD of files that are in the storage; there is no listing but
`index.html`. A page can do nothing: the Content-Security-Policy allows no
script and no request, and a page's own policy less than that.
"""

import posixpath
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from inventory_assets.lake.files.storage import Storage

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class ReportServer(ThreadingHTTPServer):
    """A server of one storage of reports. Bound when made; `serve_forever` answers."""

    daemon_threads = True

    def __init__(self, host: str, port: int, storage: Storage) -> None:
        self.storage = storage
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/"


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer
    server_version = "inventory"
    sys_version = ""
    # A client that says nothing does not keep a thread.
    timeout = 30

    def do_GET(self) -> None:
        self._answer(has_body=True)

    def do_HEAD(self) -> None:
        self._answer(has_body=False)

    def _answer(self, *, has_body: bool) -> None:
        name = to_name(self.path)
        content = None if name is None else self._read(name)
        if name is None or content is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"there is no such report\n", has_body)
            return
        self._send(HTTPStatus.OK, TYPES[posixpath.splitext(name)[1]], content, has_body)

    def _read(self, name: str) -> bytes | None:
        storage = self.server.storage
        if "://" not in storage.uri:
            # A link in the directory may lead out of it, or a name be a directory's.
            root = Path(storage.uri).resolve()
            path = (root / name).resolve()
            if not path.is_relative_to(root) or not path.is_file():
                return None
        return storage.read(name)

    def _send(self, status: HTTPStatus, kind: str, content: bytes, has_body: bool) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if has_body:
            self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(timestamp, usegmt=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: paths are other people's text, and nobody reads them."""


def to_name(path: str) -> str | None:
    """The file that a request's path names; None for what cannot be one of ours."""
    try:
        name = unquote(urlsplit(path).path, errors="strict").removeprefix("/")
    except (UnicodeDecodeError, ValueError):
        return None
    name = name or "index.html"
    parts = name.split("/")
    if any(part in ("", ".", "..") or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    return name if posixpath.splitext(name)[1] in TYPES else None
