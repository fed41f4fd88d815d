"""Which handler a path has. The raw path is split before it is decoded: an id may hold a slash, as `%2F`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from inventory_assets.api.http import Handler, Problem


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked.

    Attributes:
        method: GET answers HEAD, too.
        path: With `{name}` for what varies: one segment each.
        handler: What answers.
        summary: One line, for the description.
        scope: What a token must be made for: read, write, admin; none needs no token.
        query: A msgspec Struct of what the address may say after `?`, all optional or with what is required.
        body: The type of a JSON body; bytes where it is read by hand; None for none.
        answers: By status the type of the body, or a tuple of those it may be, and what it means.
        names: What varies in the path, in order.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    scope: str = "read"
    query: type | None = None
    body: Any = None
    answers: dict[int, tuple[Any, str]] = field(default_factory=dict)
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))
        object.__setattr__(self, "names", names)


class _Node:
    __slots__ = ("any", "named", "routes")

    def __init__(self) -> None:
        self.named: dict[bytes, _Node] = {}
        self.any: _Node | None = None
        self.routes: dict[str, Route] = {}


class Routes:
    """A tree of paths: what is written out comes before what varies."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            for part in route.path.strip("/").split("/"):
                if part.startswith("{"):
                    node.any = node.any or _Node()
                    node = node.any
                else:
                    node = node.named.setdefault(part.encode(), _Node())
            if route.method in node.routes:
                raise ValueError(f"two routes for {route.method} {route.path}")
            node.routes[route.method] = route

    def find(self, method: str, raw_path: bytes) -> tuple[Route, tuple[str, ...]]:
        """The route of a request, and what stands at its names.

        Raises:
            Problem: 404 for no such path, 405 for another method, 400 for one that is no text.
        """
        parts = raw_path[1:].split(b"/")
        found = _walk(self._root, parts, 0, ())
        if found is None:
            raise Problem(404, f"there is nothing at {raw_path.decode('latin-1')!r}; see /v1/openapi.json")
        node, values = found
        route = node.routes.get(method)
        if route is None:
            allowed = ", ".join(sorted(node.routes))
            raise Problem(405, f"the method was {method}, expected {allowed}", headers=[(b"allow", allowed.encode())])
        return route, values


def _walk(node: _Node, parts: list[bytes], place: int, values: tuple[str, ...]) -> tuple[_Node, tuple[str, ...]] | None:
    if place == len(parts):
        return (node, values) if node.routes else None
    part = parts[place]
    below = node.named.get(part)
    if below is not None:
        found = _walk(below, parts, place + 1, values)
        if found is not None:
            return found
    if node.any is None or not part:
        return None
    return _walk(node.any, parts, place + 1, (*values, _text(part)))


def _text(part: bytes) -> str:
    try:
        return (unquote_to_bytes(part) if b"%" in part else part).decode()
    except UnicodeDecodeError:
        raise Problem(400, f"the path's part {part.decode('latin-1')!r} was no UTF-8; encode it with %") from None
