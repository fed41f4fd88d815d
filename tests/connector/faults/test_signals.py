"""A connector is told to stop, whatever it is doing: exit code 0, nothing lost, nothing published twice."""

import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.connector.faults.rig import out_of_order, repeats
from tests.connector.faults.wire import Wire


@pytest.fixture
def wire(broker) -> Iterator[Wire]:
    """The connector's way to the broker."""
    found = Wire(broker.host)
    yield found
    found.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_under_load_saves_the_token_and_the_next_start_publishes_nothing_twice(
    number, settings, start_process, start, shop, inbox, observe
):
    """Sent twice in a row: an impatient supervisor must not make it worse."""
    connector = start_process(settings())
    inbox.await_status("connector_snapshot_finished")
    changes = observe()
    enough = threading.Event()
    load = threading.Thread(target=_trade_until, args=(shop.trade, enough))
    load.start()
    try:
        connector.await_event("handled", count=3)
        connector.send(number)
        connector.send(number)

        assert connector.join() == 0
    finally:
        enough.set()
        load.join()
    assert connector.errors == ""
    assert connector.events("abandoned") == []
    assert inbox.await_status("connector_stopped")["reason"] == "asked to stop"
    again = start(settings())
    expected = changes.facts()
    inbox.await_facts(expected)
    assert again.end() == 0
    inbox.pull()
    assert set(inbox.facts()) == set(expected)
    assert repeats(inbox.facts()) == 0
    assert out_of_order(inbox) == []


def _trade_until(trade: Callable[[int], None], enough: threading.Event) -> None:
    while not enough.is_set():
        trade(1)


def test_a_stop_while_the_broker_is_down_is_within_the_grace_period_and_loses_nothing(
    settings, start, shop, inbox, observe, wire
):
    """What is not confirmed by then is read again by the next start."""
    connector = start(settings(PUBSUB_EMULATOR_HOST=wire.host, GRACE_SECONDS=3))
    connector.await_event("stream_opened")
    changes = observe()
    wire.cut()
    shop.trade(10)
    connector.await_event("request_failed")

    assert connector.end() == 0
    wire.mend()
    again = start(settings(PUBSUB_EMULATOR_HOST=wire.host))
    expected = changes.facts()
    inbox.await_facts(expected)
    assert again.end() == 0
    inbox.pull()
    assert set(inbox.facts()) == set(expected)


def test_a_stop_within_a_copy_has_the_next_start_copy_anew(settings, start, shop, inbox, wire, database):
    """A half copy would never say what its other half holds; the epoch stays, as nothing was lost."""
    shop.trade(40)
    wire.hold()
    slow = {"PUBSUB_EMULATOR_HOST": wire.host, "SNAPSHOT_CHUNK_DOCUMENTS": 5, "GRACE_SECONDS": 3}
    connector = start(settings(**slow))
    connector.await_event("handled", count=3)

    assert connector.end() == 0
    assert connector.events("snapshot_finished") == []
    wire.release()
    shop.trade(5)
    again = start(settings(**slow))
    again.await_event("stream_opened")
    assert again.events("snapshot_finished")[0]["documents"] == 48
    inbox.await_final(database)
    assert again.end() == 0
    assert len({body["source_epoch"] for body in inbox.envelopes()}) == 1


def test_a_stop_before_the_database_was_ever_reached(settings, start_process):
    """Nothing to save, nothing to wait for."""
    connector = start_process(settings(uri="mongodb://127.0.0.1:1/?directConnection=true"))
    connector.await_event("recovering")
    connector.send(signal.SIGTERM)

    assert connector.join() == 0
    assert connector.errors == ""
