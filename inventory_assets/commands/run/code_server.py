"""Have Dagster replace its code server when that has died.

Belongs here: what `dagster dev` leaves undone when the process that holds our
code is killed. Does not belong: the processes we start ourselves (`processes`).
"""

from contextlib import suppress

import psutil


class CodeServers:
    """The code servers below one `dagster dev`.

    Our code runs in `dagster api grpc`, below a proxy, `dagster code-server
    start`. Dagster (1.13) looks every 5 s whether the proxy lives, and starts
    another on its socket; whether the server below it lives, it does not look.
    After an out-of-memory kill every tick then fails, and nothing is taken in
    until somebody presses "Reload" in the UI. So the proxy is made to follow.
    """

    def __init__(self, dagster_pid: int) -> None:
        self._dagster_pid = dagster_pid
        # A proxy that is starting has no server either, so only those count that had one.
        self._served: set[psutil.Process] = set()

    def alive(self) -> list[psutil.Process]:
        """The processes that hold our code."""
        return [process for process in self._below_dagster() if _is(process, "api", "grpc")]

    def replace_dead(self) -> int:
        """End each proxy whose server has died, for Dagster to start both anew; how many."""
        ended = 0
        for proxy in self._below_dagster():
            if not _is(proxy, "code-server", "start"):
                continue
            if _has_server(proxy):
                self._served.add(proxy)
            elif proxy in self._served:
                # A proxy holds nothing, and a polite end would wait for the dead server's answer.
                with suppress(psutil.Error):
                    proxy.kill()
                self._served.discard(proxy)
                ended += 1
        return ended

    def _below_dagster(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._dagster_pid).children(recursive=True)
        except psutil.Error:
            return []


def _has_server(proxy: psutil.Process) -> bool:
    try:
        return any(_is(child, "api", "grpc") for child in proxy.children())
    except psutil.Error:
        return False


def _is(process: psutil.Process, *words: str) -> bool:
    # A killed process that nobody has waited for is still listed, without words.
    try:
        return set(words) <= set(process.cmdline())
    except psutil.Error:
        return False
