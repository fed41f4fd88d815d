"""Bounded memory of confirmed changes."""

from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.connector.publish.in_flight import ConfirmedMemory

A, B, C, D = ("a", (1, 1)), ("b", (2, 1)), ("c", (2, 1)), ("d", (2, 2))


def test_the_longest_confirmed_goes_first():
    """Confirming one again makes it recent."""
    memory = ConfirmedMemory(capacity=2)
    memory.remember([A, B, A, C])

    assert [each in memory for each in (A, B, C)] == [True, False, True]
    assert len(memory) == 2


def test_what_the_saved_token_passed_is_forgotten():
    """Changes of one transaction share a cluster time, and the token may stand among them."""
    memory = ConfirmedMemory()
    memory.remember([A, B, C, D])

    memory.forget_before((2, 1))

    assert [each in memory for each in (A, B, C, D)] == [False, True, True, True]


def test_a_stream_begun_elsewhere_has_no_memory():
    memory = ConfirmedMemory()
    memory.remember([A])
    memory.clear()

    assert A not in memory


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9))), st.integers(1, 10), st.integers(0, 10))
def test_it_never_grows_beyond_its_capacity_nor_forgets_what_may_be_read_again(changes, capacity, saved):
    memory = ConfirmedMemory(capacity)
    identities = [(name, (time, 0)) for name, time in changes]
    memory.remember(identities)
    before = {identity for identity in identities if identity in memory}
    memory.forget_before((saved, 0))

    assert len(memory) <= capacity
    assert all(identity in memory for identity in before if identity[1] >= (saved, 0))
