"""Who may ask: the name that is asked for, that a browser's write was meant, and what a token allows."""

from collections.abc import Collection, Mapping
from typing import Any

from inventory_assets.api.http import Problem
from inventory_assets.origins import is_meant, is_ours

READING, OPEN = "read", "none"
# Names that were found to be ours: a head is looked at only once. Whoever sends others, sends each once.
MOST_KNOWN = 1_000
# Sent twice, what stands before us may have read the other one.
ONCE = (b"host", b"authorization", b"if-match", b"idempotency-key", b"content-length", b"content-type")


class Anybody:
    """What is allowed where no token is asked for: all of it."""

    name = "local"
    warehouses = None

    def refusal(self, scope: str, warehouse: str | None = None) -> None:
        """Never one."""


class Door:
    """Decides over a request's head."""

    def __init__(self, names: Collection[str] = ()) -> None:
        """Make it.

        Args:
            names: Which we go by, beside bare addresses and `localhost`.
        """
        self._names = frozenset({"localhost", *(name.lower() for name in names)})
        self._known: set[bytes] = set()
        self._anybody = Anybody()

    def check_name(self, host: bytes) -> None:
        """Refuse who asks for somebody else.

        Raises:
            Problem: 421.
        """
        if host in self._known:
            return
        if not is_ours(host.decode("latin-1"), self._names):
            raise Problem(
                421, "this service does not go by that name; ask it by its address, or start it with --name"
            )  # fmt: skip
        if len(self._known) < MOST_KNOWN:
            self._known.add(host)

    def enter(self, method: str, scope: str, headers: Mapping[bytes, bytes]) -> Any:
        """What who asks may do.

        Raises:
            Problem: 401, 403, 429 or 503.
        """
        if scope not in (READING, OPEN) and not is_meant(method, _text(headers)):
            raise Problem(
                403, "a write comes from a program, as JSON, or from a page of this service; this did not. "
                "Send Content-Type: application/json"
            )  # fmt: skip
        return self._anybody


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


def allow(grant: Any, warehouse: str | None, scope: str = READING) -> None:
    """Refuse what a token does not allow in a warehouse; None is all of them together.

    Raises:
        Problem: 403.
    """
    if grant.warehouses is None:
        return
    refused = grant.refusal(scope, warehouse)
    if refused is not None:
        raise Problem(refused.status, refused.detail)


def sees(grant: Any, warehouse: str) -> bool:
    """Whether rows of a warehouse are shown to who asks."""
    return grant.warehouses is None or warehouse in grant.warehouses


def _text(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
