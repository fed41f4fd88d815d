"""Where a change leaves as messages: on `control-topic` and `thresholds-topic`, and nowhere else.

The console never writes the lake: the burst loop takes these messages in as it
does all others, so they are recorded, replayed and verified alike. Here: what is
checked before, and what is sent. Not here: what becomes of it (`questions.outcome`).
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from inventory_assets.clock import clock_of
from inventory_assets.console.door import Door
from inventory_assets.console.problems import Refused
from inventory_assets.console.questions import latest_version
from inventory_assets.control.issue import command_message, try_command
from inventory_assets.domain.alerts.incidents import is_incident_id
from inventory_assets.domain.events.control import ALERT_COMMANDS
from inventory_assets.domain.events.kinds import Command, Rejection
from inventory_assets.domain.events.parse_threshold import Scope
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.ingest.process import parse_burst
from inventory_assets.domain.thresholds.changes import RuleEdit
from inventory_assets.domain.thresholds.resolve import StoredRule
from inventory_assets.domain.values import MAX_REMARK, InvalidValue, read_remark
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.messaging.client import OutgoingMessage
from inventory_assets.queries.ids import find_alert_id
from inventory_assets.queries.incidents import read_incidents
from inventory_assets.settings import Settings
from inventory_assets.thresholds.edits import message_body
from inventory_assets.wiring import ensure_topics, publisher_of

ORIGIN = "console"
Publish = Callable[[Sequence[OutgoingMessage]], list[str]]
FIELDS = {
    "ack": (), "escalate": (), "resolve": (), "note": (), "silence": ("minutes", "until"), "unsilence": (),
    "inhibit": ("source", "alert_type"), "uninhibit": ("source", "alert_type"),
}  # fmt: skip
SCOPE_FIELDS = ("warehouse_id", "sku", "category_id")
# As at the command line: what goes without saying.
REASONS = {"ack": "seen", "unsilence": "over", "uninhibit": "trusted again"}


def publish_to(settings: Settings) -> Publish:
    """Publish with the product's own publisher; topics are made on an emulator the first time."""
    made: list[bool] = []

    def publish(messages: Sequence[OutgoingMessage]) -> list[str]:
        if not made:
            ensure_topics(settings)
            made.append(True)
        # Opened anew each time: `make run` may have been started again, on another port.
        with publisher_of(settings) as publisher:
            return publisher.publish(messages)

    return publish


class Desk:
    """Checks what somebody wants and publishes it."""

    def __init__(self, settings: Settings, door: Door, publish: Publish) -> None:
        self._settings = settings
        self._door = door
        self._publish = publish
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="publish")

    async def command(self, body: Mapping[str, Any], author: str) -> dict[str, Any]:
        """Send a command on an alert, an incident or a scope; `alert_id` may be a part of an id.

        Returns:
            What to answer: `sent` with where to see the outcome, or `unchanged`.

        Raises:
            Refused: It would be a dead letter.
        """
        wanted = {name: value for name, value in body.items() if value is not None}
        name = str(wanted.get("command"))
        if name not in ALERT_COMMANDS:
            raise Refused(422, f"command was {name!r}, expected one of {', '.join(sorted(ALERT_COMMANDS))}")
        known = {"command", "alert_id", "reason", *SCOPE_FIELDS, *FIELDS[name]}
        if unknown := sorted(set(wanted) - known):
            raise Refused(422, f"unknown field {', '.join(unknown)}; {name} takes {', '.join(sorted(known))}")
        reason = wanted.get("reason") or REASONS.get(name)
        if not reason:
            raise Refused(422, f"{name} needs a reason: why, for the history")
        wanted |= {"reason": reason, "issued_by": author}
        if text := wanted.get("alert_id"):
            wanted["alert_id"] = await self._door.ask_now(lambda reader: _subject(reader, text))
        now = clock_of(self._settings).microseconds()
        message = command_message(wanted, now=now, origin=ORIGIN)
        [parsed] = parse_burst([message], meaning_of(self._settings).parsing)
        if isinstance(parsed, Rejection):
            raise Refused(422, parsed.detail)
        assert isinstance(parsed, Command)
        if parsed.alert_id is not None and not is_incident_id(parsed.alert_id):
            verdict = await self._door.ask_now(lambda reader: try_command(reader, parsed))
            if isinstance(verdict, Rejection):
                raise Refused(409, verdict.detail)
            if not verdict:
                return {"status": "unchanged", "detail": "it was so already; nothing was sent"}
        return await self._send(Topic.CONTROL, [message.data])

    async def rules(
        self, edits: Sequence[RuleEdit], stored: Mapping[Scope, StoredRule], *, author: str, reason: str | None
    ) -> dict[str, Any]:
        """Send changes of rules, all in one publish.

        Raises:
            RuleChangeError: A rule in force is dated after what can be set; nothing was sent.
        """
        now = clock_of(self._settings).microseconds()
        latest = now + meaning_of(self._settings).parsing.max_ahead
        bodies = [
            message_body(edit, stored.get(edit.scope), author=author, reason=reason, now=now, latest=latest)
            for edit in edits
        ]
        return await self._send(Topic.THRESHOLDS, bodies)

    async def _send(self, topic: str, bodies: Sequence[bytes]) -> dict[str, Any]:
        request_id = uuid.uuid4().hex
        try:
            since = await self._door.ask_now(latest_version)
        except LakeMissingError:
            since = 0
        messages = [OutgoingMessage(topic, body, {"origin": ORIGIN, "request_id": request_id}) for body in bodies]
        message_ids = await asyncio.get_running_loop().run_in_executor(self._thread, self._publish, messages)
        return {
            "status": "sent",
            "topic": topic,
            "request_id": request_id,
            "message_ids": message_ids,
            "outcome_url": f"/api/changes/{request_id}?since={since}&total={len(messages)}",
        }

    def close(self) -> None:
        """End the publishing thread."""
        self._thread.shutdown()


def checked_text(name: str, value: object, *, is_required: bool = True) -> str:
    """Who or why, as a person gave it.

    Raises:
        Refused: It is missing, too long, or no text.
    """
    text = value.strip(" ") if isinstance(value, str) else ""
    if not text and not is_required:
        return ""
    if not text:
        raise Refused(422, f"{name} is needed: one line of 1 to {MAX_REMARK} characters")
    try:
        return read_remark(name, text)
    except InvalidValue as error:
        raise Refused(422, error.detail) from None


def _subject(reader: LakeReader, text: str) -> str:
    if is_incident_id(text):
        if not read_incidents(reader, incident_id=text):
            raise Refused(404, f"no incident {text!r}")
        return text
    return find_alert_id(reader, text)
