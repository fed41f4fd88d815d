"""Who may ask: the names we answer to, the tokens, and that a write was meant.

Here: decisions over a request's head; nothing is loaded that serves. Not here:
the middleware that asks them (`guard`), how tokens are kept (`inventory_assets.access`), nor what every door asks of
browsers (`inventory_assets.origins`).
"""

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from inventory_assets.access.gate import MISSING, Gate
from inventory_assets.domain.access.grants import Grant, Reason, Refusal, Scope, implied_by
from inventory_assets.origins import is_ours

COOKIE = "inventory_console"
TOKEN_VARIABLE = "INVENTORY_CONSOLE_TOKEN"
MIN_TOKEN = 16
# Whoever has the variable's token may everything, as before there were others.
OWNER = Grant(name=TOKEN_VARIABLE, scopes=implied_by(Scope.ADMIN))
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# What shows one warehouse alone where `warehouse` says so: for tokens of some.
BY_WAREHOUSE = frozenset({
    "/api/alerts", "/api/plan", "/api/stock", "/api/stock/tree", "/api/stock/history", "/api/thresholds/resolve",
    "/replenish.csv", "/alerts.csv",
})  # fmt: skip
LOGIN_SECONDS = 30 * 24 * 3600
# Wrong tokens in a row before the next must wait: one second, then twice as long each time.
FREE_FAILURES = 3
MAX_WAIT = 60.0
MAX_FAILING = 10_000
MAX_LOGINS = 10_000


class ConsoleSetupError(ValueError):
    """The console may not be started so."""


@dataclass(frozen=True, slots=True)
class Access:
    """What the console answers to: names of its own, the variable's token, and those of the home.

    Attributes:
        names: It goes by these, and by bare addresses.
        token: The variable's; None where it is not set.
        logins: Browsers that gave a token.
        gate: Knows the tokens of the home; None asks for none of them.
    """

    names: frozenset[str] = frozenset()
    token: str | None = None
    logins: "Logins" = field(default_factory=lambda: Logins())
    gate: Gate | None = None

    @property
    def is_needed(self) -> bool:
        """Whether nobody is let in without a token."""
        return self.token is not None or (self.gate is not None and self.gate.is_needed)


class Logins:
    """Who gave a token, until they log out or this process ends; and who gave a wrong one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, tuple[float, str]] = {}
        self._failures: dict[str, tuple[int, float]] = {}

    def begin(self, token_id: str = "") -> str:
        """A new cookie for who gave a token: random, so that none outlives its logout."""
        now = self._clock()
        # In the order of their ends, as all last as long.
        while self._until and next(iter(self._until.values()))[0] <= now:
            del self._until[next(iter(self._until))]
        if len(self._until) >= MAX_LOGINS:
            # Each took a good token: the oldest gives it once more.
            del self._until[next(iter(self._until))]
        cookie = secrets.token_urlsafe()
        self._until[_digest(cookie)] = (now + LOGIN_SECONDS, token_id)
        return cookie

    def token_of(self, cookie: str) -> str | None:
        """The id of the token that was given for a cookie of ours; None where it is none, or no longer good."""
        until, token_id = self._until.get(_digest(cookie), (0.0, ""))
        return token_id if until > self._clock() else None

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


def access_of(host: str, token: str | None, names: tuple[str, ...] = (), gate: Gate | None = None) -> Access:
    """Decide who may reach a console that listens on `host`.

    Raises:
        ConsoleSetupError: Others than this machine could reach it without a token, or the token is too short.
        AccessError: It is not known whether the home has tokens.
    """
    if token is not None and len(token) < MIN_TOKEN:
        raise ConsoleSetupError(
            f"{TOKEN_VARIABLE} has {len(token)} characters, expected at least {MIN_TOKEN}. "
            "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    if token is None and not is_loopback(host) and not (gate is not None and gate.has_living):
        raise ConsoleSetupError(
            f"--host was {host!r}, which other machines can reach; no token is good, and {TOKEN_VARIABLE} is not set: "
            "anybody there could silence alerts and change thresholds. Make one, inventory tokens make NAME --scope "
            "write, or leave out --host."
        )
    return Access(frozenset({"localhost", host.lower(), *(name.lower() for name in names)}), token, gate=gate)


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


def login_grant(headers: Mapping[str, str], access: Access) -> Grant | Refusal | None:
    """What the token allows, as it is now, that was given for a request's cookie; None where there is no login."""
    token_id = access.logins.token_of(cookie_of(headers))
    if not token_id:
        return None if token_id is None or access.token is None else OWNER
    return None if access.gate is None else access.gate.grant_of_id(token_id)


def given_grant(given: str, access: Access) -> Grant | Refusal:
    """What a token allows."""
    if access.token is not None and _same(given, access.token):
        return OWNER
    if access.gate is None:
        return Refusal(401, Reason.UNKNOWN, MISSING)
    return access.gate.grant_of_secret(given)


def denial(grant: Grant, access: Access, method: str, path: str, query: bytes) -> Refusal | None:
    """Why a token does not allow a request, or not now; None where it does."""
    scope = Scope.READ if method in SAFE_METHODS else Scope.WRITE
    warehouse = _warehouse_of(method, path, query)
    if grant.warehouses and _is_judged_later(method, path):
        warehouse = min(grant.warehouses)
    return grant.refusal(scope, warehouse) if access.gate is None else access.gate.check(grant, scope, warehouse)


def _is_judged_later(method: str, path: str) -> bool:
    """Whether a request's own handler asks which warehouse is meant, or it is known to who has its id alone."""
    if method in SAFE_METHODS:
        return path.startswith("/api/changes/")
    # All of these end in `api.alerts._send`, `api.many.act_on_many` or `api.plan.decide_plan`.
    is_act = path in ("/api/alerts", "/api/commands") or path.startswith(("/api/alerts/", "/api/plan/"))
    return method == "POST" and is_act


def _warehouse_of(method: str, path: str, query: bytes) -> str | None:
    """The one warehouse that a request looks at; None is all of them, or its head does not tell."""
    if method not in SAFE_METHODS or path not in BY_WAREHOUSE:
        return None
    named = [value for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if name == "warehouse"]
    return named[0] if len(named) == 1 else None


def cookie_of(headers: Mapping[str, str]) -> str:
    """The cookie that a request carries, or nothing."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())


def local_path(text: str) -> str:
    """A path to go on to after the login; never another site."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_local else "/"
