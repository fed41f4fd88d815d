"""Ask at the door: who may come in (`access`), and the headers that every answer has."""

import asyncio
import logging
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory_assets.access.gate import STORE_REFUSAL
from inventory_assets.console.access import (
    OWNER,
    SAFE_METHODS,
    TOKEN_VARIABLE,
    Access,
    denial,
    given_grant,
    is_known_host,
    login_grant,
)
from inventory_assets.domain.access.grants import Grant, Refusal
from inventory_assets.domain.access.tokens import bearer_of, digest_of
from inventory_assets.errors import InventoryError
from inventory_assets.origins import is_meant, is_own_origin

# Without a token: what a probe and the page that asks for the token need.
OPEN_PATHS = frozenset({"/healthz", "/login"})
# It waits for what comes, and is no work: bounded for itself.
NEWS = "/news"
# With any token: who logs out writes nothing.
LOGOUT = "/logout"
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
_HOW = f"Authorization: Bearer inv_…, of inventory tokens make, or ${TOKEN_VARIABLE}"
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
        # Handlers leave here what they sent.
        scope.setdefault("state", {})

        async def send_guarded(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                await self._record(scope, message["status"])
                headers = MutableHeaders(scope=message)
                # A page's own policy counts: that of a report is stricter.
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        is_counted = scope["path"] != NEWS
        self._running += is_counted
        try:
            refused = self.refusal(scope) or await self._unrecordable(scope)
            await (refused or self.app)(scope, receive, send_guarded)
        except Exception:
            # The application has answered and logged its own; this is for what went wrong around it.
            if not is_begun:
                logger.exception("%s %r failed", scope["method"], scope["path"])
                await refuse(500, "something went wrong here; the console's log has the details")(
                    scope, receive, send_guarded
                )
        finally:
            self._running -= is_counted

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
        is_bearer = False
        if self.access.is_needed and path not in OPEN_PATHS and not path.startswith("/static/"):
            found = self._grant(scope, headers)
            if isinstance(found, Response):
                return found
            grant, is_bearer = found
            if path != LOGOUT and (denied := denial(grant, self.access, method, path, scope["query_string"])):
                return refuse_by(denied)
            scope["state"]["grant"] = grant
        if method not in SAFE_METHODS and not is_meant(method, headers, is_bearer=is_bearer):
            return refuse(403, "a write comes from the console's own pages, or as JSON from a program; this did not")
        return None

    def _grant(self, scope: Scope, headers: Headers) -> tuple[Grant, bool] | Response:
        """Whose token a request comes with, and whether it carries it itself; or the answer to who has none."""
        client = client_of(scope)
        if headers.get("authorization", "").lower().startswith("bearer "):
            given = bearer_of(headers["authorization"]) or ""
            # Not looked at while it must wait: a guess then says nothing.
            wait = wait_of(self.access, client, given)
            found = None if wait else given_grant(given, self.access)
            if isinstance(found, Grant):
                self.access.logins.succeeded(client)
                return found, True
            if found is not None and found.status != 401:
                return refuse_by(found)
            return self._refuse_bearer(wait or note_failure(self.access, client, scope["path"], given))
        found = login_grant(headers, self.access)
        if isinstance(found, Grant):
            return found, False
        if found is not None and found.status != 401:
            return refuse_by(found)
        return self._ask_for_token(scope)

    async def _unrecordable(self, scope: Scope) -> Response | None:
        """The answer to a write with a token that could not be recorded: it is not carried out."""
        if (writer := _writer(scope)) is None or self.access.gate is None:
            return None
        try:
            await asyncio.to_thread(self.access.gate.check_writable)
        except InventoryError as error:
            logger.error("%s", error)
            # The variable's works without a store, as it did before there was one.
            if writer is not OWNER:
                del scope["state"]["grant"]  # nor is it tried again for the refusal
                return refuse(503, "this could not be recorded, so it was not done; the console's log says why")
        return None

    async def _record(self, scope: Scope, status: int) -> None:
        """Record who wrote what, before who asked has the answer."""
        if (writer := _writer(scope)) is None or self.access.gate is None:
            return
        sent = scope["state"].get("sent", {})
        try:
            await asyncio.to_thread(
                self.access.gate.record_write, writer, method=scope["method"], path=scope["path"], status=status, **sent
            )
        except InventoryError as error:
            # It is done, so it is answered; what the audit lacks, the log has.
            logger.error(
                "not recorded: %r %s %r, answered %d, sent %r: %s",
                writer.name, scope["method"], scope["path"], status, sent, error,
            )  # fmt: skip

    def _refuse_bearer(self, wait: float) -> Response:
        if wait:
            answer = refuse(429, f"too many wrong tokens; try again in {wait:.0f} s")
            answer.headers["Retry-After"] = str(math.ceil(wait))
        else:
            answer = refuse(401, f"this token is not good here: {_HOW}")
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _ask_for_token(self, scope: Scope) -> Response:
        if self.access.token is None and self.access.gate is not None and not self.access.gate.is_readable:
            return refuse_by(STORE_REFUSAL)
        if scope["path"].startswith("/api/") or scope["method"] not in SAFE_METHODS:
            answer = refuse(401, f"a token is needed: {_HOW}")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        # As it was asked for: the path as decoded would lose an escaped slash.
        wanted = (scope.get("raw_path") or b"/").decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        return RedirectResponse("/login?next=" + quote(wanted + (f"?{query}" if query else ""), safe=""), 303)


def _writer(scope: Scope) -> Grant | None:
    """Whose token writes by this request; None where it only looks, or comes with none."""
    is_write = scope["method"] not in SAFE_METHODS and scope["path"] != LOGOUT
    return scope["state"].get("grant") if is_write else None


def client_of(scope: Scope) -> str:
    """Who asks, as far as the connection or a trusted proxy says."""
    return scope["client"][0] if scope.get("client") else "unknown"


def wait_of(access: Access, client: str, given: str) -> float:
    """How long a client must wait before a token is looked at."""
    # Nobody guesses one of ours, so a program that goes on with one that was revoked keeps nobody beside it waiting.
    return 0.0 if digest_of(given) else access.logins.wait_seconds(client)


def note_failure(access: Access, client: str, path: str, given: str) -> float:
    """Count and log a wrong token; how long this client waits before its next try."""
    if digest_of(given):
        return 0.0  # counted by the gate
    count = access.logins.failed(client)
    logger.warning("a wrong token from %s at %r, the %d. in a row", client, path, count)
    return access.logins.wait_seconds(client)


def refuse_by(refused: Refusal) -> Response:
    """The answer to what a token does not allow; its reason is not for whoever asks."""
    answer = refuse(refused.status, refused.detail)
    if refused.retry_after is not None:
        answer.headers["Retry-After"] = str(refused.retry_after)
    return answer


def refuse(status: int, why: str, **more: Any) -> Response:
    """An error as the API gives it."""
    return JSONResponse({"error": why, **more}, status)
