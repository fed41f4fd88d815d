"""The garbage collector is one switch of the process, and many threads turn it."""

import gc
import sys
import threading
from collections.abc import Iterator

import pytest

from inventory_assets.lake.memory import without_collecting


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    interval, was_enabled = sys.getswitchinterval(), gc.isenabled()
    gc.enable()
    yield
    sys.setswitchinterval(interval)
    (gc.enable if was_enabled else gc.disable)()


def test_it_is_off_until_the_last_is_out_in_any_order():
    first, second = without_collecting(), without_collecting()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()


def test_it_stays_off_where_it_was():
    gc.disable()
    with without_collecting():
        pass
    assert not gc.isenabled()


def test_threads_that_overlap_leave_it_on():
    def work() -> None:
        for _ in range(3_000):
            with without_collecting(), without_collecting():
                pass

    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gc.isenabled()
