"""One key, one request: across answers, processes, crashes and days."""

import os
import threading
from collections.abc import Sequence

import pytest

from inventory_assets.api import idempotency
from inventory_assets.api.idempotency import FILE, Plan, Requests, Sent
from inventory_assets.messaging.client import OutgoingMessage
from inventory_assets.messaging.errors import PublishError
from inventory_assets.settings import Settings
from tests.api.writing.writer import Writing, place_of, somebody
from tests.fakes import Crash

S1 = place_of("W1", "S1")
KEY = {"Idempotency-Key": "k-1"}
DAY_US = 24 * 3_600_000_000


def on_hand(writing: Writing) -> int:
    """Of S1 in W1, as the picture shows it."""
    row = writing.service.picture.stock.get(("W1", "S1"))
    assert row is not None
    return row.on_hand


def test_the_same_request_is_answered_the_same_and_sent_once(writing: Writing) -> None:
    """Also after its effect, which stands against its own If-Match by then."""
    picture = writing.service.picture
    headers = KEY | {"If-Match": f'"{picture.epoch}-2"'}
    first = writing.ask("PATCH", S1, {"quantity_change": 1}, headers=headers)
    writing.take_in()
    again = writing.ask("PATCH", S1, {"quantity_change": 1}, headers=headers)

    assert first.body == again.body
    assert (202, "true") == (again.status, again.headers["idempotency-replayed"])
    assert 1 == len(writing.sent)


def test_another_process_of_the_home_knows_it_too(writing: Writing) -> None:
    """And one that was started anew: it is in a file."""
    first = writing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)
    other = Writing(writing.engine, writing.broker)
    other.show()
    again = other.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)
    writing.take_in()
    other.show()

    assert (first.body, "applied") == (again.body, other.outcome(first)["outcome"])
    other.service.close()


def test_another_body_under_the_same_key_is_refused(writing: Writing) -> None:
    first = writing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)
    other = writing.ask("PATCH", S1, {"quantity_change": 2}, headers=KEY)

    assert (422, first.body["request_id"]) == (other.status, other.body["request_id"])
    assert 1 == len(writing.sent)


def test_keys_are_each_tokens_own(writing: Writing) -> None:
    for name in ("dana", "eve"):
        assert 202 == writing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY, by=somebody(name)).status
    writing.take_in()

    assert 7 == on_hand(writing)


def test_a_key_does_not_open_a_warehouse_that_the_token_is_not_for(writing: Writing) -> None:
    """Another token may have the name by now."""
    assert 202 == writing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY).status
    again = writing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY, by=somebody("dana", "W2"))

    assert 403 == again.status


def test_what_was_refused_takes_no_key(writing: Writing) -> None:
    """A corrected body is no other one: nothing of the first was sent."""
    assert 422 == writing.ask("PATCH", S1, {"quantity_change": 0}, headers=KEY).status
    assert 202 == writing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY).status


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "x" * 256])
def test_a_key_is_visible_ascii(writing: Writing, key: str) -> None:
    assert 400 == writing.ask("PATCH", S1, {"quantity_change": 1}, headers={"Idempotency-Key": key}).status


def test_killed_between_publish_and_record_it_is_gone_on_with_and_counts_once(writing: Writing) -> None:
    """The retry finds the row of a dead process, and sends the same bytes: a repeat (RULES 9)."""

    def publish_and_die(messages: Sequence[OutgoingMessage]) -> list[str]:
        writing.broker.publish(messages)
        raise Crash("after publish")

    dying = Writing(writing.engine, writing.broker, publish_and_die)
    dying.show()
    with pytest.raises(Crash):
        dying.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)
    requests = dying.service.writer.requests
    assert requests._held is not None
    os.close(requests._held)  # as the kernel does when a process is killed
    writing.take_in()
    again = writing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)
    writing.take_in()

    first, second = writing.sent
    assert (first.data, first.attributes) == (second.data, second.attributes)
    assert (202, 6, "applied") == (again.status, on_hand(writing), writing.outcome(again)["outcome"])


def test_where_the_file_is_lost_too_the_second_is_a_repeat(writing: Writing) -> None:
    """Ids come from the key: on one day the same request has the same."""
    writing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)
    writing.service.close()
    for suffix in ("", "-wal", "-shm"):
        (writing.engine.settings.home / f"{FILE}{suffix}").unlink(missing_ok=True)
    other = Writing(writing.engine, writing.broker)
    other.show()
    other.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)
    other.take_in()

    assert (2, 6) == (len(writing.sent), on_hand(other))
    other.service.close()


def test_while_the_first_is_carried_out_the_second_is_told_to_wait(writing: Writing) -> None:
    """409 to the one, and the first one's answer afterwards."""
    begun, go = threading.Event(), threading.Event()

    def publish_slowly(messages: Sequence[OutgoingMessage]) -> list[str]:
        begun.set()
        assert go.wait(60)
        return writing.broker.publish(messages)

    slow = Writing(writing.engine, writing.broker, publish_slowly)
    slow.show()
    got = []
    thread = threading.Thread(target=lambda: got.append(slow.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)))
    thread.start()
    assert begun.wait(60)
    meanwhile = writing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)
    go.set()
    thread.join()
    after = writing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)

    assert (409, "1") == (meanwhile.status, meanwhile.headers["retry-after"])
    assert (202, got[0].body) == (after.status, after.body)
    assert 1 == len(writing.sent)
    slow.service.close()


