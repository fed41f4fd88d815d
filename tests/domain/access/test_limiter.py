"""A token's rate: what is let through, what must wait, and what is remembered."""

from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.access.limiter import Limiter


def taken(limiter: Limiter, moments: list[float], rate: float = 2.0, burst: int = 3) -> list[int]:
    return [limiter.take("tok", rate=rate, burst=burst, now=now) for now in moments]


def test_so_many_at_once_and_then_so_many_a_second():
    assert [0, 0, 0, 1, 0, 1, 0] == taken(Limiter(), [0, 0, 0, 0, 0.5, 0.5, 1.0])


def test_who_waits_as_long_as_told_is_let_through():
    limiter = Limiter()
    taken(limiter, [0.0], rate=0.1, burst=1)

    assert [10, 0] == taken(limiter, [0.0, 10.0], rate=0.1, burst=1)


@given(
    st.lists(st.floats(0, 5), min_size=1, max_size=200),
    st.floats(0.1, 50),
    st.integers(1, 20),
)
def test_never_more_than_the_burst_and_what_has_come_since(gaps, rate, burst):
    limiter, now, passed = Limiter(), 0.0, 0
    for gap in gaps:
        now += gap
        wait = limiter.take("tok", rate=rate, burst=burst, now=now)
        passed += wait == 0

        assert passed <= burst + now * rate + 1e-3
        assert wait == 0 or wait >= 1


def test_a_clock_that_goes_back_fills_nothing_and_stops_nobody():
    assert [0, 0, 0, 1, 1, 0] == taken(Limiter(), [100, 100, 100, 100, 10, 10.5])


def test_tokens_do_not_take_from_each_other():
    limiter = Limiter()
    taken(limiter, [0, 0, 0, 0])

    assert 0 == limiter.take("other", rate=1, burst=1, now=0)


def test_processes_share_a_rate():
    assert [0, 0, 1, 0] == taken(Limiter(parts=2), [0, 0, 0, 1.0], rate=2, burst=4)


def test_what_is_remembered_is_bounded():
    limiter = Limiter(most=100)
    for number in range(10_000):
        limiter.take(f"tok-{number}", rate=1, burst=1, now=float(number))

    assert 100 == len(limiter)
