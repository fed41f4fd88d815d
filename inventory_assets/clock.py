"""What time it is in the trade: the machine's, or a demo's own, which began in the past and runs faster.

All that asks "now" or "today" of the business asks here (docs/adr/0022-a-clock-of-its-own.md): sweeps, days of
schedules and reports, ages of alerts, times of commands. `machine_now` is for what the machine alone knows: retries,
deliveries, ages of files, when a version was committed.
"""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from inventory_assets.domain.values import InvalidValue, format_time, read_time, to_datetime, to_microseconds
from inventory_assets.errors import InventoryError
from inventory_assets.ranges import FIRST_DAY
from inventory_assets.settings import Settings

FILE = "clock.json"
# A day in a second: beyond it no run would be done before the next day's.
SLOWEST, FASTEST = 1, 86_400
_EXPECTED = '{"real": TIME, "shown": TIME, "speed": NUMBER}, times as 2026-01-31T08:00:00Z'
_NEXT = "Remove it to go by the machine's clock, or start `make run` in another INVENTORY_HOME."


class ClockError(InventoryError, ValueError):
    """The home's clock cannot be read, or not be set so."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A clock of its own: at `real` by the machine's it showed `shown`, and runs so fast from there; microseconds."""

    real: int
    shown: int
    speed: float

    def shown_at(self, machine: int) -> int:
        """What it showed when the machine's clock said so; it stood still before it began, and never passes ours."""
        return min(machine, self.shown + int(self.speed * max(0, machine - self.real)))

    def machine_at(self, shown: int) -> int:
        """What the machine's clock said when this one showed that; before it began, and once it has caught up, both
        are one."""
        return shown if shown < self.shown else max(shown, self.real + int((shown - self.shown) / self.speed))


def machine_now() -> datetime:
    """The machine's own time, UTC."""
    return datetime.now(UTC)


def machine_microseconds() -> int:
    """The machine's own time in microseconds since 1970, as versions are committed by."""
    return to_microseconds(machine_now())


def machine_seconds() -> float:
    """The machine's own time in seconds since 1970, as files and Dagster's records have it."""
    return machine_now().timestamp()


class Clock:
    """The clock of a home: the machine's, or the one that the home's file tells of.

    As monotonic as the machine's while the file stays the same; a file written anew is another clock.
    """

    def __init__(self, path: Path, machine: Callable[[], datetime] = machine_now) -> None:
        """Make the clock that `path` tells of, over the machine's own."""
        self._path = path
        self._machine = machine
        self._guard = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._pace: Pace | None = None
        self._latest = 0

    def now(self) -> datetime:
        """The time.

        Raises:
            ClockError: The file is damaged.
        """
        return to_datetime(self.microseconds())

    def today(self) -> date:
        """The UTC day that is not over."""
        return self.now().date()

    def microseconds(self) -> int:
        """The time in microseconds since 1970."""
        with self._guard:
            pace, machine = self._read(), to_microseconds(self._machine())
            if pace is None:
                return machine
            # The machine's clock may be set back by a second, which is minutes here.
            self._latest = max(self._latest, pace.shown_at(machine))
            return min(machine, self._latest)

    def shown_at(self, machine: int) -> int:
        """What this clock showed when the machine's clock said so; microseconds."""
        pace = self.pace
        return machine if pace is None else pace.shown_at(machine)

    def machine_at(self, shown: int) -> int:
        """What the machine's clock said when this one showed that; microseconds."""
        pace = self.pace
        return shown if pace is None else pace.machine_at(shown)

    @property
    def pace(self) -> Pace | None:
        """What the home's file says; None where there is none.

        Raises:
            ClockError: The file is damaged.
        """
        with self._guard:
            return self._read()

    @property
    def speed(self) -> float:
        """How much faster than the machine's it runs: 1 where it is the machine's, or has caught up with it."""
        pace = self.pace
        machine = to_microseconds(self._machine())
        return 1.0 if pace is None or pace.shown_at(machine) >= machine else pace.speed

    def _read(self) -> Pace | None:
        try:
            found = os.stat(self._path)
            seen = (found.st_mtime_ns, found.st_ino, found.st_size)
            if seen != self._seen:
                self._pace = _parse(self._path)
                self._latest, self._seen = 0, seen
        except FileNotFoundError:
            self._seen = self._pace = None
        except OSError as error:
            raise ClockError(f"the clock {str(self._path)!r} could not be read: {error.strerror or error}.") from error
        return self._pace


def clock_of(settings: Settings) -> Clock:
    """The clock of the settings' home; one a process."""
    return _clock(settings.home)


@cache
def _clock(home: Path) -> Clock:
    return Clock(home / FILE)


def set_clock(settings: Settings, *, shown: datetime, speed: float) -> None:
    """Have the home's clock show a time from now on, and run at a speed; every process follows.

    Raises:
        ClockError: The time is yet to come, or has no zone; or the speed is out of range.
    """
    now = machine_now()
    if shown.tzinfo is None or not shown.astimezone(UTC).date() >= FIRST_DAY or shown > now:
        raise ClockError(
            f"the clock was to show {shown.isoformat()}; expected a time with its zone, from {FIRST_DAY} to now."
        )
    content = {
        "real": format_time(to_microseconds(now)),
        "shown": format_time(to_microseconds(shown.astimezone(UTC))),
        "speed": _check_speed(speed),
    }
    path = settings.home / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    # A reader sees the one or the other, and never half of one.
    fresh = path.with_name(f"{FILE}.{os.getpid()}")
    fresh.write_text(json.dumps(content) + "\n")
    fresh.replace(path)


def _parse(path: Path) -> Pace:
    try:
        content = json.loads(path.read_text())
        if type(content) is not dict:
            raise ValueError(f"was {_shown(content)}, no object")
        if missing := [name for name in ("real", "shown", "speed") if name not in content]:
            raise ValueError(f"had no {', '.join(missing)}")
        return Pace(_time(content, "real"), _time(content, "shown"), _check_speed(content["speed"]))
    except InvalidValue as error:
        raise ClockError(_damaged(path, error.detail)) from error
    except (ValueError, RecursionError) as error:
        raise ClockError(_damaged(path, str(error))) from error


def _time(content: dict[str, object], name: str) -> int:
    at = read_time(name, content[name])
    if at < 0:
        raise ValueError(f"{name} was {_shown(content[name])}, expected a time from {FIRST_DAY} on")
    return at


def _check_speed(value: object) -> float:
    if type(value) not in (int, float) or not SLOWEST <= value <= FASTEST:  # type: ignore[operator]
        raise ClockError(f"speed was {_shown(value)}, expected a number from {SLOWEST} to {FASTEST:,}")
    return value  # type: ignore[return-value]


def _damaged(path: Path, why: str) -> str:
    return f"the clock {str(path)!r} is damaged: {why}; expected {_EXPECTED}. {_NEXT}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
