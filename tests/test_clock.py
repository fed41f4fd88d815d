"""The trade's clock: the machine's, or a home's own, which never passes it."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from inventory_assets import clock as module
from inventory_assets.clock import FILE, Clock, ClockError, clock_of, machine_now, set_clock
from inventory_assets.domain.values import to_microseconds
from inventory_assets.settings import Settings

REAL = datetime(2026, 11, 30, 8, tzinfo=UTC)
SHOWN = datetime(2026, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class Machine:
    """A machine's clock that a test sets."""

    def __init__(self, at: datetime = REAL) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def clock(tmp_path, machine):
    return Clock(tmp_path / FILE, machine)


def write(path, **fields):
    content = {"real": "2026-11-30T08:00:00Z", "shown": "2026-07-01T00:00:00Z", "speed": 144} | fields
    (path / FILE).write_text(json.dumps(content))


def us(at: datetime) -> int:
    return to_microseconds(at)


def test_without_a_file_it_is_the_machines(clock, machine):
    machine.at += timedelta(seconds=7)

    assert REAL + timedelta(seconds=7) == clock.now()
    assert (1.0, date(2026, 11, 30)) == (clock.speed, clock.today())
    assert us(SHOWN) == clock.shown_at(us(SHOWN)) == clock.machine_at(us(SHOWN))


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (timedelta(0), SHOWN),
        (timedelta(minutes=10), SHOWN + DAY),
        (timedelta(seconds=1), SHOWN + timedelta(seconds=144)),
        # Before it began, or by a machine's clock that was set back, it stands still.
        (timedelta(hours=-5), SHOWN),
        # 152 days are caught up in 26 hours; from there on both are one.
        (timedelta(hours=27), REAL + timedelta(hours=27)),
        (timedelta(days=3_000), REAL + timedelta(days=3_000)),
    ],
)
def test_a_days_demo_takes_ten_minutes_and_never_passes_ours(clock, machine, tmp_path, passed, shown):
    write(tmp_path)
    machine.at = REAL + passed

    assert shown == clock.now()
    assert shown == datetime.fromtimestamp(clock.shown_at(us(machine.at)) / 1e6, UTC)
    assert clock.speed == (1.0 if shown == machine.at else 144)


def test_what_it_showed_is_found_again_by_the_machines_time(clock, tmp_path):
    write(tmp_path)

    for passed in (timedelta(0), timedelta(minutes=3), timedelta(hours=25), timedelta(days=40)):
        at = us(REAL + passed)
        assert at == clock.machine_at(clock.shown_at(at))
    assert us(SHOWN - DAY) == clock.machine_at(us(SHOWN - DAY))


def test_it_does_not_go_back_with_the_machines_clock(clock, machine, tmp_path):
    write(tmp_path)
    machine.at = REAL + timedelta(minutes=10)
    before = clock.now()
    machine.at -= timedelta(seconds=30)

    assert before == clock.now() == SHOWN + DAY


def test_caught_up_it_goes_back_rather_than_pass_the_machines(clock, machine, tmp_path):
    write(tmp_path)
    machine.at = REAL + timedelta(days=3)
    clock.now()
    machine.at -= timedelta(seconds=30)

    assert machine.at == clock.now()


def test_a_file_written_anew_is_another_clock(tmp_path, clock, machine):
    """A demo that was stopped for the night goes on where it was."""
    settings = Settings(home=tmp_path)
    set_clock(settings, shown=SHOWN + 9 * DAY, speed=144)
    assert clock_of(settings).now() - (SHOWN + 9 * DAY) < DAY
    set_clock(settings, shown=SHOWN, speed=1)

    assert clock_of(settings) is clock_of(Settings(home=tmp_path))
    assert timedelta(0) <= clock_of(settings).now() - SHOWN < timedelta(minutes=1)
    assert {"real", "shown", "speed"} == set(json.loads((tmp_path / FILE).read_text()))
    assert [FILE] == [path.name for path in tmp_path.iterdir()]

    (tmp_path / FILE).unlink()
    assert clock_of(settings).now() > SHOWN + DAY


def test_the_file_is_read_once_as_long_as_it_is_the_same(clock, tmp_path, monkeypatch):
    write(tmp_path)
    clock.now()
    monkeypatch.setattr(module, "_parse", lambda path: pytest.fail("read again"))

    assert SHOWN == clock.now()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "damaged"),
        ("[]", "was [], no object"),
        ('{"real": "2026-11-30T08:00:00Z", "speed": 144}', "had no shown"),
        ('{"real": "today", "shown": "2026-07-01T00:00:00Z", "speed": 144}', "real was 'today'"),
        ('{"real": {"$date": -1}, "shown": "2026-07-01T00:00:00Z", "speed": 144}', "expected a time from 1970-01-01"),
        ('{"real": "2026-11-30T08:00:00Z", "shown": "2026-07-01T00:00:00Z", "speed": 0}', "speed was 0"),
        ('{"real": "2026-11-30T08:00:00Z", "shown": "2026-07-01T00:00:00Z", "speed": NaN}', "speed was nan"),
        ('{"real": "2026-11-30T08:00:00Z", "shown": "2026-07-01T00:00:00Z", "speed": true}', "speed was True"),
        ('{"real": "2026-11-30T08:00:00Z", "shown": "2026-07-01T00:00:00Z", "speed": 1e300}', "from 1 to 86,400"),
        ("[" * 5_000, "damaged"),
        ("\udcff", "damaged"),
    ],
)
def test_a_damaged_file_says_what_it_was_and_what_to_do(clock, tmp_path, content, said):
    (tmp_path / FILE).write_bytes(content.encode("utf-8", "surrogateescape"))

    with pytest.raises(ClockError) as error:
        clock.now()

    assert said in str(error.value)
    assert str(tmp_path / FILE) in str(error.value)
    assert '{"real": TIME, "shown": TIME, "speed": NUMBER}' in str(error.value)
    assert "Remove it to go by the machine's clock" in str(error.value)


def test_a_file_that_is_none_says_so(clock, tmp_path):
    (tmp_path / FILE).mkdir()

    with pytest.raises(ClockError, match="could not be read"):
        clock.now()


@pytest.mark.parametrize(
    ("shown", "speed", "said"),
    [
        (machine_now() + DAY, 144, "to now"),
        (SHOWN.replace(tzinfo=None), 144, "with its zone"),
        (datetime(1969, 12, 31, tzinfo=UTC), 144, "from 1970-01-01"),
        (SHOWN, 0.5, "speed was 0.5, expected a number from 1 to 86,400"),
        (SHOWN, float("inf"), "speed was inf"),
    ],
)
def test_a_clock_is_not_set_to_what_none_can_show(tmp_path, shown, speed, said):
    with pytest.raises(ClockError, match=said):
        set_clock(Settings(home=tmp_path), shown=shown, speed=speed)

    assert [] == list(tmp_path.iterdir())
