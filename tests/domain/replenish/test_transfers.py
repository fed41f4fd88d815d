"""Who gets what can be spared, and from whom (RULES 43)."""

import numpy as np

from inventory_assets.domain.replenish.transfers import Need, share_out


def shared(needs, spares, *, least=1, skus=None, runs_out=None):
    size = len(needs)
    found = share_out(
        np.array(skus or [1] * size), np.arange(size), Need(np.array(needs), np.array(runs_out or [0] * size)),
        np.array(spares), np.zeros(size, dtype=int), least,
    )  # fmt: skip
    return [(each.giver, each.taker, each.quantity) for each in found]


def test_who_runs_out_first_is_served_first_then_who_lacks_more_then_by_id():
    assert [(3, 1, 9)] == shared([9, 9, 9, 0], [0, 0, 0, 9], runs_out=[2, 1, 2, 9])
    assert [(2, 1, 9)] == shared([5, 9, 0], [0, 0, 9])
    assert [(2, 0, 9)] == shared([9, 9, 0], [0, 0, 9])


def test_who_can_spare_most_gives_first_and_at_most_three_do():
    assert [(2, 0, 20), (1, 0, 10), (3, 0, 5)] == shared([99, 0, 0, 0, 0], [0, 10, 20, 5, 4])


def test_what_is_given_once_is_given():
    assert [(2, 0, 6), (2, 1, 4)] == shared([6, 6, 0], [0, 0, 10])


def test_a_rest_below_the_least_is_not_moved():
    assert [(1, 0, 20)] == shared([22, 0, 0], [0, 20, 8], least=5)
    assert [] == shared([4, 0], [0, 9], least=5) == shared([9, 0], [0, 4], least=5)


def test_nothing_goes_from_one_sku_to_another():
    assert [(3, 1, 2)] == shared([5, 5, 0, 0], [0, 0, 0, 2], skus=[1, 2, 1, 2])
