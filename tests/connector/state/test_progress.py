"""Who may write a checkpoint, and what a conflict means."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory_assets.connector.errors import StoreUnavailableError, TakenOverError
from inventory_assets.connector.state.checkpoint import Phase
from inventory_assets.connector.state.progress import Progress, request_snapshot
from tests.connector.twins import Fate, FatefulTokenStore, token_of, unavailable

START = datetime(2026, 3, 1, 7, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def store():
    return FatefulTokenStore()


@pytest.fixture
def clock():
    return Clock()


def opened(store, clock, owner="one") -> Progress:
    progress = Progress(store, connector_id="east", owner_id=owner, now=clock)
    progress.take_over()
    return progress


def test_a_first_start_begins_with_a_copy_under_the_epoch_of_every_source(store, clock):
    """Positions of two databases have to compare: a transfer is in one, and the receiver's level in the other."""
    found = opened(store, clock).current

    assert found.phase is Phase.COPYING
    assert found.token is None
    assert found.source_epoch == 0


def test_a_restart_goes_on_where_the_last_one_saved(store, clock):
    first = opened(store, clock)
    first.finished_copy()
    first.moved(token_of(7), (1_700_000_000, 3))
    clock.at += timedelta(minutes=5)

    found = opened(store, clock, "two").current

    assert (Phase.STREAMING, token_of(7), (1_700_000_000, 3)) == (found.phase, found.token, found.cluster_time)
    assert found.source_epoch == 0
    assert found.moved_at == START


def test_the_older_of_two_processes_stops_at_its_next_save(store, clock):
    first = opened(store, clock)
    second = opened(store, clock, "two")
    second.moved(token_of(4), None)

    with pytest.raises(TakenOverError, match="'two'"):
        first.moved(token_of(2), None)

    assert store.stored["east"].token == token_of(4)


def test_a_deleted_checkpoint_stops_the_process_that_relies_on_it(store, clock):
    """It would come back without its gaps and epoch otherwise."""
    first = opened(store, clock)
    store.stored.clear()

    with pytest.raises(TakenOverError, match="deleted"):
        first.beat()

    assert not store.stored


def test_a_save_whose_answer_was_lost_is_made_again(store, clock):
    first = opened(store, clock)
    store.fate = Fate(at=1, error=unavailable)
    with pytest.raises(StoreUnavailableError):
        first.moved(token_of(3), None)

    first.moved(token_of(5), None)

    assert store.stored["east"].token == token_of(5)


@pytest.mark.parametrize("is_new_epoch", [False, True])
def test_a_request_reaches_a_running_connector(store, clock, is_new_epoch):
    first = opened(store, clock)
    first.finished_copy()
    first.moved(token_of(3), None)
    clock.at += timedelta(hours=1)

    request_snapshot(store, "east", is_new_epoch=is_new_epoch)
    first.beat()

    assert first.current.is_snapshot_requested
    assert first.start_requested_copy()
    found = store.stored["east"]
    assert found.phase is Phase.COPYING
    assert not found.is_snapshot_requested
    assert not found.is_new_epoch_requested
    expected = (None, int(clock.at.timestamp())) if is_new_epoch else (token_of(3), 0)
    assert expected == (found.token, found.source_epoch)


def test_nothing_to_ask_of_a_connector_that_never_ran(store):
    assert request_snapshot(store, "west", is_new_epoch=False) is None


def test_a_gap_is_recorded_with_the_epoch_that_heals_it(store, clock):
    first = opened(store, clock)
    first.moved(token_of(3), (1_700_000_003, 1))
    clock.at += timedelta(hours=2)

    first.lost_token(code=286, reason="history lost", is_healed=True)

    found = store.stored["east"]
    (gap,) = found.gaps
    assert (gap.after, gap.code, gap.found_at) == ((1_700_000_003, 1), 286, clock.at)
    assert gap.healed_by == found.source_epoch == int(clock.at.timestamp())
    assert (found.phase, found.token) == (Phase.COPYING, None)


def test_a_connector_told_to_stop_records_one_gap_however_often_it_starts(store, clock):
    for owner in ("one", "two", "three"):
        opened(store, clock, owner).lost_token(code=286, reason="history lost", is_healed=False)

    (gap,) = store.stored["east"].gaps
    assert gap.healed_by is None
    assert store.stored["east"].source_epoch == 0


def test_a_requested_copy_heals_an_open_gap_under_a_new_epoch(store, clock):
    first = opened(store, clock)
    first.moved(token_of(3), None)
    first.lost_token(code=286, reason="history lost", is_healed=False)
    request_snapshot(store, "east", is_new_epoch=False)

    second = opened(store, clock, "two")
    second.start_requested_copy()

    found = store.stored["east"]
    assert found.gaps[-1].healed_by == found.source_epoch == int(START.timestamp())
    assert found.token is None
