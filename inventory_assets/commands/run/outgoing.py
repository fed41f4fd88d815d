"""Open what is to be published, and tell what of it contradicts the lake.

Not here: reading it (`publishing`), nor sending it (`publish`).
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from inventory_assets.commands.output import notes
from inventory_assets.domain.events.kinds import Event, Transaction
from inventory_assets.given_text import GivenFileError
from inventory_assets.lake.errors import LakeError
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from inventory_assets.lake.query.reader import LakeReader
    from inventory_assets.queries.contradictions import Contradiction, Contradictions

MAX_SHOWN = 20
LOOK_UP_ROWS = 5_000


@contextmanager
def opened(file: str, stdin: BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
    """The file, or standard input for `-`, and what errors call it."""
    if file == "-":
        yield stdin, "standard input"
        return
    with ExitStack() as stack:
        try:
            source = stack.enter_context(Path(file).open("rb"))
        except OSError as error:
            raise GivenFileError(f"{Path(file).name} could not be read: {error.strerror or error}.") from error
        yield source, Path(file).name


class Teller:
    """Looks for rows that contradict what is known under the same id and time: they will be dead letters (RULES 11)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: list[tuple[int, Event]] = []
        self._contradictions: Contradictions | None = None
        self._reader: LakeReader | None = None
        self._first: list[Contradiction] = []
        self._count = 0
        self._own = 0

    def take(self, line: int, event: Event, *, is_own: bool) -> None:
        """Take in a row's event; `is_own` where its id is of the file and the line.

        Two rows never share such an id, and only the same file read otherwise contradicts them: the first rows show.
        """
        if is_own and type(event) is Transaction:
            self._own += 1
            if self._own > LOOK_UP_ROWS:
                return
        self._waiting.append((line, event))
        if len(self._waiting) >= LOOK_UP_ROWS:
            self._look()

    def _look(self) -> None:
        if self._contradictions is None:
            # Here: DuckDB and polars take half a second to load, and a file of its own ids needs neither at first.
            if self._own == len(self._waiting) and not _has_lake(self._settings):
                self._waiting = []
                return
            from inventory_assets.queries.contradictions import Contradictions

            self._contradictions, self._reader = Contradictions(), _reader(self._settings)
        found = self._contradictions.find(self._waiting, self._reader)
        self._waiting = []
        self._count += len(found)
        self._first += found[: MAX_SHOWN - len(self._first)]

    def tell(self) -> None:
        """Say which they are."""
        if self._waiting:
            self._look()
        if self._reader is not None:
            self._reader.connection.close()
        if not self._count:
            return
        notes.print(
            f"{self._count:,} rows say otherwise what is known under the same id and time: the first counts, and "
            "`drain` makes dead letters (conflicting_duplicate) of these.", style="yellow",
        )  # fmt: skip
        for each in self._first:
            notes.print(f"  {each}")
        if self._count > len(self._first):
            notes.print(f"  and {self._count - len(self._first):,} more")
        from inventory_assets.queries.contradictions import HOW_TO_CORRECT

        notes.print(HOW_TO_CORRECT)


def _has_lake(settings: Settings) -> bool:
    return not settings.is_embedded or Path(settings.catalog_uri.removeprefix("sqlite:")).exists()


def _reader(settings: Settings) -> "LakeReader | None":
    from inventory_assets.lake.query.reader import LakeReader

    try:
        return LakeReader(settings)
    except LakeError:
        return None  # a lake elsewhere, or none yet: the file is still held to itself
