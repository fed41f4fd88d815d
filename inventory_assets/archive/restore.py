"""Bring an archive's rows back: those that a lake has lost, or a whole lake where there is none.

Here: what is lacking, and one transaction that brings it. Not here: the copy
(`archive`). Rows keep their versions, so `verify` and `--at-version` find them
where they were.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from inventory_assets.archive.archive import ARCHIVED, EVERY_DAY, GIVEN, IDENTITY, identity_of
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.ingest.replay import Replay
from inventory_assets.ingest.verify import DERIVED, Difference, replay_all
from inventory_assets.lake.errors import StaleStateError
from inventory_assets.lake.files.archive_files import ArchiveError, ArchiveFiles, Manifest
from inventory_assets.lake.files.storage import open_storage
from inventory_assets.lake.stages import MADE_LAKE, Stage
from inventory_assets.lake.tables import CATALOG, CORE_EVENTS, RAW_MESSAGES, VERSIONS, Table, VersionedTable
from inventory_assets.lake.transaction import LakeRewrite


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore brought back."""

    version: int | None
    rows: dict[str, int]
    differences: list[Difference]


def check_archive(uri: str) -> None:
    """See that there is an archive, before a lake is made to take it.

    Raises:
        ArchiveError: There is none.
    """
    if open_storage(uri).read(IDENTITY) is None:
        raise _no_archive(uri)


def _no_archive(uri: str) -> ArchiveError:
    return ArchiveError(f"there is no archive at {uri!r}. `inventory archive` makes one.")


