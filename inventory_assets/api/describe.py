"""What can be asked, for machines (OpenAPI 3.1, made from the routes' types) and for people to try (a page)."""

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from inventory_assets.api.door import OPEN
from inventory_assets.api.http import Answer, Asked, Wrong, encode
from inventory_assets.api.reading import MADE_IDS, Id
from inventory_assets.api.routes import Route
from inventory_assets.api.service import Service
from inventory_assets.domain.events.control import MAX_ALERT_ID_BYTES

_STATIC = Path(__file__).parent / "static"
_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; "
    b"base-uri 'none'; frame-ancestors 'none'"
)
_PROBLEMS = {
    400: "it was no request that can be read", 401: "a token is needed, or this one is not good",
    403: "the token does not allow this", 404: "there is no such thing, or not yet",
    410: "it was there, and is no longer in memory", 413: "the body is too long", 421: "not a name of this service",
    422: "a field is wrong, missing or unknown; `errors` says which", 429: "too often; see Retry-After",
    503: "not now; see Retry-After",
}  # fmt: skip
_OF_BODIES = frozenset({413})
_ID = msgspec.json.schema(Id)
_MADE_ID = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_ALERT_ID_BYTES,
    "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$",
}
_BATCH = {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": 1_000}
# CloudEvents, service events, or lists of them; in binary mode an event's data alone.
_OF_EVENTS = {
    "application/json": {"schema": {"anyOf": [{"type": "object"}, _BATCH]}},
    "application/cloudevents+json": {"schema": {"type": "object"}},
    "application/cloudevents-batch+json": {"schema": _BATCH},
}


class ProblemOf(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why something was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Wrong] = []


def document(routes: tuple[Route, ...]) -> dict[str, Any]:
    """The description of some routes."""
    kinds: list[Any] = [ProblemOf]
    for route in routes:
        kinds += [kind for kind in (route.query, route.body) if _is_described(kind)]
        kinds += [each for kind, _ in route.answers.values() for each in _each(kind) if _is_described(each)]
    unique = list(dict.fromkeys(kinds))
    schemas, components = msgspec.json.schema_components(unique, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(unique, schemas, strict=True))
    for kind in unique:
        components[kind.__name__] |= getattr(kind, "SHAPE", {})
    paths: dict[str, dict[str, Any]] = {}
    queries = {route.query for route in routes if route.query is not None}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of, components)
    used = {name: each for name, each in components.items() if not any(name == kind.__name__ for kind in queries)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Stock service", "version": version("inventory-assets")},
        "paths": paths,
        "components": {
            "schemas": used, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }  # fmt: skip


def _is_described(kind: Any) -> bool:
    return kind is not None and kind is not bytes


def _each(kind: Any) -> tuple[Any, ...]:
    return kind if isinstance(kind, tuple) else (kind,)


def _operation(route: Route, schema_of: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name, "in": "path", "required": True, "schema": _MADE_ID if name in MADE_IDS else _ID,
            "description": "an id, percent-encoded, slashes too",
        }
        for name in route.names
    ]  # fmt: skip
    if route.query is not None:
        of = components[route.query.__name__]
        for name, schema in of.get("properties", {}).items():
            parameters.append(
                {"name": name, "in": "query", "required": name in of.get("required", ()), "schema": schema}
            )  # fmt: skip
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}{route.path.translate(_NAMES)}",
        "parameters": parameters,
        "responses": _responses(route, schema_of),
        "security": [] if route.scope == OPEN else [{"token": []}, {}],
    }
    if route.body is not None:
        content = _OF_EVENTS if route.body is bytes else {"application/json": {"schema": schema_of[route.body]}}
        operation["requestBody"] = {"required": _is_needed(route.body), "content": content}
    return operation


def _is_needed(body: Any) -> bool:
    # Of a command that needs nothing said, no body is an empty one.
    return (
        body is bytes or bool(getattr(body, "SHAPE", {})) or any(each.required for each in msgspec.structs.fields(body))
    )


_NAMES = str.maketrans({"/": "_", "{": "", "}": "", "-": "_", ".": "_"})


def _responses(route: Route, schema_of: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    problem = {"application/problem+json": {"schema": schema_of[ProblemOf]}}
    for status, (kind, what) in route.answers.items():
        schemas = [schema_of[each] for each in _each(kind) if each in schema_of]
        schema = {} if not schemas else schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        content = {"application/json": {"schema": schema}} if schemas or status < 400 else problem
        found[str(status)] = {"description": what, "content": content}
    if not route.answers:
        found["200"] = {"description": "what was asked for"}
    if route.method == "GET":
        found["304"] = {"description": "it has not changed since (If-None-Match)"}
    for status, what in _PROBLEMS.items():
        if str(status) not in found and (route.body is not None or status not in _OF_BODIES):
            found[str(status)] = {"description": what, "content": problem}
    return found


def openapi(service: Service, asked: Asked) -> Answer:
    """The description of everything that can be asked."""
    return Answer(_described())


@cache
def _described() -> bytes:
    # Here: the table has these routes, too.
    from inventory_assets.api.table import ROUTES

    return encode(document(ROUTES))


def _file(name: str, content_type: bytes) -> Any:
    def handler(service: Service, asked: Asked) -> Answer:
        return Answer(
            _read(name), content_type=content_type, headers=[(b"content-security-policy", _PAGE_POLICY)]
        )  # fmt: skip

    return handler


@cache
def _read(name: str) -> bytes:
    return (_STATIC / name).read_bytes()


ROUTES = (
    Route("GET", "/v1/openapi.json", openapi, "What can be asked, for machines.", scope=OPEN),
    Route("GET", "/", _file("try.html", b"text/html; charset=utf-8"), "A page to try it in.", scope=OPEN),
    Route("GET", "/try.js", _file("try.js", b"text/javascript; charset=utf-8"), "The page's script.", scope=OPEN),
    Route("GET", "/try.css", _file("try.css", b"text/css; charset=utf-8"), "The page's style.", scope=OPEN),
)  # fmt: skip
