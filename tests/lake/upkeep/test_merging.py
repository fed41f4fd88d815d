"""Which landings' files become one: a row is rewritten a few times ever, and no range is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.lake.upkeep.merging import LARGEST, RUN, Range, plan_merges


def landings(*messages):
    """One version a landing."""
    return [Range(number, number, each) for number, each in enumerate(messages, 1)]


@pytest.mark.parametrize(
    ("ranges", "merges"),
    [
        (landings(*[5] * 15), []),
        (landings(*[5] * 16), [Range(1, 16, 80)]),
        # A large one between them keeps them apart.
        (landings(*[5] * 10, 5_000, *[5] * 10), []),
        (landings(*[5] * 10, 5_000, *[5] * 16), [Range(12, 27, 80)]),
        # Small ones do not make a large one be written anew, and come along with large ones.
        (landings(5_000, *[5] * 15), []),
        (landings(*[5_000] * 8, 5, *[5_000] * 8), [Range(1, 17, 80_005)]),
        # Those of a level above, once there are as many.
        (landings(*[80] * 16), [Range(1, 16, 1_280)]),
        (landings(*[1_000] * 16), [Range(1, 16, 16_000)]),
        # More than a sort should hold is cut, and what is large already stays.
        (landings(*[60_000] * 16), [Range(1, 5, 300_000), Range(6, 10, 300_000), Range(11, 15, 300_000)]),
        (landings(*[70_000] * 40), []),
    ],
)
def test_sixteen_like_neighbours_become_one(ranges, merges):
    assert merges == plan_merges(ranges)


@given(st.lists(st.integers(0, 2_000), min_size=1, max_size=400))
def test_however_traffic_goes_files_stay_few_and_rows_are_rarely_rewritten(traffic):
    """As upkeep does it: after each landing what is due."""
    ranges: list[Range] = []
    rewritten = written = 0
    for each in landings(*traffic):
        ranges.append(each)
        written += max(each.messages, 1)
        for merge in plan_merges(ranges):
            inside = [r for r in ranges if merge.first <= r.first and r.last <= merge.last]
            assert (inside[0].first, inside[-1].last) == (merge.first, merge.last)
            assert merge.messages == sum(r.messages for r in inside) <= max(LARGEST, inside[0].messages)
            rewritten += merge.messages
            ranges = sorted([*(r for r in ranges if r not in inside), merge])

    assert [r.first for r in ranges] == [1, *(r.last + 1 for r in ranges[:-1])]
    assert rewritten <= 4 * written
    assert len(ranges) <= 8 * RUN
