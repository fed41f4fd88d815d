"""Start, watch and stop the processes of the local product; leave none behind."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from inventory_assets.errors import InventoryError
from inventory_assets.ranges import MAX_PORT

STOP_SECONDS = 8.0


class NoFreePortError(InventoryError, OSError):
    """Every port that was tried is taken, or not ours to take."""


class Processes:
    """Child processes, each in a group of its own, written down so that the next run finds orphans."""

    def __init__(self, record: Path) -> None:
        self._record = record
        self._children: dict[str, subprocess.Popen] = {}

    def stop_orphans(self) -> int:
        """Stop what an earlier run left when it was killed; how many processes."""
        try:
            entries = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return 0
        count = 0
        for entry in entries:
            # The creation time tells a leftover from a stranger with the same number.
            try:
                leader = psutil.Process(entry["pid"])
                if abs(leader.create_time() - entry["created"]) < 1.0:
                    count += _stop_tree([leader])
            except (psutil.Error, KeyError, TypeError):
                continue
        self._record.unlink(missing_ok=True)
        return count

    def start(
        self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path
    ) -> subprocess.Popen:
        """Start a child; its output goes to `log`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as sink:
            child = subprocess.Popen(
                list(command), stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=dict(env), cwd=cwd, start_new_session=True,
            )  # fmt: skip
        self._children[name] = child
        self._write()
        return child

    def dead(self) -> list[str]:
        """Names of children that have ended."""
        return [name for name, child in self._children.items() if child.poll() is not None]

    def memory_bytes(self) -> dict[str, int]:
        """Memory by child, with its descendants, and our own; shared pages by their share, where the system says."""
        found = {"run": _memory(psutil.Process())}
        for name, child in self._children.items():
            with suppress(psutil.Error):
                leader = psutil.Process(child.pid)
                found[name] = sum(_memory(process) for process in [leader, *leader.children(recursive=True)])
        return found

    def stop(self) -> None:
        """End every child and its descendants: first politely, then not."""
        leaders = []
        for child in self._children.values():
            with suppress(psutil.Error):
                leaders.append(psutil.Process(child.pid))
        _stop_tree(leaders)
        for child in self._children.values():
            child.wait()
        self._children.clear()
        self._record.unlink(missing_ok=True)

    def _write(self) -> None:
        entries = []
        for child in self._children.values():
            with suppress(psutil.Error):
                entries.append({"pid": child.pid, "created": psutil.Process(child.pid).create_time()})
        self._record.parent.mkdir(parents=True, exist_ok=True)
        self._record.write_text(json.dumps(entries))


def _memory(process: psutil.Process) -> int:
    try:
        # Resident memory has what several processes share in each of them: summed up, a third too much.
        found = process.memory_full_info()
        return getattr(found, "pss", found.rss)
    except psutil.Error:
        return 0


def _stop_tree(leaders: list[psutil.Process]) -> int:
    family: list[psutil.Process] = []
    for leader in leaders:
        with suppress(psutil.Error):
            family += [leader, *leader.children(recursive=True)]
    for process in family:
        _signal(process, signal.SIGTERM)
    # A `dagster dev` sent SIGTERM may run on for minutes; nothing acked can be lost by killing it.
    _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=STOP_SECONDS)
    return len(family)


def _signal(process: psutil.Process, number: int) -> None:
    with suppress(psutil.Error):
        process.send_signal(number)


def free_port(wanted: int, *, host: str = "127.0.0.1", tries: int = 50) -> int:
    """The wanted port, or the next free one above it.

    Raises:
        NoFreePortError: There is none.
    """
    last = min(wanted + tries - 1, MAX_PORT)
    for port in range(wanted, last + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise NoFreePortError(f"no port from {wanted} to {last} was free; name another with --port or --emulator-port.")


def wait_for_port(port: int, *, host: str = "127.0.0.1", seconds: float, child: subprocess.Popen) -> bool:
    """Wait until something listens; false when time is up or the child has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and child.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex((host, port)) == 0:
                return True
        time.sleep(0.1)
    return False


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def python_environment(**extra: str) -> dict[str, str]:
    """The environment for children: ours, without noise, and sparing with threads and memory."""
    # Frames of a burst are small: polars' threads cost more than they give. Two
    # malloc arenas instead of eight per core keep freed memory from scattering.
    sparing = {"POLARS_MAX_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return {
        **sparing,
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONWARNINGS": "ignore",
        **extra,
    }
