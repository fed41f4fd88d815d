"""How a burst loop fares, counted as it goes and told once a period on `status-topic`.

Here: the counts, the message (docs/events.md, Status), and the thread that publishes it: bursts wait for nothing of
this, and nobody asks the lake for it. Not here: what is wrong with the flow (`domain.quality.pipeline`), which the
sensor `operations` looks up in the lake.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from inventory_assets.clock import machine_microseconds
from inventory_assets.domain.events.connectors import Heard
from inventory_assets.domain.ingest.messages import Message
from inventory_assets.domain.values import format_time
from inventory_assets.ingest.engine import Commit
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.ingest.outgoing.owed import status_message
from inventory_assets.lake.journal.contract import Backlog
from inventory_assets.messaging.client import OutgoingMessage, Publisher

logger = logging.getLogger(__name__)

KIND = "pipeline_status"
# So many lags are kept; beyond it every second one goes, and of those to come as many. And of so many bursts, the
# last ones, the time that the middle one took.
MAX_LAGS = 8_192
# A message has at most 1 MB; who runs more has the lake for the others.
MAX_CONNECTORS = 100
# For a message that is on its way when the loop ends.
END_SECONDS = 1.0


class Pulse:
    """Counts what one loop does, and says it when a period is over.

    Args:
        period_seconds: From one message to the next; 0 is never.
        clock: Seconds, for periods.
        now: Microseconds, for lags and the time in the message.
    """

    def __init__(
        self,
        period_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], int] = machine_microseconds,
    ) -> None:
        self._period_seconds = period_seconds
        self._clock = clock
        self._now = now
        self._began_at = clock()
        self._begin()

    def _begin(self) -> None:
        self._outcomes: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._bytes = 0
        self._notified = 0
        self._bursts = self._largest_burst = 0
        self._longest_burst = 0.0
        self._burst_seconds: deque[float] = deque(maxlen=MAX_LAGS)
        self._lags: list[int] = []
        self._stride = 1
        self._seen = 0
        self._longest_lag = 0

    def add(self, commit: Commit) -> None:
        """Count what became of messages, and who was told."""
        if not self._period_seconds:
            return  # nobody is ever told: it would add up for ever
        self._outcomes.update(commit.outcomes)
        self._notified += len(commit.notifications)
        self._refused.update(letter.rejection.reason for letter in commit.dead_letters)

    def count(self, messages: Sequence[Message], seconds: float) -> None:
        """Count a burst in that is committed, and how long that took."""
        if not self._period_seconds:
            return
        self._bursts += 1
        self._largest_burst = max(self._largest_burst, len(messages))
        self._longest_burst = max(self._longest_burst, seconds)
        self._burst_seconds.append(seconds)
        self._bytes += sum([len(message.data) for message in messages])
        now = self._now()
        self._longest_lag = max(self._longest_lag, now - min([message.publish_at for message in messages], default=now))
        first = -self._seen % self._stride
        self._seen += len(messages)
        self._lags += [now - message.publish_at for message in messages[first :: self._stride]]
        while len(self._lags) > MAX_LAGS:
            self._lags, self._stride = self._lags[::2], self._stride * 2

    @property
    def is_due(self) -> bool:
        """Whether a period is over."""
        return 0 < self._period_seconds <= self._clock() - self._began_at

    def tell(
        self, version: int, connectors: Mapping[str, Heard], backlog: Backlog | None, *,
        is_full: bool, resting: int, owed: int, is_behind: bool,
    ) -> OutgoingMessage:  # fmt: skip
        """The message of the period that ends now; the next one begins.

        Args:
            version: The newest one.
            connectors: As last heard.
            backlog: What is committed and has not landed; None where nobody looked yet.
            is_full: So much that pulling waits.
            resting: Messages given back that are still to come again.
            owed: Alerts and dead letters still to be told.
            is_behind: The last burst was as large as one may be.
        """
        now, ended_at = self._now(), self._clock()
        seconds = ended_at - self._began_at
        messages = self._outcomes.total()
        oldest_at = None if backlog is None else backlog.oldest_at
        # Whoever was silent longest comes first: they are what one looks for.
        heard = sorted(connectors.values(), key=lambda each: (each.heard_at, each.connector_id))
        said = status_message(
            KIND,
            at=format_time(now, digits=3),
            period_seconds=round(seconds, 3),
            code_version=CODE_VERSION,
            version=version,
            throughput={
                "messages": messages,
                "messages_per_second": round(messages / seconds, 3) if seconds > 0 else None,
                "bytes": self._bytes,
            },
            lag_seconds=_lags(sorted(self._lags), self._longest_lag) if self._lags else None,
            bursts={
                "count": self._bursts,
                "largest": self._largest_burst,
                "median_seconds": round(sorted(self._burst_seconds)[len(self._burst_seconds) // 2], 4)
                if self._burst_seconds
                else None,
                "longest_seconds": round(self._longest_burst, 4) if self._bursts else None,
            },
            outcomes=dict(sorted((str(name), count) for name, count in self._outcomes.items())),
            refused=dict(sorted(self._refused.items())),
            notified=self._notified,
            backlog={
                "is_behind": is_behind,
                "resting_messages": resting,
                "owed_messages": owed,
                "unlanded_versions": None if backlog is None else backlog.versions,
                "unlanded_bytes": None if backlog is None else backlog.bytes,
                "unlanded_seconds": None if oldest_at is None else round(max(0, now - oldest_at) / 1e6, 3),
                "is_full": is_full,
            },
            connector_count=len(heard),
            connectors=[_connector(each, now) for each in heard[:MAX_CONNECTORS]],
        )
        self._began_at = ended_at
        self._begin()
        return said


def _lags(lags: Sequence[int], longest: int) -> dict[str, float]:
    """Seconds from publication to commit; `lags` sorted, microseconds."""
    return {
        "median": round(lags[len(lags) // 2] / 1e6, 3),
        "p99": round(lags[min(len(lags) - 1, len(lags) * 99 // 100)] / 1e6, 3),
        "longest": round(longest / 1e6, 3),
    }


def _connector(heard: Heard, now: int) -> dict[str, object]:
    return {
        "connector_id": heard.connector_id,
        "warehouse_id": heard.warehouse_id,
        "state": heard.state,
        "heard_seconds_ago": round(max(0, now - heard.heard_at) / 1e6, 1),
        "lag_seconds": heard.lag_seconds,
        "open_gaps": heard.open_gaps,
    }


class Herald:
    """Publishes on a thread of its own, one message at a time: a broker that is slow to answer delays no burst."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a message is on its way."""
        return self._thread is not None and self._thread.is_alive()

    def send(self, message: OutgoingMessage) -> None:
        """Publish a message, if none is on its way; one that is lost is not sent again, as the next is newer."""
        if self.is_busy:
            return
        self._thread = threading.Thread(target=self._send, args=(message,), name="pipeline-status", daemon=True)
        self._thread.start()

    def wait(self, seconds: float = END_SECONDS) -> None:
        """Wait for the one on its way."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _send(self, message: OutgoingMessage) -> None:
        try:
            self._publisher.publish([message])
        except Exception as error:  # whatever it is, bursts go on, and the next period tells
            logger.warning("the pipeline's status was not published: %s", error)
