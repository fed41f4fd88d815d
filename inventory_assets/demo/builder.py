"""The process that builds the past; `trade` starts it, and makes the messages beside it on another core.

`python -m inventory_assets.demo.builder FD`: the number of an inherited socket. It hears the product
data, then chunk by chunk what to take in, and answers each when that is durable.
"""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection

import msgspec

from inventory_assets.demo.chunks import Chunk
from inventory_assets.settings import load_settings


class BuilderError(RuntimeError):
    """The process that builds the past has ended before the past was built."""


def build_in_process(csv: str, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Have a process of its own take chunks in; each is given back once it is durable, the lake whole at the end.

    The next chunk is made while the one before is taken in.

    Raises:
        BuilderError: It ended early; its log says why.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "inventory_assets.demo.builder", str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
    waiting: list[Chunk] = []
    try:
        with Connection(ours.detach()) as connection:
            connection.send_bytes(csv.encode())
            for chunk in chunks:
                connection.send_bytes(msgspec.msgpack.encode(chunk))
                waiting.append(chunk)
                if len(waiting) > 1:
                    connection.recv_bytes()
                    yield waiting.pop(0)
            while waiting:
                connection.recv_bytes()
                yield waiting.pop(0)
    except (EOFError, OSError) as error:
        raise BuilderError(f"the process that builds the past has ended (exit code {process.wait()})") from error
    # It lands what is left when it hears that we are done.
    if process.wait() != 0:
        raise BuilderError(f"the process that builds the past could not end it (exit code {process.returncode})")


def main(descriptor: int) -> None:
    """Take in what comes until the other end is gone."""
    # Here, not at the top: the process that only starts this one needs neither lake nor engine.
    from inventory_assets.demo.past import import_catalog, take_in
    from inventory_assets.ingest.loop import LoopLock
    from inventory_assets.wiring import engine_of

    # Ctrl-C reaches the whole group: a chunk in hand is finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = load_settings()
    # The sensor's loop would replay every burst meanwhile, on the core that this needs.
    lock = LoopLock(settings.home / "loop.lock")
    try:
        with Connection(descriptor) as connection, engine_of(settings) as engine:
            engine.land_beside()
            try:
                import_catalog(engine, settings, connection.recv_bytes().decode())
                while True:
                    take_in(engine, msgspec.msgpack.decode(connection.recv_bytes(), type=Chunk))
                    connection.send_bytes(b"in")
            except (EOFError, OSError):
                return
    finally:
        lock.release()


if __name__ == "__main__":
    main(int(sys.argv[1]))
