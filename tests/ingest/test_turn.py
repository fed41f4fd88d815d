"""Who waits longest for the engine is next, whoever else is quick to ask."""

import threading

from inventory_assets.ingest.turn import Turn

PATIENCE_SECONDS = 60


def waiting(turn: Turn, done: list[str], name: str, queued: threading.Event) -> threading.Thread:
    """A thread that takes the turn once and gives it up."""

    def use() -> None:
        turn.take()
        done.append(name)
        turn.give()

    thread = threading.Thread(target=use)
    thread.start()
    assert queued.wait(PATIENCE_SECONDS)
    queued.clear()
    return thread


def test_who_waits_is_served_in_order_and_before_who_asks_again():
    """With Python's own lock the holder takes it again before anybody else wakes."""
    queued = threading.Event()
    turn, done = Turn(on_wait=queued.set), []
    turn.take()
    threads = [waiting(turn, done, name, queued) for name in ("first", "second")]
    assert turn.is_wanted

    turn.give()
    turn.take()
    done.append("holder")

    assert ["first", "second", "holder"] == done
    assert not turn.is_wanted
    turn.give()
    for thread in threads:
        thread.join()


def test_a_holder_takes_it_again_and_keeps_it_until_it_gave_up_as_often():
    queued = threading.Event()
    turn, done = Turn(on_wait=queued.set), []
    assert turn.take() and turn.take()
    thread = waiting(turn, done, "other", queued)

    turn.give()
    assert [] == done
    turn.give()
    thread.join()

    assert ["other"] == done


def test_who_waited_in_vain_leaves_no_place_behind():
    turn = Turn()
    turn.take()
    said: list[bool] = []
    thread = threading.Thread(target=lambda: said.append(turn.take(0.01)))
    thread.start()
    thread.join()

    assert [False] == said
    assert not turn.is_wanted
    turn.give()
    assert turn.take(0)


def test_who_is_interrupted_while_it_waits_leaves_no_place_behind():
    def interrupt() -> None:
        raise KeyboardInterrupt

    turn = Turn(on_wait=interrupt)
    turn.take()
    ended: list[str] = []

    def wait() -> None:
        try:
            turn.take()
        except KeyboardInterrupt:
            ended.append("interrupted")

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()

    assert (["interrupted"], False) == (ended, turn.is_wanted)
