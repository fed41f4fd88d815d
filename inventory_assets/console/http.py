"""What every handler needs of a request: its query, its body, its author; and how rows become an answer."""

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.console.access import OWNER
from inventory_assets.console.desk import checked_text
from inventory_assets.console.parts import Console
from inventory_assets.console.problems import Refused
from inventory_assets.domain.access.grants import Grant
from inventory_assets.domain.json_values import to_json
from inventory_assets.domain.strict_json import decode_object
from inventory_assets.lake.query.reader import LakeReader

T = TypeVar("T")

MAX_LIMIT = 1_000
# Each number of a query: (least, most); the API's description says the same.
NUMBERS = {
    "limit": (1, MAX_LIMIT), "offset": (0, 10**9), "page": (1, 10**6), "since": (0, 10**12), "total": (1, 10**7),
    "max_age_seconds": (0, 10**9), "days": (1, 3650),
}  # fmt: skip


def console_of(request: Request) -> Console:
    """The parts that handlers share."""
    return request.app.state.console


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Rows, or one object, as `--format json` prints them."""
    text = json.dumps(to_json(value), ensure_ascii=False, allow_nan=False)
    return Response(text, status, headers, "application/json")


async def ask(request: Request, name: Hashable, question: Callable[[LakeReader], T]) -> T:
    """Ask the lake; see `Door.ask`."""
    return await console_of(request).door.ask(name, question)


def read_query(request: Request, known: Iterable[str]) -> dict[str, str]:
    """The query's fields; what is empty counts as not given.

    Raises:
        Refused: One is not known, or given twice: a misspelt filter would list everything.
    """
    names = list(known)
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in names:
            raise Refused(400, f"unknown parameter {name!r}; expected {', '.join(names) or 'none'}")
        if name in found:
            raise Refused(400, f"parameter {name!r} was given twice")
        if value:
            found[name] = value
    return found


def choice(query: Mapping[str, str], name: str, allowed: Iterable[str], default: str) -> str:
    """One of a few words."""
    value, listed = query.get(name, default), list(allowed)
    if value not in listed:
        raise Refused(400, f"{name} was {value!r}, expected one of {', '.join(listed)}")
    return value


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number within the bounds of `NUMBERS`."""
    text = query.get(name, str(default))
    least, most = NUMBERS[name]
    if not (text.isascii() and text.isdecimal() and len(text) <= 18 and least <= int(text) <= most):
        raise Refused(400, f"{name} was {text!r}, expected a whole number from {least:,} to {most:,}")
    return int(text)


def flag(query: Mapping[str, str], name: str) -> bool:
    """true or false."""
    return choice(query, name, ("true", "false"), "false") == "true"


async def read_object(request: Request) -> dict[str, Any]:
    """The body as one JSON object, as strictly as a message is read; an empty one is an empty object."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if not body.strip():
        return {}
    if content_type != "application/json":
        raise Refused(415, f"the body was {content_type or 'of no type'!r}, expected application/json")
    return decode_object(body)


def holder_of(request: Request) -> Grant | None:
    """Whose token is in use; None where nobody is asked for one, or it is the variable's, which is nobody's."""
    grant = getattr(request.state, "grant", None)
    return None if grant is None or grant is OWNER else grant


def note_sent(request: Request, done: Mapping[str, Any], resource: str) -> None:
    """Leave for the audit what a request was on, and what it sent."""
    request.state.sent = {
        "resource": resource, "request_id": done.get("request_id", ""), "message_ids": done.get("message_ids", ()),
    }  # fmt: skip


def author_of(request: Request, body: Mapping[str, Any]) -> str:
    """Who asks: the header X-Author (UTF-8, or percent-encoded), or `author` of the body, or the token's name."""
    header = request.headers.get("x-author")
    if header is not None:
        try:
            header = unquote(header.encode("latin-1").decode(), errors="strict")
        except UnicodeDecodeError:
            raise Refused(422, "X-Author was no UTF-8 text") from None
    given = header if header is not None else body.get("author")
    if not given and (holder := holder_of(request)):
        given = holder.name
    return checked_text("author (X-Author)", given)
