"""Read the file that says what is exchanged with which PostgreSQL server.

Here: its shape, and every complaint about it at once. Not here: the exchange
(`pull`, `push`).
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inventory_assets.domain.events.parse import KINDS_BY_TOPIC
from inventory_assets.errors import InventoryError
from inventory_assets.given_files import read_text
from inventory_assets.lake.catalog.server import Server, read_server

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PULL_FIELDS = {"topic", "into", "table", "query", "cursor", "overlap", "key"}


class ExchangeFileError(InventoryError, ValueError):
    """An exchange file cannot be used. Nothing was exchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One extract: rows of a server that become messages, or product data.

    Attributes:
        name: Under which its cursor is kept.
        topic: Where its rows are published; None is product data.
        query: Its rows, in the server's SQL.
        cursor: A column that only grows; None reads everything each time.
        overlap: How far behind the cursor rows may still turn up: a number, or an interval as text.
        key: Columns that tell one row from every other; none where R0's own ids do.
    """

    name: str
    topic: str | None
    query: str
    cursor: str | None = None
    overlap: int | str | None = None
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFile:
    """A server, what is pulled from it, and what is pushed to it; no tables are all of them."""

    server: Server
    pulls: tuple[Pull, ...] = ()
    schema: str | None = None
    tables: tuple[str, ...] = ()


def load_exchange_file(path: Path, environment: Mapping[str, str]) -> ExchangeFile:
    """Read an exchange file.

    Raises:
        ExchangeFileError: Lists every problem.
        LakeError: The connection string holds a password where errors would show it.
    """
    try:
        content = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ExchangeFileError(f"{path.name} was no TOML: {error}") from error
    found, problems = read_exchange_file(content, environment, said_in=path.name)
    if found is None or problems:
        raise ExchangeFileError("\n  ".join([f"{path.name}: {len(problems)} problems, nothing exchanged:", *problems]))
    return found


def read_exchange_file(
    content: dict[str, Any], environment: Mapping[str, str], *, said_in: str
) -> tuple[ExchangeFile | None, list[str]]:
    """Read an exchange file's content: (file, problems); no file where there is no server."""
    problems = [
        f"{name} was not expected; known: server, pull, push" for name in content.keys() - {"server", "pull", "push"}
    ]
    pulls: list[Pull] = []
    for name, fields in _tables(content, "pull", problems).items():
        if not isinstance(fields, dict):
            problems.append(f"pull.{name} was {fields!r}, expected a table [pull.NAME]")
        elif (pull := _read_pull(name, fields, problems)) is not None:
            pulls.append(pull)
    push = _tables(content, "push", problems)
    _refuse_unknown("push", push, {"schema", "tables"}, problems)
    schema, tables = push.get("schema"), push.get("tables", [])
    if schema is not None and not (isinstance(schema, str) and schema):
        problems.append(f"push.schema was {schema!r}, expected a name")
    if not _is_texts(tables):
        problems.append(f"push.tables was {tables!r}, expected a list of names")
    server = _read_server(_tables(content, "server", problems), environment, said_in, problems)
    if server is None or problems:
        return None, problems
    return ExchangeFile(server=server, pulls=tuple(pulls), schema=schema, tables=tuple(tables)), problems


def _tables(content: dict[str, Any], name: str, problems: list[str]) -> dict[str, Any]:
    found = content.get(name, {})
    if isinstance(found, dict):
        return found
    problems.append(f"{name} was {found!r}, expected a table [{name}]")
    return {}


def _refuse_unknown(where: str, fields: dict[str, Any], known: set[str], problems: list[str]) -> None:
    problems += [
        f"{where}.{name} was not expected; known: {', '.join(sorted(known))}" for name in sorted(fields.keys() - known)
    ]


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _read_server(
    fields: dict[str, Any], environment: Mapping[str, str], said_in: str, problems: list[str]
) -> Server | None:
    _refuse_unknown("server", fields, {"connection", "password_env"}, problems)
    connection, variable = fields.get("connection"), fields.get("password_env")
    password = None
    if not isinstance(connection, str) or not connection.strip():
        problems.append('server.connection was absent, expected such as "dbname=shop host=db.internal user=reader"')
        return None
    if variable is not None:
        password = environment.get(variable) if isinstance(variable, str) else None
        if not password:
            problems.append(f"server.password_env was {variable!r}, and no such environment variable is set")
    return read_server(connection, password=password, said_in=said_in)


def _read_pull(name: str, fields: dict[str, Any], problems: list[str]) -> Pull | None:
    where, count = f"pull.{name}", len(problems)
    if not _NAME.fullmatch(name):
        problems.append(f"{where}: the name was {name!r}, expected 1 to 64 letters, digits, - and _")
    _refuse_unknown(where, fields, _PULL_FIELDS, problems)
    topic, into = fields.get("topic"), fields.get("into")
    if (topic is None) == (into is None):
        problems.append(f'{where}: expected one of topic = "…" and into = "products"')
    elif topic is not None and topic not in KINDS_BY_TOPIC:
        problems.append(f"{where}.topic was {topic!r}, expected one of {', '.join(sorted(KINDS_BY_TOPIC))}")
    elif into not in (None, "products"):
        problems.append(f'{where}.into was {into!r}, expected "products"')
    texts = {each: fields.get(each) for each in ("table", "query", "cursor")}
    for each, value in texts.items():
        if value is not None and not (isinstance(value, str) and value.strip()):
            problems.append(f"{where}.{each} was {value!r}, expected text")
    if (texts["table"] is None) == (texts["query"] is None):
        problems.append(f"{where}: expected one of table and query")
    overlap = fields.get("overlap")
    if overlap is not None and (isinstance(overlap, bool) or not isinstance(overlap, int | str) or not texts["cursor"]):
        problems.append(f'{where}.overlap was {overlap!r}, expected a number or such as "10 minutes", beside a cursor')
    key = fields.get("key", [])
    if not _is_texts(key) or (key and into):
        problems.append(f"{where}.key was {key!r}, expected a list of columns, of a pull with a topic")
    if len(problems) > count:
        return None
    query = texts["query"] or f"SELECT * FROM {texts['table']}"
    return Pull(
        name=name, topic=topic, query=query.strip().rstrip(";"), cursor=texts["cursor"], overlap=overlap, key=tuple(key)
    )