class Restorer:
    """Brings rows of one archive back to one lake."""

    def __init__(self, engine: Engine, uri: str, replay: Replay) -> None:
        self._lake = engine.lake
        self._engine = engine
        self._replay = replay
        self.files = ArchiveFiles(self._lake.connection, uri)

    def run(self, first: str | None = None, last: str | None = None) -> Restored:
        """Bring back what the lake lacks.

        An empty lake gets every version up to the last one that the archive
        holds whole, and its derived tables from a replay. Otherwise the lake
        gets the rows it has lost; tables that are derived and not archived come
        back with `inventory rebuild`.

        Args:
            first, last: Only these days, both included; not for an empty lake.

        Raises:
            ArchiveError: There is no archive, it is another lake's, or a file
                of it is damaged. Nothing was restored.
        """
        identity = self.files.read_json(IDENTITY)
        if identity is None:
            raise _no_archive(self.files.uri)
        if self._lake.watermark().version == 0:
            if first or last:
                raise ArchiveError("the lake is empty: it takes the archive whole. Leave out --from and --to.")
            return self._make_lake()
        if identity != identity_of(self._lake):
            raise ArchiveError(
                f"the archive at {self.files.uri!r} is of another lake, or of the one that this lake was made from. "
                "Restore it under an INVENTORY_HOME of its own."
            )
        return self._bring_back(first or "", last or EVERY_DAY)

    def _make_lake(self) -> Restored:
        chosen = {table: self._checked(table) for table in (RAW_MESSAGES, *GIVEN)}
        whole = self._last_whole_version(chosen)
        if whole == 0:
            raise ArchiveError("the archive does not hold the first version whole: it begins in the middle of a lake.")
        with self._lake.rewriting(
            self._lake.watermark(), stage=Stage.RESTORE, code_version=CODE_VERSION, next_version=whole + 1
        ) as rewrite:
            rows = {
                table.full_name: self._append(rewrite, table, days, f"version <= {whole}")
                for table, days in chosen.items()
            }
            expected, differences = replay_all(self._lake, self._replay)
            for table in DERIVED:
                if (frame := expected.get(table.changes)) is not None:
                    rewrite.append(table, frame)
                    rows[table.full_name] = frame.height
            rewrite.counts = {MADE_LAKE: 1, "restored": sum(rows.values()), "differences": len(differences)}
        self._engine.drop_state()
        return Restored(rewrite.version, rows, differences)

    def _last_whole_version(self, chosen: dict[Table, list[Manifest]]) -> int:
        """The last version of which, and of all before it, the archive has everything."""
        if not chosen[VERSIONS]:
            return 0
        messages = self._rows(RAW_MESSAGES, chosen[RAW_MESSAGES]) or "SELECT NULL::BIGINT AS version WHERE false"
        return self._lake.query(
            f"""
            WITH found AS (SELECT version, count(*) AS messages FROM ({messages}) GROUP BY 1),
            whole AS (
                SELECT v.version, row_number() OVER (ORDER BY v.version) AS place,
                    bool_and(v.messages = coalesce(f.messages, 0)) OVER (ORDER BY v.version) AS is_whole
                FROM ({self._rows(VERSIONS, chosen[VERSIONS])}) v LEFT JOIN found f USING (version)
            )
            SELECT coalesce(max(version), 0) AS version FROM whole WHERE is_whole AND place = version
            """
        ).item()

    def _bring_back(self, first: str, last: str) -> Restored:
        watermark = self._lake.watermark()
        lacking: dict[Table, str] = {}
        for table in ARCHIVED:
            found = self._checked(table, first, last)
            if table is CORE_EVENTS:
                # Of before a rebuild: it says what the rules of then made of the messages.
                found = [manifest for manifest in found if manifest.epoch == watermark.epoch]
            if query := self._lacking(table, found, watermark.version):
                lacking[table] = query
        if not lacking:
            return Restored(None, {}, [])
        rows: dict[str, int] = {}
        # What lacks is of versions that are over: only another epoch changes it. To look took long, and bursts went on.
        with self._lake.exclusive():
            latest = self._lake.watermark()
            if latest.epoch != watermark.epoch:
                raise StaleStateError("the lake was rebuilt or restored meanwhile; nothing was written. Try again.")
            with self._lake.rewriting(None, stage=Stage.RESTORE, code_version=CODE_VERSION) as rewrite:
                for table, query in lacking.items():
                    rows[table.full_name] = self._append_query(rewrite, table, query)
                rewrite.counts = {"restored": sum(rows.values())}
        self._engine.drop_state()
        return Restored(rewrite.version, rows, [])

    def _checked(self, table: Table, first: str = "", last: str = EVERY_DAY) -> list[Manifest]:
        found = [each for date, each in sorted(self.files.manifests(table).items()) if first <= date <= last]
        for manifest in found:
            self.files.check(table, manifest)
        return found

    def _rows(self, table: Table, days: list[Manifest]) -> str | None:
        if not days:
            return None
        files = ", ".join("'" + self.files.file(table, day.date).replace("'", "''") + "'" for day in days)
        return f"SELECT * FROM read_parquet([{files}], hive_partitioning => false, union_by_name => true)"

    def _lacking(self, table: Table, days: list[Manifest], version: int) -> str | None:
        """SQL for the archived rows that the lake has not; None where it has them all."""
        rows = self._rows(table, days)
        if rows is None:
            return None
        same = self._same_row(table)
        query = (
            f"SELECT a.* FROM ({rows}) a WHERE a.version <= {version} "
            f"AND NOT EXISTS (SELECT 1 FROM {CATALOG}.{table.changes} l WHERE {same})"
        )
        return query if self._lake.query(f"SELECT count(*) AS n FROM ({query})").item() else None

    def _same_row(self, table: Table) -> str:
        if "seq" in table.columns:
            names: Iterable[str] = ("version", "seq")
        elif isinstance(table, VersionedTable):
            names = ("version", *table.key)
        else:
            names = ("version",) if table is VERSIONS else table.columns
        return " AND ".join(f"a.{name} IS NOT DISTINCT FROM l.{name}" for name in names)

    def _append(self, rewrite: LakeRewrite, table: Table, days: list[Manifest], condition: str) -> int:
        # A day at a time: messages of all time do not fit in memory.
        return sum(
            self._append_query(rewrite, table, f"SELECT * FROM ({self._rows(table, [day])}) WHERE {condition}")
            for day in days
        )

    def _append_query(self, rewrite: LakeRewrite, table: Table, query: str) -> int:
        if self._lake.settings.is_embedded:
            return rewrite.execute(f"INSERT INTO {CATALOG}.{table.changes} BY NAME {query} ORDER BY version")[0][0]
        # The files must be ours there, cut as merges will cut them (`lake.upkeep.orphans`).
        frame = self._lake.query(query)
        rewrite.append(table, frame)
        return frame.height
