"""Issue control commands straight to the lake.

A command issued here is an ordinary message of `control-topic`: it is kept in
`raw.messages`, so that `verify`, `rebuild` and `explain` carry it out again.
"""

import json
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from inventory_assets.domain.alerts.alert import Alert
from inventory_assets.domain.alerts.lifecycle import is_silenced, lets_go, move, refuse_resolved
from inventory_assets.domain.events.kinds import Command, Outcome, Rejection
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.ingest.handling import HOLDING
from inventory_assets.domain.ingest.process import Message, parse_burst, process_burst
from inventory_assets.domain.ingest.result import Arrival
from inventory_assets.domain.values import format_time
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.stages import Stage


class CommandRefusedError(LakeError):
    """A command does not fit what it is about."""


def issue(engine: Engine, bodies: Sequence[dict[str, Any]], *, now: int, origin: str = "cli") -> list[Commit]:
    """Commit control commands as one version: all of them or none.

    They are tried first, so that a mistake at the keyboard leaves no dead letter.

    Args:
        engine: Where to commit.
        bodies: The commands, without a timestamp.
        now: Microseconds: when they were issued.
        origin: What issues them, for the messages' ids and attributes.

    Returns:
        The commits; none where no command would change anything.

    Raises:
        CommandRefusedError: A command was refused. Nothing was written, unless
            another writer came between the trial and the commit.
    """
    messages = [command_message(body, now=now, origin=origin) for body in bodies]
    parsed = parse_burst(messages, engine.meaning.parsing)
    trial = process_burst(engine.state, parsed, version=engine.state.version + 1)
    refused = [arrival.rejection.detail for arrival in trial.arrivals if arrival.rejection is not None]
    if refused:
        raise CommandRefusedError("; ".join(refused))
    if all(_is_idle(engine, arrival) for arrival in trial.arrivals):
        # On a topic it is remembered; a person at the keyboard has mistaken something.
        lifting = [body for body in bodies if body["command"] == "unsilence"]
        if lifting:
            raise CommandRefusedError(_not_silenced(lifting[0]))
        return []
    commits = engine.commit_burst(messages, stage=Stage.COMMAND)
    letters = [letter.rejection.detail for commit in commits for letter in commit.dead_letters]
    if letters:
        raise CommandRefusedError("; ".join(letters) + ". Somebody was faster; it is kept in core.dead_letters.")
    return commits


def _is_idle(engine: Engine, arrival: Arrival) -> bool:
    command, state = arrival.event, engine.state
    if isinstance(command, Command) and command.command in ("unsilence", "uninhibit"):
        return not lets_go(state.silences, state.inhibitions, command)
    return arrival.outcome is Outcome.SUPERSEDED


def _not_silenced(body: dict[str, Any]) -> str:
    if body.get("alert_id"):
        return f"alert {body['alert_id']!r} is not silenced by itself; a scope's silence is ended by its scope"
    scope = ", ".join(f"{name} {body[name]}" for name in ("warehouse_id", "sku", "category_id") if body.get(name))
    return f"no silence holds for {scope}; `inventory alerts list` shows what is silenced"


def try_command(reader: Reader, command: Command) -> Rejection | bool:
    """Say what a command on one alert would come to, as the lake stands: refused, or whether it changes anything.

    A silence over the alert's scope is not looked at: the burst that takes the
    command in decides.
    """
    rows = reader.query(
        "SELECT record FROM out.alerts_changes WHERE alert_id = ? ORDER BY version DESC LIMIT 1", [command.alert_id]
    )
    if not rows.height:
        return Rejection("unknown_alert", f"there is no alert {command.alert_id!r}")
    alert = msgspec.json.decode(rows.item(), type=Alert)
    latest = reader.query(
        "SELECT alert_id FROM out.alerts WHERE warehouse_id = ? AND sku = ? AND alert_type = ? "
        "ORDER BY state = 'firing' DESC, opened_at DESC, version DESC LIMIT 1",
        [*alert.key, str(alert.condition)],
    ).item()
    if latest != alert.alert_id:
        return Rejection("unknown_alert", f"{alert.alert_id!r} is over, and {latest!r} has come after it; act on that")
    if command.command in HOLDING:
        if command.command == "unsilence" and not is_silenced(alert, command.event_at):
            return Rejection("illegal_transition", f"alert {command.alert_id!r}: it is not silenced")
        return refuse_resolved(alert, command) or True
    moved = move(alert, command)
    return moved if isinstance(moved, Rejection) else moved is not None


def command_message(body: dict[str, Any], *, now: int, origin: str) -> Message:
    """A command as a message of `control-topic`, issued now."""
    data = json.dumps({**body, "timestamp": format_time(now)}, ensure_ascii=False).encode()
    return Message(f"{origin}-{uuid.uuid4().hex}", Topic.CONTROL, now, "", {"origin": origin}, data)
