"""What the alerts of a back-test were worth: stockouts foreseen, false alarms, gained and lost.

The words, as used here and in docs/coverage-and-backtest.md:

- An *episode* of a key is an unbroken run of open alerts: one closes as the
  next, worse or better, opens. One that re-opens within its cooldown goes on.
- A *warning* is an episode that began before stock ran out, with LOW_STOCK or
  REORDER. It was *useful* if stock ran out or supply came before it ended, and
  a *false alarm* if it ended by itself: no stockout and no supply after its
  first event. One still open at the end is neither.
- A *stockout* begins where available stock falls from above 0 to 0 or less. It
  was *foreseen* if an episode had begun, and had been told, before that.
- precision = useful / (useful + false alarms); recall = foreseen / stockouts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from inventory_assets.domain.backtest.replay import Interval
from inventory_assets.domain.events.kinds import Condition, Key
from inventory_assets.domain.stock.history import Stock

USEFUL, FALSE_ALARM, OPEN = "useful", "false alarm", "still open"


class Warned(msgspec.Struct, frozen=True, gc=False):
    """A warning and what came of it. Times in microseconds; null `closed_at` is still open."""

    key: int
    alert_id: str
    condition: Condition
    opened_at: int
    closed_at: int | None
    verdict: str


class Stockout(msgspec.Struct, frozen=True, gc=False):
    """Stock that ran out, and since when an alert had said so; null if none had."""

    key: int
    at: int
    alert_id: str | None
    warned_at: int | None

    @property
    def warning_us(self) -> int | None:
        """How long before the stockout the warning came, in microseconds."""
        return None if self.warned_at is None else self.at - self.warned_at


class Alerted(msgspec.Struct, frozen=True, gc=False):
    """An alert that was opened, under its id. `change` is "gained", "lost" or "kept"."""

    key: int
    alert_id: str
    condition: Condition
    opened_at: int
    closed_at: int | None
    reason: str | None
    is_notified: bool
    change: str = "kept"


@dataclass(slots=True)
class Outcome:
    """What one set of rules gave: alerts, warnings and stockouts, as rows."""

    alerts: list[Alerted] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    stockouts: list[Stockout] = field(default_factory=list)


@dataclass(slots=True)
class Backtest:
    """A finished back-test. `labels` names the rule of each key, by key number; times in microseconds."""

    since: int
    until: int
    keys: list[Key]
    labels: list[str]
    events: int
    candidate: Outcome
    present: Outcome


def split_episodes(intervals: Iterable[Interval]) -> list[list[Interval]]:
    """Cut one key's intervals, in order, into episodes."""
    episodes: list[list[Interval]] = []
    for interval in intervals:
        previous = episodes[-1][-1] if episodes else None
        if previous is not None and (previous.closed_row == interval.opened_row or interval.is_reopened):
            episodes[-1].append(interval)
        else:
            episodes.append([interval])
    return episodes


def find_stockouts(stock: Stock, since: int) -> np.ndarray:
    """The rows at which a key's stock runs out, from a time on."""
    is_out = (stock.available <= 0) & stock.is_active
    had = (stock.available > 0) & stock.is_active
    rows = np.zeros(len(is_out), dtype=bool)
    rows[1:] = is_out[1:] & had[:-1] & (stock.key[1:] == stock.key[:-1])
    return np.flatnonzero(rows & (stock.at >= since))


def judge_warnings(stock: Stock, episodes: Iterable[list[Interval]], stockouts: np.ndarray) -> Iterable[Warned]:
    """Say of each warning whether it was of use.

    Args:
        stock: The points the intervals' rows are places in.
        episodes: As `split_episodes` gives them.
        stockouts: Rows at which stock runs out.
    """
    # Running counts answer "any between two rows" without a search for each warning.
    ran_out = np.zeros(len(stock.key), dtype=bool)
    ran_out[stockouts] = True
    evidence = np.cumsum(ran_out | stock.is_supply)
    for episode in episodes:
        first, last = episode[0], episode[-1]
        if first.condition is Condition.STOCKOUT:
            continue
        if last.closed_row is None:
            verdict = OPEN
        else:
            verdict = USEFUL if evidence[last.closed_row] > evidence[first.opened_row] else FALSE_ALARM
        yield Warned(first.key, first.alert_id, first.condition, first.opened_at, last.closed_at, verdict)


def judge_stockouts(
    stock: Stock, episodes: dict[int, list[list[Interval]]], stockouts: np.ndarray
) -> Iterable[Stockout]:
    """Say of each stockout since when it was foreseen. `episodes` are by key number."""
    for row in stockouts.tolist():
        key, at = int(stock.key[row]), int(stock.at[row])
        found = next((e for e in episodes.get(key, ()) if _was_warning(e, row)), None)
        if found is None:
            yield Stockout(key, at, None, None)
        else:
            yield Stockout(key, at, found[0].alert_id, found[0].opened_at)


def _was_warning(episode: Sequence[Interval], row: int) -> bool:
    if episode[0].opened_row >= row:
        return False
    closed = episode[-1].closed_row
    is_open = closed is None or closed >= row
    return is_open and any(each.is_notified and each.opened_row < row for each in episode)


def list_alerts(intervals: Iterable[Interval], others: Sequence[Interval], change: str) -> Iterable[Alerted]:
    """One row per alert id of a key: `change` if no alert of its condition was open at the same time in `others`."""
    by_id: dict[str, list[Interval]] = {}
    for interval in intervals:
        by_id.setdefault(interval.alert_id, []).append(interval)
    for alert_id, own in by_id.items():
        is_shared = any(_overlap(a, b) for a in own for b in others if a.condition is b.condition)
        yield Alerted(
            own[0].key, alert_id, own[0].condition, own[0].opened_at, own[-1].closed_at, own[-1].reason,
            any(each.is_notified for each in own), "kept" if is_shared else change,
        )  # fmt: skip


def _overlap(a: Interval, b: Interval) -> bool:
    return (b.closed_row is None or a.opened_row < b.closed_row) and (
        a.closed_row is None or b.opened_row < a.closed_row
    )
