"""Where a change leaves as messages: on `control-topic` and `thresholds-topic`, and nowhere else.

The console never writes the lake: the burst loop takes these messages in as it
does all others, so they are recorded, replayed and verified alike. Here: what is
checked before, and what is sent. Not here: what becomes of it (`questions.outcome`).
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from inventory_assets.changes.commands import check_fields, find_subject, prepare, would_change
from inventory_assets.changes.publish import Outlet, Publish
from inventory_assets.clock import clock_of
from inventory_assets.console.door import Door
from inventory_assets.console.problems import Refused
from inventory_assets.console.questions import latest_version
from inventory_assets.domain.events.parse_threshold import Scope
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.thresholds.changes import RuleEdit
from inventory_assets.domain.thresholds.resolve import StoredRule
from inventory_assets.domain.values import MAX_REMARK, InvalidValue, read_remark
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.messaging.client import OutgoingMessage
from inventory_assets.settings import Settings
from inventory_assets.thresholds.edits import message_body

ORIGIN = "console"


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
            CommandProblemError: It would be a dead letter.
        """
        wanted = check_fields(body, author)
        if text := wanted.get("alert_id"):
            wanted["alert_id"] = await self._door.ask_now(lambda reader: find_subject(reader, text))
        now = clock_of(self._settings).microseconds()
        message, command = prepare(self._settings, wanted, now=now, origin=ORIGIN)
        if command.alert_id is not None and not await self._door.ask_now(lambda reader: would_change(reader, command)):
            return {"status": "unchanged", "detail": "it was so already; nothing was sent"}
        return await self._send(Topic.CONTROL, [message.data])

    async def commands(self, bodies: Sequence[bytes]) -> dict[str, Any]:
        """Send commands that were prepared and judged, all in one publish; their ids come in the same order."""
        return await self._send(Topic.CONTROL, bodies)

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
        if isinstance(self._publish, Outlet):
            self._publish.close()


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
