"""What happens over and over is said once, then rarely, and with how often."""

from datetime import UTC, datetime, timedelta

from inventory_assets.connector.ops.quiet import Quiet

AT = datetime(2022, 4, 20, 7, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def test_the_first_is_said_at_once_and_the_next_after_a_while_with_those_between():
    quiet = Quiet(timedelta(seconds=30))

    said = [quiet.count("topic", at(seconds)) for seconds in (0, 1, 29, 30, 31, 60)]

    assert said == [1, None, None, 3, None, 2]


def test_what_is_not_alike_is_said_by_itself():
    quiet = Quiet()

    assert [quiet.count(kind, AT) for kind in ("one", "other", "one")] == [1, 1, None]


def test_a_clock_set_back_does_not_silence_it():
    quiet = Quiet(timedelta(seconds=30))

    assert [quiet.count("topic", at(seconds)) for seconds in (0, -3600, -3599)] == [1, 1, None]
