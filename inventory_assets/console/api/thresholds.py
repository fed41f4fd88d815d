"""The rules over HTTP: what is in force, why, what a change would do, and the change itself."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.console import questions
from inventory_assets.console.desk import checked_text
from inventory_assets.console.http import (
    answer,
    ask,
    author_of,
    choice,
    console_of,
    flag,
    note_sent,
    read_object,
    read_query,
)
from inventory_assets.console.problems import Refused
from inventory_assets.domain.events.kinds import ThresholdRule
from inventory_assets.domain.events.parse_threshold import HIERARCHY_LEVELS, Scope
from inventory_assets.domain.json_values import to_json
from inventory_assets.domain.thresholds.changes import deleted_rule, find_edits
from inventory_assets.domain.thresholds.document import name_scope
from inventory_assets.domain.thresholds.resolve import StoredRule
from inventory_assets.domain.values import read_id
from inventory_assets.ingest.meaning import defaults_of
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.notify.channels.mail import recipient_problem
from inventory_assets.thresholds.check import Rung, problem_rows, read_rungs
from inventory_assets.thresholds.edits import Effect, read_stored
from inventory_assets.thresholds.files import RuleFile, read_rule_text
from inventory_assets.thresholds.listing import edit_rows, effect_sentence
from inventory_assets.words.numbers import counted

KINDS = {
    "application/json": "json", "application/x-ndjson": "jsonl", "text/csv": "csv",
    "application/yaml": "yaml", "application/x-yaml": "yaml",
}  # fmt: skip
NO_EFFECT = {"edits": [], "keys": 0, "alerts": [], "summary": effect_sentence([], Effect())}
# Of many rules in one file the audit names the first.
_NAMED = 10
Known = Mapping[Scope, StoredRule]


async def list_rules(request: Request) -> Response:
    """GET /api/thresholds"""
    query = read_query(request, ("level", "warehouse", "muted"))
    level = choice(query, "level", ("", *HIERARCHY_LEVELS), "") or None
    question = questions.list_rules(level, query.get("warehouse"), muted=flag(query, "muted"))
    return answer(await ask(request, ("rules", *sorted(query.items())), question))


async def resolve(request: Request) -> Response:
    """GET /api/thresholds/resolve"""
    query = read_query(request, ("warehouse", "sku"))
    warehouse, sku = _needed(query, "warehouse"), _needed(query, "sku")
    rungs = await ask_ladder(request, warehouse, sku)
    if rungs is None:
        raise Refused(404, f"no stock is known of SKU {sku!r} at {warehouse!r}")
    return answer([asdict(rung) for rung in rungs])


async def ask_ladder(request: Request, warehouse: str, sku: str) -> list[Rung] | None:
    """The whole ladder of a key; None where no stock of it is known."""
    defaults = defaults_of(console_of(request).settings)
    return await ask(request, ("ladder", warehouse, sku), lambda reader: read_rungs(reader, warehouse, sku, defaults))


async def history(request: Request) -> Response:
    """GET /api/thresholds/history"""
    scope = read_query(request, ("scope",)).get("scope")
    return answer(await ask(request, ("history", scope), questions.list_changes(scope)))


async def validate(request: Request) -> Response:
    """GET /api/thresholds/validate"""
    read_query(request, ())
    return answer(await ask(request, "validate", questions.list_conflicts))


async def put_rule(request: Request) -> Response:
    """PUT /api/thresholds"""
    query = read_query(request, ("dry_run",))
    document = await read_object(request)
    if document.get("deleted") is not None:
        raise Refused(422, "a rule is deleted with DELETE; leave out `deleted`")
    wanted = _read("the rule", "json", json.dumps(document))
    if problems := _recipient_problems(document):
        raise Refused(422, "; ".join(problems))
    author, reason = _who_and_why(request, document)
    return await _change(request, [wanted[0]], author, reason, dry_run=flag(query, "dry_run"))


async def delete_rule(request: Request) -> Response:
    """DELETE /api/thresholds"""
    query = read_query(request, ("level_type", "level_id", "warehouse_id", "reason", "author", "dry_run"))
    scope = scope_of(query)
    author, reason = _who_and_why(request, query)
    known = await _stored(request)
    if not find_edits(known, [deleted_rule(scope)]):
        raise Refused(404, f"there is no rule {name_scope(scope)}")
    return await _change(request, [deleted_rule(scope)], author, reason, dry_run=flag(query, "dry_run"))


async def import_rules(request: Request) -> Response:
    """POST /api/thresholds/import"""
    query = read_query(request, ("dry_run", "prune", "reason", "author"))
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = KINDS.get(content_type)
    if kind is None:
        raise Refused(415, f"the file was {content_type or 'of no type'!r}, expected one of {', '.join(KINDS)}")
    author = author_of(request, query)
    is_trial = flag(query, "dry_run")
    reason = checked_text("reason", query.get("reason"), is_required=False) or None
    try:
        text = (await request.body()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(422, f"the file was no UTF-8 text: {error}") from error
    # Reading 20,000 rules takes a second: not on the thread that answers everybody.
    wanted = await asyncio.to_thread(_read, "the file", kind, text)
    if reason is None and not is_trial and (bare := [rule for rule in wanted if not rule.reason]):
        raise Refused(422, f"reason is needed: give ?reason=, or one in each rule; {len(bare)} have none")
    return await _change(request, wanted, author, reason, dry_run=is_trial, prune=flag(query, "prune"))


def scope_of(query: Mapping[str, str]) -> Scope:
    """The scope that a query names, by a rule's own field names."""
    level = choice(query, "level_type", HIERARCHY_LEVELS, "")
    level_id, warehouse = query.get("level_id", ""), query.get("warehouse_id")
    if (level == "GLOBAL") is bool(level_id):
        raise Refused(400, "level_id is needed, but for GLOBAL, which has none")
    return (
        level,
        read_id("level_id", level_id) if level_id else "",
        None if warehouse is None else read_id("warehouse_id", warehouse),
    )


