"""A request as handlers get it, an answer as they give it, and why one is refused.

Not Starlette's: its request and its routes cost a single answer more than the answer (docs/performance.md), and it
decodes a path before it splits it, so that an id with a slash is lost.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from inventory_assets.api.service import Service
    from inventory_assets.domain.access.grants import Grant

JSON = b"application/json"
PROBLEM = b"application/problem+json"
encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(slots=True)
class Asked:
    """One request.

    Attributes:
        method: GET for HEAD, too.
        values: What stands at the places of the route's names, decoded.
        query: The last part of the address, raw; `api.reading` makes a type of it.
        headers: Lower-case names; of several the last.
        body: All of it.
        grant: What who asks may do.
        client: From where, as an address.
        path: As it was asked for, for the audit.
    """

    method: str
    values: tuple[str, ...]
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    grant: "Grant"
    client: str
    path: str


@dataclass(slots=True)
class Answer:
    """What is sent.

    Attributes:
        body: The bytes, before compression.
        version: The version that last changed what was asked for: its ETag; None for none.
        shows: The lake's version that it shows; None where it shows none.
    """

    body: bytes = b""
    status: int = 200
    version: int | None = None
    shows: int | None = None
    content_type: bytes = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


Handler = Callable[["Service", Asked], Answer | Awaitable[Answer]]
"""Reads the picture without awaiting in between, or the answer may be of two versions."""


def answer(value: Any, *, version: int | None = None, shows: int | None = None, status: int = 200) -> Answer:
    """An answer of a value that msgspec encodes."""
    return Answer(encode(value), status, version, shows)


class Problem(Exception):
    """A request that is refused, as RFC 9457 has it.

    Args:
        status: HTTP's.
        detail: What, which, expected, and the next step.
        more: Further members, such as `errors`.
        headers: Such as Retry-After.
    """

    def __init__(
        self, status: int, detail: str, *, more: Mapping[str, Any] | None = None,
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.more = dict(more or {})
        self.headers = headers or []

    def answer(self) -> Answer:
        """What to send."""
        body = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status}
        return Answer(
            encode({**body, "detail": self.detail, **self.more}), self.status, content_type=PROBLEM,
            headers=list(self.headers),
        )  # fmt: skip
