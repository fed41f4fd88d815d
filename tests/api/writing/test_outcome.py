"""What became of a request, wherever it is asked and whenever."""

import pytest

from inventory_assets.api.outcome import look_further
from inventory_assets.domain.ingest.messages import Message
from inventory_assets.domain.values import to_microseconds
from inventory_assets.lake.journal import contract
from inventory_assets.lake.journal.sql import Journal
from tests.api.writing.writer import Writing, cloudevent, place_of, somebody
from tests.builders import level, messages

S1 = place_of("W1", "S1")


def test_what_the_journal_has_forgotten_is_asked_of_the_lake(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long after: the journal keeps what landed for a minute."""
    sent = writing.ask("PUT", S1, {"quantity_on_hand": 8})
    refused = writing.ask("PATCH", S1, {"quantity_change": 1})
    writing.take_in()
    writing.engine.lake.land()
    monkeypatch.setattr(Journal, "stages", lambda journal, after, upto: [])

    assert ("applied", 1) == ((found := writing.outcome(sent))["outcome"], len(found["messages"]))
    assert "applied" == writing.outcome(refused)["outcome"]


def test_a_refusal_has_its_reason(writing: Writing) -> None:
    """What only the lake knows: the id is known, with another content."""
    first = writing.ask("POST", "/v1/events", cloudevent("stock.adjusted", quantity_change=1))
    second = writing.ask("POST", "/v1/events", cloudevent("stock.adjusted", quantity_change=2))
    writing.take_in()
    found = writing.outcome(second)

    assert "applied" == writing.outcome(first)["outcome"]
    assert ("refused", "conflicting_duplicate") == (found["outcome"], found["messages"][0]["reason"])


def test_until_all_of_a_batch_is_taken_in_it_is_pending(writing: Writing) -> None:
    """And asking goes on where it ended."""
    batch = [cloudevent("stock.adjusted", str(number), quantity_change=1) for number in range(3)]
    sent = writing.ask("POST", "/v1/events", batch)
    waiting = writing.broker.next_burst(max_messages=10, max_bytes=10**6, wait_seconds=0)
    counts = []
    for some in (waiting[:1], waiting[1:]):
        writing.engine.commit_burst([
            Message(each.message_id, each.topic, to_microseconds(each.publish_time), "", each.attributes, each.data)
            for each in some
        ])  # fmt: skip
        counts.append(writing.outcome(sent)["counts"])

    assert {"applied": 1, "pending": 2} == counts[0]
    assert {"applied": 3} == counts[1]


def test_what_is_known_is_not_looked_for_again(writing: Writing) -> None:
    sent = writing.ask("PUT", S1, {"quantity_on_hand": 8})
    writing.take_in()
    known = writing.outcome(sent)
    writing.engine.commit_burst(messages(level(1, sku="S9", at="09:00")))

    assert known == writing.outcome(sent)


def test_a_look_goes_on_after_the_last(writing: Writing) -> None:
    """Each version is read once, however often somebody asks."""
    sent = writing.ask("PUT", S1, {"quantity_on_hand": 8})
    writing.engine.commit_burst(messages(level(1, sku="S9", at="09:00")))
    pending = writing.outcome(sent)
    requests = writing.service.writer.requests
    kept = requests.get(sent.body["request_id"])
    assert kept is not None

    assert ("pending", 3, 3) == (pending["outcome"], pending["searched_to"], kept.search.searched)
    assert look_further(writing.engine.settings, kept) == kept.search


def test_whose_warehouses_it_is_not_of_finds_nothing(writing: Writing) -> None:
    sent = writing.ask("PUT", S1, {"quantity_on_hand": 8})

    assert [404, 200] == [
        writing.ask("GET", sent.headers["location"], by=somebody("dana", names)).status for names in ("W2", "W1")
    ]


@pytest.mark.parametrize("request_id", ["nonsense", "0" * 32, "%00", "../../x", "x" * 5000])
def test_an_id_that_is_none_is_404(writing: Writing, request_id: str) -> None:
    assert 404 == writing.ask("GET", f"/v1/requests/{request_id.replace('/', '%2F')}").status


def test_the_journal_keeps_what_was_just_committed() -> None:
    """The docs say a minute."""
    assert (60, 1000) == (contract.KEPT_SECONDS, contract.KEPT_VERSIONS)