async def _change(
    request: Request, wanted: Sequence[ThresholdRule], author: str, reason: str | None, *, dry_run: bool,
    prune: bool = False,
) -> Response:  # fmt: skip
    console = console_of(request)
    known = await _stored(request)
    edits = find_edits(known, wanted, is_complete=prune)
    resource = ", ".join(name_scope(edit.scope) for edit in edits[:_NAMED])
    note_sent(request, {}, f"dry run: {resource}" if dry_run else resource)
    if dry_run:
        return answer(await console.trials.run(console.settings, edits) if edits else NO_EFFECT)
    if not edits:
        return answer({"status": "unchanged", "detail": "the lake has these rules already; nothing was sent"})
    sent = await console.desk.rules(edits, known, author=author, reason=reason)
    note_sent(request, sent, resource)
    return answer({**sent, "edits": edit_rows(edits)}, 202)


async def _stored(request: Request) -> Known:
    try:
        return await console_of(request).door.ask_now(read_stored)
    except LakeMissingError:
        return {}  # the first rules may come before the first stock


def _read(name: str, kind: str, text: str) -> list[ThresholdRule]:
    found: RuleFile = read_rule_text(name, kind, text)
    if found.problems:
        count = counted(len(found.problems), "problem")
        raise Refused(422, f"{name} has {count}; nothing was changed", to_json(problem_rows(found)))
    return [rule for _, rule in found.rules]


def _recipient_problems(document: Mapping[str, Any]) -> list[str]:
    settings = document.get("alert_settings")
    recipients = settings.get("recipients") if isinstance(settings, dict) else None
    if not isinstance(recipients, list):
        return []
    found = (recipient_problem(str(each)) for each in recipients)
    return [f"recipient {problem}" for problem in found if problem]


def _who_and_why(request: Request, given: Mapping[str, Any]) -> tuple[str, str]:
    return author_of(request, given), checked_text("reason", given.get("reason"))


def _needed(query: Mapping[str, str], name: str) -> str:
    if name not in query:
        raise Refused(400, f"{name} is needed")
    return query[name]
