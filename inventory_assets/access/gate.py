"""Who is let in, by the tokens of the home; and the record of what they write.

One `Gate` a process, opened in the process that asks (SQLite's connections do not outlive a fork). Tokens are in
memory; once in half a second a request looks whether one was made or ended, so a token that is revoked is refused
within a second everywhere. What cannot be read lets nobody in. Thread-safe.
"""

import hmac
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence

from inventory_assets.access.audit import Write, add_refusals, append_writes
from inventory_assets.access.store import AccessStoreError, open_or_make, open_store, store_path, writing
from inventory_assets.access.tokens import end_expired, read_generation, read_tokens
from inventory_assets.clock import ClockError, clock_of
from inventory_assets.domain.access.grants import Grant, Reason, Refusal, Scope
from inventory_assets.domain.access.limiter import Limiter
from inventory_assets.domain.access.tokens import State, Token, bearer_of, digest_of
from inventory_assets.settings import Settings

# Half of what is promised: the request in between, and the disk, have the other half.
LOOK_SECONDS = 0.5
# A look reads; in WAL it waits for nobody but who mends the log after a crash.
READ_SECONDS = 0.5
TELL_SECONDS = 10.0
MOST_COUNTED = 1_000
QUIET_SECONDS = 60.0
RETRY_AFTER = 5
MISSING = "a token is needed: Authorization: Bearer inv_…; inventory tokens make NAME makes one"
# One sentence for all of them: a guess must not learn that it was right once.
NOT_GOOD = "this token is not good here. Ask who runs this for one: inventory tokens make NAME"
NOT_NOW = "tokens cannot be looked up now, so nobody is let in; the log here says why"
logger = logging.getLogger(__name__)