def test_what_the_broker_did_not_confirm_is_503_and_the_same_again_sends_it(writing: Writing) -> None:
    def fail(messages: Sequence[OutgoingMessage]) -> list[str]:
        raise PublishError(target="memory", failures={0: "down"}, message_ids=[None] * len(messages))

    failing = Writing(writing.engine, writing.broker, fail)
    failing.show()
    got = failing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)
    again = writing.ask("PATCH", S1, {"quantity_change": 1}, headers=KEY)

    assert (503, 0, 1) == (got.status, got.body["confirmed"], got.body["messages"])
    assert "Idempotency-Key" in got.body["detail"]
    assert (202, got.body["request_id"]) == (again.status, again.body["request_id"])
    failing.service.close()


def test_a_store_that_cannot_be_used_lets_nothing_be_sent(writing: Writing) -> None:
    (writing.engine.settings.home / FILE).write_bytes(b"no database at all" * 100)
    got = writing.ask("PATCH", S1, {"quantity_change": 1})

    assert (503, []) == (got.status, writing.sent)


class TestRows:
    """By age and number."""

    def requests(self, settings: Settings, now: list[int]) -> Requests:
        settings.home.mkdir(parents=True, exist_ok=True)
        return Requests(settings, lambda: now[0])

    def plan(self, events: int = 1) -> Plan:
        return Plan((Sent("t", "", {}, b"x", "e"),) * events, 1, {})

    def test_after_a_day_a_key_may_come_again(self, settings: Settings) -> None:
        now = [0]
        requests = self.requests(settings, now)
        requests.begin("r1", "dana", "k", b"f", self.plan())
        now[0] = DAY_US + 1

        assert requests.find("dana", "k") is None
        assert requests.begin("r2", "dana", "k", b"g", self.plan()) is None
        found = requests.find("dana", "k")
        assert found is not None and found.request_id == "r2"
        requests.close()

    def test_of_too_many_the_oldest_go(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(idempotency, "MOST_REQUESTS", 20)
        monkeypatch.setattr(idempotency, "ROWS_A_SWEEP", 1)
        now = [0]
        requests = self.requests(settings, now)
        for number in range(50):
            now[0] += 1
            requests.begin(f"r{number}", "dana", None, b"f", self.plan())

        assert (requests.count() <= 20, True) == (True, requests.get("r49") is not None)
        assert requests.get("r0") is None
        requests.close()

    def test_events_count_too(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(idempotency, "MOST_EVENTS", 100)
        monkeypatch.setattr(idempotency, "ROWS_A_SWEEP", 1)
        now = [0]
        requests = self.requests(settings, now)
        for number in range(5):
            now[0] += 1
            requests.begin(f"r{number}", "dana", None, b"f", self.plan(events=40))

        assert 2 == requests.count()
        requests.close()

    def test_of_two_who_go_on_with_a_dead_ones_one_does(self, settings: Settings) -> None:
        now = [0]
        dead, one, two = (self.requests(settings, now) for _ in range(3))
        dead.begin("r1", "dana", "k", b"f", self.plan())
        dead.close()
        found = one.find("dana", "k")

        assert found is not None and not one.is_running(found)
        assert [True, False] == [one.take_over(found), two.take_over(found)]
        taken = two.find("dana", "k")
        assert taken is not None and two.is_running(taken)
        for each in (one, two):
            each.close()

    def test_what_is_sent_is_no_longer_kept(self, settings: Settings) -> None:
        requests = self.requests(settings, [0])
        requests.begin("r1", "dana", None, b"f", self.plan())
        requests.finish("r1", self.plan(), ["m1"], b"{}")
        found = requests.get("r1")

        assert found is not None
        assert (b"", "m1", "e") == (found.plan.sent[0].data, found.plan.sent[0].message_id, found.plan.sent[0].event_id)
        requests.close()

    def test_several_may_make_the_file_at_once(self, settings: Settings) -> None:
        """The service's processes start together."""
        several = [self.requests(settings, [0]) for _ in range(8)]
        failures: list[Exception] = []

        def begin(number: int) -> None:
            try:
                several[number].begin(f"r{number}", "dana", None, b"f", self.plan())
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert ([], 8) == (failures, several[0].count())
        for each in several:
            each.close()

    def test_what_killed_processes_left_is_cleared_away(self, settings: Settings) -> None:
        requests = self.requests(settings, [0])
        dead = settings.home / "requests" / "1-dead"
        dead.parent.mkdir()
        dead.touch()
        requests.begin("r1", "dana", None, b"f", self.plan())

        assert [requests._owner] == [each.name for each in dead.parent.iterdir()]
        requests.close()

    def test_the_file_is_its_owners_alone(self, settings: Settings) -> None:
        requests = self.requests(settings, [0])
        requests.begin("r1", "dana", None, b"f", self.plan())

        assert 0o600 == requests.path.stat().st_mode & 0o777
        requests.close()
