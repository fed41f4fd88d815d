"""Ask at the door: who may come in (`access`), and the headers that every answer has."""

from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory_assets.console.access import TOKEN_VARIABLE, Access, is_bearer, is_known_host, is_logged_in, is_meant

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


class Guard:
    """Refuses what `Access` does not let in, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # A page's own policy counts: that of a report is stricter.
                for name, value in {**SECURITY_HEADERS, "Cache-Control": "no-store"}.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        if not is_known_host(headers.get("host", ""), self.access):
            return refuse(421, "this console does not go by that name; open it by its address, or start it with --name")
        bearer = is_bearer(headers, self.access)
        if self.access.token is not None and not (
            bearer or path in OPEN_PATHS or path.startswith("/static/") or is_logged_in(headers, self.access)
        ):
            return self._ask_for_token(scope)
        if method not in SAFE_METHODS and not is_meant(method, headers, is_bearer=bearer):
            return refuse(403, "a write comes from the console's own pages, or as JSON from a program; this did not")
        return None

    def _ask_for_token(self, scope: Scope) -> Response:
        if scope["path"].startswith("/api/") or scope["method"] not in SAFE_METHODS:
            answer = refuse(401, f"the token is needed: Authorization: Bearer ${TOKEN_VARIABLE}")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        # As it was asked for: the path as decoded would lose an escaped slash.
        wanted = (scope.get("raw_path") or b"/").decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        return RedirectResponse("/login?next=" + quote(wanted + (f"?{query}" if query else ""), safe=""), 303)


def refuse(status: int, why: str, **more: Any) -> Response:
    """An error as the API gives it."""
    return JSONResponse({"error": why, **more}, status)
