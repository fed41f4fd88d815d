"""Ask at the door: who may come in (`access`), and the headers that every answer has."""

import logging
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory_assets.console.access import (
    TOKEN_VARIABLE,
    Access,
    is_bearer,
    is_known_host,
    is_logged_in,
)
from inventory_assets.origins import is_meant, is_own_origin

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Without the token: what a probe and the page that asks for the token need.
OPEN_PATHS = frozenset({"/healthz", "/login"})
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: with that, a browser sends the origin of our own form as null.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ALL_HEADERS = {**SECURITY_HEADERS, "Cache-Control": "no-store"}
# More at once are told to come again, instead of waiting for one thread.
MAX_RUNNING = 128
logger = logging.getLogger(__name__)


class Guard:
    """Refuses what `Access` does not let in, and puts the security headers on every answer.

    Args:
        app: What is guarded.
        access: Who may ask.
        headers: What every answer has, unless it says otherwise itself.
    """

    def __init__(self, app: ASGIApp, access: Access, headers: Mapping[str, str] = ALL_HEADERS) -> None:
        self.app = app
        self.access = access
        self.headers = headers
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "websocket" and not self._is_own_socket(Headers(scope=scope)):
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                headers = MutableHeaders(scope=message)
                # A page's own policy counts: that of a report is stricter.
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        self._running += 1
        try:
            await (self.refusal(scope) or self.app)(scope, receive, send_guarded)
        except Exception:
            # The application has answered and logged its own; this is for what went wrong around it.
            if not is_begun:
                logger.exception("%s %r failed", scope["method"], scope["path"])
                await refuse(500, "something went wrong here; the console's log has the details")(
                    scope, receive, send_guarded
                )
        finally:
            self._running -= 1

    def _is_own_socket(self, headers: Headers) -> bool:
        host = headers.get("host", "")
        return is_known_host(host, self.access) and is_own_origin(headers.get("origin", f"http://{host}"), host)

    def refusal(self, scope: Scope) -> Response | None:
        """The answer to who may not come in."""
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        if not is_known_host(headers.get("host", ""), self.access):
            return refuse(421, "this console does not go by that name; open it by its address, or start it with --name")
        # A probe asks whether we live: it is answered also where everybody else is told to wait.
        if self._running > MAX_RUNNING and path != "/healthz":
            return refuse(503, "too many requests at once; come again in a moment")
        bearer = is_bearer(headers, self.access)
        if self._carries_token(headers) and path not in OPEN_PATHS:
            # Not looked at while it must wait: a guess then says nothing.
            wait = self.access.logins.wait_seconds(client_of(scope))
            if wait or not bearer:
                return self._refuse_bearer(wait or note_failure(self.access, client_of(scope), path))
            self.access.logins.succeeded(client_of(scope))
        if self.access.token is not None and not (
            bearer or path in OPEN_PATHS or path.startswith("/static/") or is_logged_in(headers, self.access)
        ):
            return self._ask_for_token(scope)
        if method not in SAFE_METHODS and not is_meant(method, headers, is_bearer=bearer):
            return refuse(403, "a write comes from the console's own pages, or as JSON from a program; this did not")
        return None

    def _carries_token(self, headers: Headers) -> bool:
        return self.access.token is not None and headers.get("authorization", "").lower().startswith("bearer ")

    def _refuse_bearer(self, wait: float) -> Response:
        if wait:
            answer = refuse(429, f"too many wrong tokens; try again in {wait:.0f} s")
            answer.headers["Retry-After"] = str(math.ceil(wait))
        else:
            answer = refuse(401, f"this is not the token: Authorization: Bearer ${TOKEN_VARIABLE}")
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _ask_for_token(self, scope: Scope) -> Response:
        if scope["path"].startswith("/api/") or scope["method"] not in SAFE_METHODS:
            answer = refuse(401, f"the token is needed: Authorization: Bearer ${TOKEN_VARIABLE}")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        # As it was asked for: the path as decoded would lose an escaped slash.
        wanted = (scope.get("raw_path") or b"/").decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        return RedirectResponse("/login?next=" + quote(wanted + (f"?{query}" if query else ""), safe=""), 303)


def client_of(scope: Scope) -> str:
    """Who asks, as far as the connection or a trusted proxy says."""
    return scope["client"][0] if scope.get("client") else "unknown"


def note_failure(access: Access, client: str, path: str) -> float:
    """Count and log a wrong token; how long this client waits before its next try."""
    count = access.logins.failed(client)
    logger.warning("a wrong token from %s at %r, the %d. in a row", client, path, count)
    return access.logins.wait_seconds(client)


def refuse(status: int, why: str, **more: Any) -> Response:
    """An error as the API gives it."""
    return JSONResponse({"error": why, **more}, status)
