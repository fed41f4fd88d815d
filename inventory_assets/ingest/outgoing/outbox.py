"""Send what commits owe, at least once each, and write down what was sent.

What is owed is in the lake (`owed`), what left is in `out.deliveries`; the difference
is the outbox. A crash between sending and recording sends again, with the same id.
What was committed as the past (`Engine.past`) is not owed: it stands there as such.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from inventory_assets.clock import machine_now
from inventory_assets.domain.events.topics import Topic
from inventory_assets.ingest.outgoing.metrics import Making, Pace
from inventory_assets.ingest.outgoing.owed import Owed
from inventory_assets.lake.tables import DELIVERIES
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.messaging.client import OutgoingMessage, Publisher, PublishError
from inventory_assets.messaging.topology import topic_spec

logger = logging.getLogger(__name__)

MAX_DETAIL = 500
# What was there before the release that began them still has to leave, whatever becomes of these.
_CAN_WAIT = frozenset({Topic.LOW_STOCK, Topic.REORDERS})


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A row of `out.deliveries`."""

    subject_id: str
    notification: int
    channel: str
    status: str
    message_id: str | None
    error: str | None
    attempted_at: datetime


class Outbox:
    """What one process owes and has not yet sent or recorded.

    Attributes:
        has_finished_figures: All of a day's have left since the last reload; another day's may wait.
    """

    def __init__(self, publisher: Publisher, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._publisher = publisher
        self._owed: deque[Owed] = deque()
        self._attempts: list[_Attempt] = []
        self._paces: dict[str, Pace] = {topic: Pace(0, monotonic) for topic in _CAN_WAIT}
        self._pace = Pace(topic_spec(Topic.ANALYTICS).max_messages_per_second, monotonic)
        self._making: Making | None = None
        self.has_finished_figures = False

    def add(self, owed: Iterable[Owed]) -> None:
        """Owe more."""
        self._owed.extend(owed)

    def reload(self, owed: Iterable[Owed], making: Making | None = None) -> None:
        """Owe what the lake says and nothing else, but for what was sent and waits to be written."""
        sent = {(a.subject_id, a.notification, a.channel) for a in self._attempts if a.status == "sent"}
        self._owed = deque(
            each for each in owed if (each.subject_id, each.notification, each.message.topic) not in sent
        )
        if making is not None:
            making.sent = max([making.sent, *(number for subject, number, _ in sent if subject == making.subject_id)])
        self._making = making if making is not None and making.left > 0 else None
        self.has_finished_figures = False

    @property
    def owed_count(self) -> int:
        """How many messages are still to be sent, but for figures."""
        return len(self._owed)

    @property
    def figures_left(self) -> int:
        """How many messages of a day's figures are still to be sent, a hundred a second."""
        return 0 if self._making is None else self._making.left

    @property
    def unrecorded_count(self) -> int:
        """How many attempts wait to be written."""
        return len(self._attempts)

    def send(self) -> int:
        """Publish everything owed, and of figures what a second has room for; how many went out.

        What fails stays owed. A broker that is away is no error here: the next call tries again.
        """
        return self._send_owed() + self._send_figures()

    def _send_owed(self) -> int:
        if not self._owed:
            return 0
        resting = {topic for topic, pace in self._paces.items() if not pace.room}
        batch = [each for each in self._owed if each.message.topic not in resting]
        self._owed = deque(each for each in self._owed if each.message.topic in resting)
        ids, error, now = self._publish([owed.message for owed in batch])
        for owed, message_id in zip(batch, ids, strict=True):
            if message_id is None:
                self._owed.append(owed)
                if pace := self._paces.get(owed.message.topic):
                    pace.took(has_failed=True)
            self._note(owed.subject_id, owed.notification, owed.message.topic, message_id, error, now)
        return len(batch) - ids.count(None)

    def _send_figures(self) -> int:
        making = self._making
        if making is None or not (room := self._pace.room):
            return 0
        batch = making.messages(room)
        ids, error, now = self._publish(batch)
        self._pace.took(has_failed=None in ids)
        # Up to the first that failed: those after it are sent again with it, under the same ids.
        sent = next((place for place, message_id in enumerate(ids) if message_id is None), len(ids))
        if sent:
            making.sent += sent
            self._note(making.subject_id, making.sent, Topic.ANALYTICS, ids[sent - 1], None, now)
        if sent < len(ids):
            self._note(making.subject_id, making.sent + 1, Topic.ANALYTICS, None, error, now)
        if not making.left:
            self._making, self.has_finished_figures = None, True
        return sent

    def _publish(self, batch: list[OutgoingMessage]) -> tuple[list[str | None], str | None, datetime]:
        now = machine_now()
        if not batch:
            return [], None, now
        try:
            return list(self._publisher.publish(batch)), None, now
        except PublishError as failure:
            ids = [message_id or None for message_id in failure.message_ids]
            error = str(failure)[:MAX_DETAIL]
            logger.warning("%d of %d messages not published: %s", ids.count(None), len(batch), error)
            return ids, error, now

    def _note(
        self, subject_id: str, number: int, channel: str, message_id: str | None, error: str | None, now: datetime
    ) -> None:
        status, error = ("sent", None) if message_id else ("failed", error)
        self._attempts.append(
            _Attempt(subject_id, number, channel, status, message_id, error, now.replace(tzinfo=None))
        )

    def record(self, transaction: LakeTransaction) -> int:
        """Write the attempts so far into a transaction; call `recorded` after its commit."""
        if self._attempts:
            transaction.append(DELIVERIES, DELIVERIES.frame(self._attempts))
        return len(self._attempts)

    def recorded(self, count: int) -> None:
        """Forget the first `count` attempts: they are in the lake."""
        del self._attempts[:count]