class Gate:
    """Knows the tokens of a home."""

    def __init__(self, settings: Settings, *, parts: int = 1, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Make it; nothing is opened before somebody asks.

        Args:
            settings: Whose home.
            parts: How many processes answer alike: each allows its part of a token's rate.
            monotonic: Seconds, for waits and rates.
        """
        self._settings = settings
        self._path = store_path(settings)
        self._clock = clock_of(settings)
        self._monotonic = monotonic
        self._limiter = Limiter(parts=parts)
        self._lock = threading.RLock()
        self._reader: sqlite3.Connection | None = None
        self._place: tuple[int, int] | None = None
        self._generation = -1
        self._look_at = float("-inf")
        self._failure: AccessStoreError | ClockError | None = None
        self._by_digest: dict[str, Token] = {}
        self._grants: dict[str, Grant] = {}
        self._by_id: dict[str, Token] = {}
        self._has_been = False
        self._latest = 0
        self._writing = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._writer_place: tuple[int, int] | None = None
        self._refused: dict[tuple[Reason, str], tuple[int, int, int]] = {}
        self._tell_at = float("-inf")
        self._said_at = float("-inf")

    def enter(self, header: str | None, scope: Scope, warehouse: str | None = None) -> Grant | Refusal:
        """Whose token it is, and that it may: `authenticate`, its rate, its scope and warehouse.

        Args:
            header: Authorization, as it came.
            scope: What is wanted.
            warehouse: Where; None is all of them, see `Grant.may`.
        """
        found = self.authenticate(header)
        return found if isinstance(found, Refusal) else (self.check(found, scope, warehouse) or found)

    def authenticate(self, header: str | None) -> Grant | Refusal:
        """Whose token an Authorization header brings; no word of its rate and its scopes."""
        given = bearer_of(header or "")
        if given is None:
            return Refusal(401, Reason.MISSING, MISSING)
        return self.grant_of_secret(given)

    def grant_of_secret(self, secret: str) -> Grant | Refusal:
        """What a secret allows, if it is one and good."""
        digest = digest_of(secret)
        with self._lock:
            token = None if digest is None else self._by_digest_now(digest)
            return self._judged(token)

    def grant_of_id(self, token_id: str) -> Grant | Refusal:
        """What a token that was shown before still allows: for who logged in with it."""
        with self._lock:
            self._look()
            return self._judged(self._by_id.get(token_id))

    def check(self, grant: Grant, scope: Scope, warehouse: str | None = None) -> Refusal | None:
        """Whether a token may, now: its rate, then its scope and warehouse."""
        refused = self._too_often(grant) or grant.refusal(scope, warehouse)
        if refused is not None:
            self.note(refused.reason, grant.token_id)
        return refused

    @property
    def is_needed(self) -> bool:
        """Whether nobody is let in without a token: there is one, or there has been, or that cannot be known.

        Revoking the last one closes the door, and does not open it.
        """
        with self._lock:
            self._look()
            return self._has_been or self._failure is not None

    @property
    def has_living(self) -> bool:
        """Whether a token of the store is good now.

        Raises:
            AccessStoreError, ClockError: That cannot be known.
        """
        with self._lock:
            self._look()
            if self._failure is not None:
                raise self._failure
            now = self._now()
            return any(each.state(now) is State.LIVING for each in self._by_id.values())

    def record_write(
        self, grant: Grant, *, method: str, path: str, status: int, resource: str = "", request_id: str = "",
        message_ids: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Record one request that wrote, or was to; durable when it returns, which takes a sync of the disk.

        Raises:
            AccessStoreError, ClockError: It is not recorded.
        """
        self.record_writes([
            Write(
                at=self._clock.microseconds(), token_id=grant.token_id, token=grant.name, method=method, path=path,
                resource=resource, request_id=request_id, message_ids=message_ids, status=status,
            )
        ])  # fmt: skip

    def record_writes(self, writes: Sequence[Write]) -> None:
        """Record several in one sync; `Write.at` is `now()`.

        Raises:
            AccessStoreError: None of them is recorded.
        """
        with self._writing, writing(self._open_writer(), self._path) as connection:
            append_writes(connection, writes, keep=self._settings.audit_rows)

    def check_writable(self) -> None:
        """Make sure, before anything is done, that it could be recorded.

        Raises:
            AccessStoreError: It could not.
        """
        with self._writing, writing(self._open_writer(), self._path):
            pass

    def now(self) -> int:
        """The time of `Write.at`, in microseconds."""
        return self._clock.microseconds()

    def note(self, reason: Reason, token_id: str = "") -> None:
        """Count a refusal for the audit; written every ten seconds at most, by a thread of its own."""
        with self._lock:
            try:
                now = self._now()
            except ClockError:
                return
            key = (reason, token_id)
            if key not in self._refused and len(self._refused) >= MOST_COUNTED:
                key = (reason, "")
            count, first, _ = self._refused.get(key, (0, now, now))
            self._refused[key] = (count + 1, first, now)
            if self._monotonic() < self._tell_at:
                return
            self._tell_at = self._monotonic() + TELL_SECONDS
        threading.Thread(target=self.tell, name="refusals", daemon=True).start()

    def tell(self) -> None:
        """Write the refusals that were counted; what cannot be written is kept for the next time."""
        with self._lock:
            refused, self._refused = self._refused, {}
            latest = self._latest
        if not refused:
            return
        try:
            with self._writing:
                # A guess at a home without tokens makes no file there.
                if self._place_now() is None:
                    return
                with writing(self._open_writer(), self._path) as connection:
                    add_refusals(connection, refused)
                    end_expired(connection, latest)
        except AccessStoreError as error:
            with self._lock:
                self._say(error)
                for key, counted in list(self._refused.items()):
                    before = refused.get(key)
                    refused[key] = counted if before is None else (before[0] + counted[0], before[1], counted[2])
                self._refused = refused

    def close(self) -> None:
        """Write what was counted, and let go of the file."""
        self.tell()
        with self._lock:
            self._let_go()
            self._look_at = float("-inf")
        with self._writing:
            self._let_go_writer()

    def _by_digest_now(self, digest: str) -> Token | None:
        self._look()
        token = self._by_digest.get(digest)
        # Found by its hash, of which who guesses can steer nothing; compared all the same.
        return token if token is not None and hmac.compare_digest(token.digest, digest) else None

    def _judged(self, token: Token | None) -> Grant | Refusal:
        if self._failure is None:
            try:
                now = self._now()
            except ClockError as error:
                self._failure = error
        if self._failure is not None:
            self._say(self._failure)
            return Refusal(503, Reason.STORE, NOT_NOW, RETRY_AFTER)
        reason = Reason.UNKNOWN if token is None else token.reason(now)
        if token is None or reason is not None:
            assert reason is not None
            self.note(reason, "" if token is None else token.token_id)
            return Refusal(401, reason, NOT_GOOD)
        return self._grants[token.token_id]

    def _too_often(self, grant: Grant) -> Refusal | None:
        if grant.rate is None:
            return None
        with self._lock:
            wait = self._limiter.take(grant.token_id, rate=grant.rate, burst=grant.burst, now=self._monotonic())
        if not wait:
            return None
        detail = f"{grant.name!r} may ask {grant.rate:g} times a second; try again in {wait} s"
        return Refusal(429, Reason.RATE, detail, wait)

    def _now(self) -> int:
        # A clock that goes back brings no token back.
        self._latest = max(self._latest, self._clock.microseconds())
        return self._latest

    def _look(self) -> None:
        """Read the tokens again where they have changed; not more often than `LOOK_SECONDS`."""
        now = self._monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        try:
            self._read()
            self._failure = None
        except AccessStoreError as error:
            self._let_go()
            self._failure = error
        except (sqlite3.Error, ValueError, TypeError) as error:
            # A row that is none: a damaged file that SQLite still reads.
            self._let_go()
            self._failure = AccessStoreError(
                f"{str(self._path)!r} is damaged: {error}. Nobody is let in by it. Put a copy back."
            )

    def _read(self) -> None:
        place = self._place_now()
        if place != self._place or self._reader is None:
            self._let_go()
            self._reader = open_store(self._path, timeout=READ_SECONDS)
            self._place = place
        if self._reader is None:
            return
        generation = read_generation(self._reader)
        if generation != self._generation:
            tokens = read_tokens(self._reader)
            self._by_digest = {each.digest: each for each in tokens}
            self._by_id = {each.token_id: each for each in tokens}
            self._grants = {each.token_id: each.grant() for each in tokens}
            self._generation = generation
            self._has_been = self._has_been or bool(tokens)

    def _place_now(self) -> tuple[int, int] | None:
        """What tells this file from another that was put in its place."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AccessStoreError(
                f"{str(self._path)!r} could not be looked at: {error.strerror or error}. Nobody is let in by it."
            ) from error
        return found.st_dev, found.st_ino

    def _let_go(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader, self._place, self._generation = None, None, -1
        self._by_digest, self._by_id, self._grants = {}, {}, {}

    def _open_writer(self) -> sqlite3.Connection:
        place = self._place_now()
        if self._writer is None or place is None or place != self._writer_place:
            self._let_go_writer()
            self._writer = open_or_make(self._path)
            self._writer_place = self._place_now()
        return self._writer

    def _let_go_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer, self._writer_place = None, None

    def _say(self, error: Exception) -> None:
        # Every request would say so; a log is no place for that.
        now = self._monotonic()
        if now - self._said_at >= QUIET_SECONDS:
            self._said_at = now
            logger.error("%s", error)
