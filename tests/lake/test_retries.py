"""What somebody else disturbed is tried again; what would fail again is said at once."""

import duckdb
import pytest

from inventory_assets.lake.retries import try_again, with_retries

ATTACH_ABORTED = (
    "TransactionContext Error: Failed to probe DuckLake metadata: Current transaction is aborted (please ROLLBACK)"
)


@pytest.mark.parametrize("text", ["database is locked", "Transaction conflict on commit", ATTACH_ABORTED])
def test_a_locked_catalog_is_tried_again(text):
    failures = [duckdb.TransactionException(text), duckdb.IOException(text)]

    def attempt() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert with_retries(attempt) == "done"


def test_a_catalog_that_is_locked_as_it_is_attached_is_tried_again():
    """DuckLake's own transaction ended, not the caller's, whatever the tries before it met."""
    failures = [duckdb.TransactionException(ATTACH_ABORTED), duckdb.IOException("database is locked")]

    def attempt() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert with_retries(attempt) == "done"


def test_other_errors_are_not_tried_again():
    attempts = []

    def attempt() -> None:
        attempts.append(1)
        raise duckdb.IOException("No space left on device")

    with pytest.raises(duckdb.IOException):
        with_retries(attempt)
    assert len(attempts) == 1


def test_who_lost_its_transaction_is_told_by_what_ended_it():
    """Further tries inside an ended transaction could only hear that it has ended."""
    failures = [duckdb.TransactionException("Current transaction is aborted"), duckdb.IOException("connection reset")]

    def attempt() -> None:
        raise failures.pop()

    with pytest.raises(duckdb.IOException, match="connection reset"):
        with_retries(attempt)


def test_the_last_error_is_raised_when_the_tries_are_used_up():
    tried, waited = [], []

    def attempt() -> None:
        tried.append(1)
        raise ValueError(len(tried))

    with pytest.raises(ValueError, match="3"):
        try_again(attempt, when=lambda error: True, tries=3, pause=lambda number: waited.append(number) or 0.0)
    assert waited == [1, 2]
