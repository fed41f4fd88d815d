"""A TCP connection with something in between that cuts it, holds it up or slows it down.

Belongs here: the network's faults, for servers that are well themselves. Does not belong: what is sent.
"""

import contextlib
import socket
import threading

from tests.messaging.brokers import unclaimed_port

_PIECE = 65_536


class Wire:
    """Forwards a port of its own to a server, both ways, until `close`."""

    def __init__(self, target: str) -> None:
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self.port = unclaimed_port()
        self.host = f"127.0.0.1:{self.port}"
        # What a client sends may pass; what the server answers always does.
        self._gate = threading.Event()
        self._gate.set()
        self._bytes_per_second: float | None = None
        self._damage: tuple[bytes, bytes] | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.mend()

    def mend(self) -> None:
        """Take connections (again)."""
        assert self._listener is None
        listener = socket.create_server(("127.0.0.1", self.port))
        self._listener = listener
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        if self._listener is not None:
            # Wakes the thread that waits for a connection; closing alone would not.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            broken = list(self._open)
        for each in broken:
            _break(each)

    def hold(self) -> None:
        """Keep connections open and let nothing through to the server."""
        self._gate.clear()

    def slow_down(self, bytes_per_second: float) -> None:
        """Let so much through to the server."""
        self._bytes_per_second = bytes_per_second

    def release(self) -> None:
        """End `hold` and `slow_down`."""
        self._bytes_per_second = None
        self._gate.set()

    def damage(self, text: bytes, becomes: bytes) -> None:
        """Change bytes of what the server answers, as long as they come in one piece."""
        assert len(text) == len(becomes)
        self._damage = (text, becomes)

    def close(self) -> None:
        """End everything."""
        self.cut()
        self.release()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                _break(client)
                continue
            with self._lock:
                self._open |= {client, server}
            for source, sink, is_gated in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, sink, is_gated), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_gated: bool) -> None:
        try:
            while piece := source.recv(_PIECE):
                if is_gated:
                    self._gate.wait()
                    if self._bytes_per_second is not None:
                        threading.Event().wait(len(piece) / self._bytes_per_second)
                elif self._damage is not None:
                    piece = piece.replace(*self._damage)
                sink.sendall(piece)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open -= {source, sink}
            _break(source)
            _break(sink)


def _break(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
