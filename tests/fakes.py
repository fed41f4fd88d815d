"""Twins of our edges that fail on cue.

Belongs here: a lake whose statements crash, a broker whose calls crash.
Does not belong: mocks; everything here really works until its cue.
"""

from collections.abc import Callable, Sequence
from typing import Any

from inventory_assets.domain.events.kinds import Transaction
from inventory_assets.domain.ingest.process import BurstResult, Parsed
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.journal.sqlite import SqliteJournal
from inventory_assets.lake.transaction import Lake, LakeTransaction
from inventory_assets.messaging.client import OutgoingMessage, ReceivedMessage
from inventory_assets.settings import Settings
from tests.messaging.memory import InMemoryBroker


class Crash(BaseException):
    """A process's sudden end. No `except Exception` survives it."""


class CountedConnection:
    """A connection that counts statements from BEGIN on, and fails before or after one."""

    def __init__(self, connection: Any, error: Callable[[], BaseException]) -> None:
        self._connection = connection
        self._error = error
        self.statements: list[str] = []
        self.is_counting = False
        self.fail_before: int | None = None
        self.fail_after_commit = False

    def execute(self, sql: str, *arguments: Any) -> Any:
        """Run a statement, unless its turn to fail has come."""
        if sql.startswith("BEGIN"):
            self.is_counting, self.statements = True, []
        if self.is_counting:
            if self.fail_before == len(self.statements):
                self.is_counting, self.fail_before = False, None
                raise self._error()
            self.statements.append(sql)
        found = self._connection.execute(sql, *arguments)
        if sql == "COMMIT" and self.is_counting:
            self.is_counting = False
            if self.fail_after_commit:
                self.fail_after_commit = False
                raise self._error()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class OnCue:
    """A connection with something that happens once, before or after the first statement that holds `cue`."""

    def __init__(
        self,
        connection: Any,
        cue: str,
        *,
        before: Callable[[], object] = lambda: None,
        after: Callable[[str], object] = lambda sql: None,
    ) -> None:
        self._connection, self._cue = connection, cue
        self._before, self._after = before, after
        self.has_happened = False

    def execute(self, sql: str, *arguments: Any) -> Any:
        """Run a statement, with what happens beside it."""
        if self.has_happened or self._cue not in sql:
            return self._connection.execute(sql, *arguments)
        self.has_happened = True
        self._before()
        found = self._connection.execute(sql, *arguments)
        self._after(sql)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class CrashingLake(Lake):
    """A lake whose transactions fail on cue, and those of its journal."""

    def __init__(self, settings: Settings, error: Callable[[], BaseException] = Crash) -> None:
        super().__init__(settings)
        self._error = error
        self._counted: CountedConnection | None = None

    @property
    def connection(self) -> Any:
        """The writer's connection, counted."""
        if self._counted is None:
            self._counted = CountedConnection(super().connection, self._error)
        return self._counted

    @property
    def journaling(self) -> CountedConnection:
        """The journal's connection, counted."""
        journal = self.journal
        assert isinstance(journal, SqliteJournal)
        if not isinstance(journal._connection, CountedConnection):
            journal._connection = CountedConnection(journal._connection, self._error)  # type: ignore[assignment]
        return journal._connection  # type: ignore[return-value]

    def close(self) -> None:
        """Close; the next use opens it again."""
        self._counted = None
        super().close()


class CrashingEngine(Engine):
    """An engine on a lake that fails on cue."""

    lake: CrashingLake

    def __init__(self, settings: Settings, error: Callable[[], BaseException] = Crash) -> None:
        super().__init__(settings)
        self.lake = CrashingLake(settings, error)


class AllergicEngine(Engine):
    """An engine whose code breaks on the transactions named POISON..."""

    def _write(
        self, transaction: LakeTransaction, state: InventoryState, burst: Any, parsed: list[Parsed]
    ) -> BurstResult:
        # The base turns whatever `process_burst` raises into a violation; so does a poisoned list.
        poisoned = any(isinstance(p, Transaction) and p.transaction_id.startswith("POISON") for p in parsed)
        return super()._write(transaction, state, burst, _Broken(parsed) if poisoned else parsed)


class _Broken(list):
    def __iter__(self) -> Any:
        raise ZeroDivisionError("a message that breaks the code")


class CrashingBroker(InMemoryBroker):
    """A broker at which the consumer dies: before or after it publishes, or before it acknowledges.

    Attributes:
        crash_on: `before_publish`, `after_publish`, `before_acknowledge`,
            `after_acknowledge`, or None.
    """

    crash_on: str | None = None

    def publish(self, messages: Sequence[OutgoingMessage]) -> list[str]:
        """Publish, and die on cue."""
        self._die("before_publish")
        found = super().publish(messages)
        self._die("after_publish")
        return found

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        """Acknowledge, and die on cue."""
        self._die("before_acknowledge")
        super().acknowledge(messages)
        self._die("after_acknowledge")

    def _die(self, cue: str) -> None:
        if self.crash_on == cue:
            self.crash_on = None
            raise Crash(cue)
