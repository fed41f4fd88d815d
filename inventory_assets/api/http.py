"""A request as handlers get it, an answer as they give it, its tag, and why one is refused.

Not Starlette's: its request and its routes cost a single answer more than the answer (docs/performance.md), and it
decodes a path before it splits it, so that an id with a slash is lost.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
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


Asgi = Callable[[Any, Any, Any], Awaitable[None]]
"""What sends for itself, such as a stream: `await it(scope, receive, send)`."""
Handler = Callable[["Service", Asked], Answer | Asgi | Awaitable[Answer | Asgi]]
"""Reads the picture without awaiting in between, or the answer may be of two versions."""


def answer(value: Any, *, version: int | None = None, shows: int | None = None, status: int = 200) -> Answer:
    """An answer of a value that msgspec encodes."""
    return Answer(encode(value), status, version, shows)


class Wrong(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request.

    Attributes:
        where: `query.sku`, `body.product_ids[3]`, `path.id`.
        what: What was there.
        expected: What should have been.
    """

    where: str
    what: str
    expected: str


GZIPPED = b".gz"
_TAG = re.compile(rb'(?:W/)?"([0-9]{1,18})-([0-9]{1,18})(?:\.gz)?"')


def tag_of(epoch: int, version: int, *, is_gzipped: bool = False) -> bytes:
    """The ETag of what a version last changed.

    The epoch is in it, as a rebuild may give an old version other rows; other bytes of the same are another tag.
    """
    return b'"%d-%d%s"' % (epoch, version, GZIPPED if is_gzipped else b"")


def read_tags(header: bytes) -> Iterator[tuple[int, int]]:
    """The (epoch, version) of each tag of ours in If-Match or If-None-Match; `*` is for the caller to know."""
    for part in header.split(b","):
        if found := _TAG.fullmatch(part.strip()):
            yield int(found[1]), int(found[2])


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

    @classmethod
    def of_errors(cls, errors: "Sequence[Wrong]", *, status: int = 422) -> "Problem":
        """What is wrong with what was asked, place by place."""
        return cls(status, "; ".join(f"{each.where}: {each.what}, expected {each.expected}" for each in errors[:5]),
                   more={"errors": list(errors)})  # fmt: skip

    def answer(self) -> Answer:
        """What to send."""
        body = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status}
        return Answer(
            encode({**body, "detail": self.detail, **self.more}), self.status, content_type=PROBLEM,
            headers=list(self.headers),
        )  # fmt: skip
