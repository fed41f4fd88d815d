"""Who may ask: the name that is asked for, that a browser's write was meant, and what a token allows."""

from collections.abc import Collection, Mapping

from inventory_assets.access.gate import Gate
from inventory_assets.api.http import Problem
from inventory_assets.domain.access.grants import Grant, Refusal, Scope, implied_by
from inventory_assets.origins import is_meant, is_ours

# Needs no token.
OPEN = "none"
LOCAL = Grant(name="local", scopes=implied_by(Scope.ADMIN))
"""What is allowed where no token is asked for."""
# Names that were found to be ours: a head is looked at only once. Whoever sends others, sends each once.
MOST_KNOWN = 1_000
# Sent twice, what stands before us may have read the other one.
ONCE = (b"host", b"authorization", b"if-match", b"idempotency-key", b"content-length", b"content-type")


class Door:
    """Decides over a request's head."""

    def __init__(self, names: Collection[str] = (), gate: Gate | None = None) -> None:
        """Make it.

        Args:
            names: Which we go by, beside bare addresses and `localhost`.
            gate: Knows the tokens; None lets everybody in.
        """
        self._names = frozenset({"localhost", *(name.lower() for name in names)})
        self._known: set[bytes] = set()
        self._gate = gate

    def check_name(self, host: bytes) -> None:
        """Refuse who asks for somebody else.

        Raises:
            Problem: 421.
        """
        if host in self._known:
            return
        if not is_ours(host.decode("latin-1"), self._names):
            raise Problem(421, "this service does not go by that name; ask it by its address, or start it with --name")
        if len(self._known) < MOST_KNOWN:
            self._known.add(host)

    def enter(self, method: str, scope: str, headers: Mapping[bytes, bytes], *, client: str = "unknown") -> Grant:
        """What who asks may do, from where it asks.

        Raises:
            Problem: 401, 403, 429 or 503.
        """
        if scope == OPEN:
            return LOCAL
        given = headers.get(b"authorization")
        self.check_meant(method, scope, headers, is_bearer=given is not None)
        if self._gate is None or (given is None and not self._gate.is_needed):
            return LOCAL
        grant = self._gate.authenticate(None if given is None else given.decode("latin-1"))
        return self.allowed(grant, scope)

    def check_meant(self, method: str, scope: str, headers: Mapping[bytes, bytes], *, is_bearer: bool) -> None:
        """Refuse a write that a page of somebody else's may have sent.

        Raises:
            Problem: 403.
        """
        if scope != Scope.READ and not is_meant(method, text_of(headers), is_bearer=is_bearer):
            raise Problem(
                403, "a write comes from a program, as JSON, or from a page of this service; this did not. "
                "Send Content-Type: application/json"
            )  # fmt: skip

    def allowed(self, grant: Grant | Refusal, scope: str) -> Grant:
        """A grant that may, now.

        Raises:
            Problem: 401, 403, 429 or 503.
        """
        if isinstance(grant, Refusal):
            raise refused_by(grant)
        # Which warehouse is meant only the handler knows: of some, any of its own will do here.
        own = None if grant.warehouses is None else next(iter(grant.warehouses))
        wanted = Scope(scope)
        refused = grant.refusal(wanted, own) if self._gate is None else self._gate.check(grant, wanted, own)
        if refused is not None:
            raise refused_by(refused)
        return grant

    def close(self) -> None:
        """Let go of the tokens."""
        if self._gate is not None:
            self._gate.close()


def check_once(headers: Mapping[bytes, bytes], sent: Collection[tuple[bytes, bytes]]) -> None:
    """Refuse a head that says twice what counts once.

    Raises:
        Problem: 400.
    """
    if len(headers) == len(sent):
        return
    names = [name for name, _ in sent]
    for name in ONCE:
        if names.count(name) > 1:
            raise Problem(400, f"the header {name.decode()} was sent {names.count(name)} times, expected once")


def allow(grant: Grant, warehouse: str | None, scope: Scope = Scope.READ) -> None:
    """Refuse what a token does not allow in a warehouse; None is all of them together.

    Raises:
        Problem: 403.
    """
    if grant.warehouses is None:
        return
    refused = grant.refusal(scope, warehouse)
    if refused is not None:
        raise refused_by(refused)


def sees(grant: Grant, warehouse: str) -> bool:
    """Whether rows of a warehouse are shown to who asks."""
    return grant.warehouses is None or warehouse in grant.warehouses


def refused_by(refusal: Refusal) -> Problem:
    """How a refusal is answered."""
    headers = [(b"www-authenticate", b"Bearer")] if refusal.status == 401 else []
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    return Problem(refusal.status, refusal.detail, headers=headers)


def text_of(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """A head as text."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
