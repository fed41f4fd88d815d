"""The API as a table: each endpoint once, from which the routes and the machine-readable description are made."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A field of the query: its name, what it means, what it may be."""

    name: str
    description: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. `path` is written as in OpenAPI; an id in it may hold slashes, percent-encoded."""

    method: str
    path: str
    summary: str
    handler: Handler
    query: Sequence[Parameter] = ()
    body: dict[str, Any] | None = None
    content_types: Sequence[str] = ("application/json",)
    answers: dict[int, str] = field(default_factory=lambda: {200: "rows"})

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"


ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "problems": {"type": "array", "items": {"type": "object"}}},
    "required": ["error"],
}
_ERRORS = {
    400: "a parameter is unknown, missing or wrong", 401: "the token is missing", 403: "not a request of our own pages",
    404: "there is no such thing", 409: "it does not fit how things are", 413: "the body is too big",
    415: "the body is of another type", 422: "the content is wrong; `problems` lists each by its place",
    503: "no lake yet, or it or the broker does not answer",
}  # fmt: skip


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The OpenAPI 3.1 description of some endpoints."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Inventory console", "version": version("inventory-assets")},
        "paths": paths,
        "components": {"schemas": {"Error": ERROR}, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    names = [part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    parameters += [
        {
            "name": each.name, "in": "query", "required": each.is_required, "description": each.description,
            "schema": each.schema,
        }
        for each in endpoint.query
    ]  # fmt: skip
    if endpoint.is_write:
        parameters.append(
            {
                "name": "X-Author", "in": "header", "required": False, "schema": {"type": "string"},
                "description": "who asks; or `author` in the body or query",
            }
        )  # fmt: skip
    responses: dict[str, dict[str, Any]] = {
        str(status): {"description": what} for status, what in endpoint.answers.items()
    }
    for status in (400, 404, 503, *((401, 403, 409, 413, 415, 422) if endpoint.is_write else (401,))):
        responses[str(status)] = {
            "description": _ERRORS[status],
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": endpoint.handler.__name__,
        "parameters": parameters,
        "responses": responses,
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True, "content": {name: {"schema": endpoint.body} for name in endpoint.content_types},
        }  # fmt: skip
    return operation
