"""Reports as they were published: read-only, and nothing but the files.

There is no listing but `index.html`. A report's page can do nothing: its policy allows no script
and no request, which is less than the console's own pages may.
"""

import posixpath
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from inventory_assets.console.http import console_of
from inventory_assets.console.problems import Refused
from inventory_assets.lake.files.storage import Storage, open_storage

PLACE = "/reports/"
INDEX = "index.html"
TYPES = {".html": "text/html; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".json": "application/json"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def routes() -> list[Route]:
    """The files below `/reports/`; its root is the index."""
    # Links in the index are relative to its folder.
    return [Route("/reports", lambda request: RedirectResponse(PLACE, 308)), Route(PLACE + "{name:path}", report)]


# No coroutine: a bucket takes its time, and Starlette gives what blocks a thread.
def report(request: Request) -> Response:
    """One file."""
    name = to_name(request.path_params["name"])
    content = None if name is None else _read(open_storage(console_of(request).settings.reports_uri), name)
    if name is None or content is None:
        which = "no report yet; make one with `inventory reports build`" if name == INDEX else "no such report"
        raise Refused(404, f"there is {which}")
    return Response(content, headers={**HEADERS, "Content-Type": TYPES[posixpath.splitext(name)[1]]})


def to_name(name: str) -> str | None:
    """The file that a path below `/reports/` names; None for what cannot be one of ours."""
    name = name or INDEX
    parts = name.split("/")
    if any(part in ("", ".", "..") or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    return name if posixpath.splitext(name)[1] in TYPES else None


def _read(storage: Storage, name: str) -> bytes | None:
    if "://" not in storage.uri:
        # A link in the directory may lead out of it, or a name be a directory's.
        root = Path(storage.uri).resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            return None
    return storage.read(name)
