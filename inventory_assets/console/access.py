"""Who may ask: the names we answer to, the token, and that a write was meant.

Here: decisions over a request's head; nothing is loaded that serves. Not here:
the middleware that asks them (`guard`), what every door asks of browsers (`inventory_assets.origins`).
"""

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from inventory_assets.origins import is_ours

COOKIE = "inventory_console"
TOKEN_VARIABLE = "INVENTORY_CONSOLE_TOKEN"
MIN_TOKEN = 16
LOGIN_SECONDS = 30 * 24 * 3600
# Wrong tokens in a row before the next must wait: one second, then twice as long each time.
FREE_FAILURES = 3
MAX_WAIT = 60.0
MAX_FAILING = 10_000


class ConsoleSetupError(ValueError):
    """The console may not be started so."""


@dataclass(frozen=True, slots=True)
class Access:
    """What the console answers to: names of its own, and the token if there is one."""

    names: frozenset[str] = frozenset()
    token: str | None = None
    logins: "Logins" = field(default_factory=lambda: Logins())


class Logins:
    """Who gave the token, until they log out or this process ends; and who gave a wrong one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._failures: dict[str, tuple[int, float]] = {}

    def begin(self) -> str:
        """A new cookie: random, so that none outlives its logout."""
        now = self._clock()
        self._until = {name: until for name, until in self._until.items() if until > now}
        cookie = secrets.token_urlsafe()
        self._until[_digest(cookie)] = now + LOGIN_SECONDS
        return cookie

    def holds(self, cookie: str) -> bool:
        """Whether a cookie is one of ours that is still good."""
        return self._until.get(_digest(cookie), 0.0) > self._clock()

    def end(self, cookie: str) -> None:
        """Forget a cookie."""
        self._until.pop(_digest(cookie), None)

    def failed(self, client: str) -> int:
        """Count a wrong token of a client; how many in a row."""
        count = self._failures.pop(client, (0, 0.0))[0] + 1
        if len(self._failures) >= MAX_FAILING:
            del self._failures[next(iter(self._failures))]
        wait = 0.0 if count < FREE_FAILURES else min(2.0 ** (count - FREE_FAILURES), MAX_WAIT)
        self._failures[client] = (count, self._clock() + wait)
        return count

    def wait_seconds(self, client: str) -> float:
        """How long a client must wait before its next try."""
        return max(0.0, self._failures.get(client, (0, 0.0))[1] - self._clock())

    def succeeded(self, client: str) -> None:
        """Forget a client's failures."""
        self._failures.pop(client, None)


def _digest(cookie: str) -> str:
    # Looked up by its hash: the time that a look-up takes says nothing of the cookie.
    return hashlib.sha256(cookie.encode(errors="surrogateescape")).hexdigest()


def access_of(host: str, token: str | None, names: tuple[str, ...] = ()) -> Access:
    """Decide who may reach a console that listens on `host`.

    Raises:
        ConsoleSetupError: Others than this machine could reach it without a token, or the token is too short.
    """
    if token is not None and len(token) < MIN_TOKEN:
        raise ConsoleSetupError(
            f"{TOKEN_VARIABLE} has {len(token)} characters, expected at least {MIN_TOKEN}. "
            "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    if token is None and not is_loopback(host):
        raise ConsoleSetupError(
            f"--host was {host!r}, which other machines can reach, and {TOKEN_VARIABLE} is not set: anybody there "
            "could silence alerts and change thresholds. Set it, or leave out --host."
        )
    return Access(frozenset({"localhost", host.lower(), *(name.lower() for name in names)}), token)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_known_host(header: str, access: Access) -> bool:
    """Whether a Host header names this console."""
    return is_ours(header, access.names)


def is_bearer(headers: Mapping[str, str], access: Access) -> bool:
    """Whether a request carries the token itself."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    return access.token is not None and kind.lower() == "bearer" and _same(given.strip(), access.token)


def is_logged_in(headers: Mapping[str, str], access: Access) -> bool:
    """Whether a request carries the cookie of somebody who gave the token."""
    return access.logins.holds(cookie_of(headers))


def cookie_of(headers: Mapping[str, str]) -> str:
    """The cookie that a request carries, or nothing."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def is_token(given: str, access: Access) -> bool:
    """Whether a text is the token."""
    return access.token is not None and _same(given, access.token)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())


def local_path(text: str) -> str:
    """A path to go on to after the login; never another site."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_local else "/"
