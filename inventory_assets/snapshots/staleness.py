"""Which partitions are not what the lake's events give any more, and what is missing. Reads only.

A partition was exact at some version of the lake: that of its manifest, or a
later one at which it was found unchanged. Only events since then can have
changed it, and of those only the ones that happened by its day's end: so where
nothing came late, one small query is all. Not here: making days anew
(`snapshots`), or starting runs (the sensor).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from inventory_assets.lake.files.partition_files import DAILY_STOCK, FORMAT, Checked, Manifest, PartitionFiles
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.reader import Reader
from inventory_assets.snapshots.daily_stock import changed_stock_rows
from inventory_assets.snapshots.hourly_transactions import changed_days
from inventory_assets.words.numbers import counted

OTHER_CODE = "made by another release"
REBUILT = "the lake was rebuilt since"


class LakeState(NamedTuple):
    """Where the lake stands: `epoch` changes with a rebuild, `version` with every commit."""

    epoch: int
    version: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What the manifests alone say.

    `outdated`: days to be made anew as a whole, and why. `exact_at`: of the
    others, by version, those known to be exact at it.
    """

    outdated: dict[date, str]
    exact_at: dict[int, list[date]]


@dataclass(frozen=True, slots=True)
class Findings:
    """The complete days that have partitions, and which of them are stale, and why."""

    state: LakeState
    manifests: dict[date, Manifest]
    stale: dict[date, str]

    @property
    def checked(self) -> Checked:
        """What need not be compared again."""
        fresh = {day: each.sha256 for day, each in self.manifests.items() if day not in self.stale}
        return Checked(self.state.epoch, self.state.version, fresh)


def lake_state(reader: Reader) -> LakeState:
    """Where the lake stands now."""
    return LakeState(*reader.query("SELECT epoch, version FROM meta.watermarks").row(0))


def judge(manifests: Mapping[date, Manifest], checked: Checked, state: LakeState) -> Judged:
    """Sort partitions by the version they are known to be exact at."""
    found = Judged({}, {})
    for day, manifest in sorted(manifests.items()):
        if manifest.code_version != FORMAT:
            found.outdated[day] = OTHER_CODE
        elif manifest.epoch != state.epoch:
            found.outdated[day] = REBUILT
        else:
            is_checked = checked.epoch == state.epoch and checked.sha256.get(day) == manifest.sha256
            version = max(manifest.lake_version, checked.version if is_checked else 0)
            found.exact_at.setdefault(version, []).append(day)
    return found


def find_stale(reader: Reader, files: PartitionFiles, *, today: date) -> Findings:
    """Compare every complete day's partition with the lake's events."""
    state = lake_state(reader)
    manifests = {day: each for day, each in files.manifests().items() if day < today}
    judged = judge(manifests, files.checked(), state)
    stale = dict(judged.outdated)
    for since, days in judged.exact_at.items():
        if since < state.version:
            stale |= _changed(reader, files, days, since=since, until=state.version)
    return Findings(state, manifests, dict(sorted(stale.items())))


def _changed(
    reader: Reader, files: PartitionFiles, days: Collection[date], *, since: int, until: int
) -> dict[date, str]:
    if files.table is DAILY_STOCK:
        rows = changed_stock_rows(reader, set(days), since=since, until=until)
        return {day: f"late events changed {counted(changed.height, 'key')}" for day, changed in rows}
    counts = changed_days(reader, set(days), since=since, until=until)
    return {day: f"{counted(count, 'transaction')} came late" for day, count in counts.items()}


def find_missing(reader: Reader, files: PartitionFiles, *, first: date, today: date) -> list[date]:
    """The complete days from `first` on that should have a partition and have none that counts.

    Closing stock: every day from the first event on. Transactions: every day with one.
    """
    present = files.manifests()
    kinds = STOCK_KINDS if files.table is DAILY_STOCK else "('transaction')"
    rows = reader.query(
        f"SELECT DISTINCT event_date FROM core.events WHERE kind IN {kinds} AND event_date < DATE '{today}'"
    )
    wanted: Iterable[date] = sorted(rows["event_date"])
    if files.table is DAILY_STOCK and rows.height:
        begin = min(rows["event_date"])
        wanted = (begin + timedelta(days=number) for number in range((today - begin).days))
    return [day for day in wanted if day >= first and day not in present]


def ranges(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days as contiguous ranges, first and last included."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and day == found[-1][1] + timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
