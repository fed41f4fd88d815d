"""Follow the lake's versions as they are committed: from the journal, or from the lake where that has forgotten."""

from inventory_assets.domain.picture.picture import KEPT_CHANGES, Picture, Step
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.journal.body import gather
from inventory_assets.lake.journal.contract import JournaledVersion
from inventory_assets.lake.journal.open import open_journal
from inventory_assets.lake.journal.sql import Journal
from inventory_assets.picture.apart import ReadApart
from inventory_assets.picture.frames import SOURCES, Reading
from inventory_assets.picture.load import picture_of, read_loaded, read_steps
from inventory_assets.settings import Settings

# A part at a time: what is decoded at once is held at once.
MOST_AT_ONCE = 50
# Rather than so many one after another, the newest is loaded whole.
MOST_MISSED = 5_000


class Follower:
    """Reads what a picture lacks. Used by one thread at a time; it changes no picture."""

    def __init__(
        self, settings: Settings, *, kept_changes: int = KEPT_CHANGES, is_apart: bool = False,
        begun: ReadApart | None = None,
    ) -> None:  # fmt: skip
        """Make it.

        Args:
            settings: Which lake.
            kept_changes: As of `Picture`.
            is_apart: Read what a picture begins with in a process that ends: smaller, and half a second more of CPU.
            begun: The first of these reads, where it was begun before.
        """
        self._settings = settings
        self._is_apart = is_apart
        self._begun = begun
        self._kept_changes = kept_changes
        self._reading = Reading()
        self._journal: Journal | None = None
        self.newest = 0

    def load(self) -> Picture:
        """The picture of what has landed.

        Raises:
            LakeError, duckdb.Error: There is no lake, or it cannot be read.
        """
        # What it shared of the last one goes with that.
        self._reading = Reading()
        if self._is_apart:
            begun, self._begun = self._begun or ReadApart(self._settings, self._kept_changes), None
            loaded = begun.end()
        else:
            loaded = read_loaded(self._settings, self._kept_changes)
        return picture_of(loaded, self._reading, kept_changes=self._kept_changes)

    def read(self, epoch: int, after: int) -> list[Step] | None:
        """The next steps of a picture; none where it is up to date.

        Returns:
            None where it must be loaded anew: the lake was rebuilt or exchanged, or too much was missed.

        Raises:
            LakeError, duckdb.Error: Neither the journal nor the lake can be read now.
        """
        try:
            return self._read(epoch, after)
        except LakeError:
            self.close()  # it may be another's by now
            raise

    def _read(self, epoch: int, after: int) -> list[Step] | None:
        if self._journal is None:
            self._journal = open_journal(self._settings, read_only=True)
        head = self._journal.head()
        if head.barrier is not None:
            return []  # what it shows stays true until that is done
        self.newest = head.version
        if head.epoch != epoch or head.version < after:
            return None
        if head.version == after:
            return []
        entries = list(self._journal.read(after, min(head.version, after + MOST_AT_ONCE)))
        if entries and entries[0].version == after + 1 and entries[-1].version == after + len(entries):
            return [self._step(entry) for entry in entries]
        if head.version - after > MOST_MISSED:
            return None
        return read_steps(self._settings, self._reading, epoch, after, MOST_MISSED)

    def _step(self, entry: JournaledVersion) -> Step:
        frames = gather([(entry.version, entry.body)])
        rows = {}
        for name, source in SOURCES.items():
            frame = frames.get(source.table.changes)
            if frame is not None and frame.height:
                rows[name] = self._reading.rows(source, frame)
        return Step(entry.version, entry.committed_at, rows)

    def close(self) -> None:
        """Let go of the journal; the next read opens it again."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
