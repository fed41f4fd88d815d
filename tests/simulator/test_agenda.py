"""Plans come out in order of due time, then of adding, whatever is added between takes."""

from random import Random

import pytest

from inventory_assets.simulator.agenda import NEVER_US, Agenda


def test_empty_agenda_is_never_due() -> None:
    agenda = Agenda()

    assert agenda.next_due_us == NEVER_US
    with pytest.raises(IndexError):
        agenda.take()


@pytest.mark.parametrize("seed", range(5))
def test_actions_are_taken_in_order_of_due_time(seed: int) -> None:
    """Compared with sorting everything at each step."""
    rng = Random(seed)
    agenda = Agenda()
    model: list[tuple[int, int]] = []
    for number in range(2000):
        if model and rng.random() < 0.45:
            model.sort()
            assert agenda.next_due_us == model[0][0]
            assert agenda.take()(0) == model.pop(0)[1]  # type: ignore[comparison-overlap]
        else:
            due_us = rng.randrange(5_000_000)
            model.append((due_us, number))
            agenda.add(due_us, lambda _, number=number: number)  # type: ignore[misc]

    assert [agenda.take()(0) for _ in model] == [number for _, number in sorted(model)]
    assert agenda.next_due_us == NEVER_US
