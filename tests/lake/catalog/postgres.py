"""A PostgreSQL server for tests: a cluster in a temporary directory, on a Unix socket of its own.

Belongs here: the server's processes, and a cable to it that can be cut. Does
not belong: what the product does with them. The settings are PostgreSQL's own,
fsync included; the user has a password.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from tests.messaging.brokers import eventually

# Where Debian, Red Hat and Homebrew put what is not on the PATH.
PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin", "usr/local/opt/postgresql*/bin")  # fmt: skip
# The server refuses to run as root.
SERVER_USERS = ("postgres", "nobody")
NAME = "inventory"
PASSWORD = "it's secret"
SOCKET = ".s.PGSQL.5432"


def database_of(catalog: str) -> str:
    """The database's name in INVENTORY_CATALOG."""
    return catalog.partition("dbname=")[2].split()[0]


def find_binaries() -> Path | None:
    """The directory of a server's programs, the newest; None where none is installed."""
    found = [path.parent for place in PLACES for path in Path("/").glob(f"{place}/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    whole = [path for path in found if (path / "postgres").exists() and (path / "psql").exists()]
    return max(whole, key=lambda path: int("".join(re.findall(r"\d+", str(path))) or 0), default=None)


class PostgresServer:
    """One cluster, with as many databases as the tests want."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        # Other users may not look below pytest's own directory; a socket's path has 107 bytes at most.
        self.directory = Path(tempfile.mkdtemp(prefix="inventory-pg-"))
        self._data = self.directory / "data"
        self._server: subprocess.Popen | None = None
        self._numbers = count(1)
        secret = self.directory / "password"
        secret.write_text(PASSWORD)
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            owner = _first_user()
            for path in (self.directory, secret):
                os.chown(path, owner.pw_uid, owner.pw_gid)
            self._identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        how = ["-A", "scram-sha-256", "--pwfile", str(secret), "-E", "UTF8", "--no-locale"]
        self._run("initdb", "-D", str(self._data), "-U", NAME, *how)
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        # Not by pg_ctl: the server is a child of ours then, and a killed one leaves no zombie in the next one's way.
        command = [str(self._binaries / "postgres"), "-D", str(self._data), "-k", str(self.directory)]
        with (self.directory / "log").open("a") as log:
            self._server = subprocess.Popen(
                [*command, "-c", "listen_addresses="], cwd=self.directory, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, **self._identity,
            )  # fmt: skip
        eventually(self._answers, seconds=120)

    def stop(self) -> None:
        """Stop as a service manager does: sessions are ended, nothing is lost."""
        assert self._server is not None
        self._server.send_signal(signal.SIGINT)
        self._server.wait(30)

    def kill(self) -> None:
        """kill -9 of the whole server, its sessions too."""
        assert self._server is not None
        processes = [*psutil.Process(self._server.pid).children(), psutil.Process(self._server.pid)]
        for process in reversed(processes):
            process.kill()
        self._server.wait(30)
        psutil.wait_procs(processes, timeout=5)

    def new_catalog(self, directory: Path | None = None) -> str:
        """INVENTORY_CATALOG for a database of its own, by way of a socket in `directory`."""
        name = f"lake{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}", "postgres")
        password = PASSWORD.replace("'", "\\'")
        return f"postgres:dbname={name} host={directory or self.directory} user={NAME} password='{password}'"

    def restored(self, catalog: str) -> str:
        """INVENTORY_CATALOG of a database restored from a dump of another's, as of now."""
        restored = self.new_catalog()
        dump = str(self.directory / "dump")
        where = ["-h", str(self.directory), "-U", NAME]
        self._run("pg_dump", *where, "--format=custom", f"--file={dump}", database_of(catalog))
        self._run("pg_restore", *where, "--no-owner", f"--dbname={database_of(restored)}", dump)
        return restored

    def sql(self, statement: str, database: str) -> str:
        """Run a statement with psql; its rows, unaligned."""
        return self._run("psql", "-h", str(self.directory), "-U", NAME, "-d", database, "-XAtc", statement).strip()

    def close(self) -> None:
        """Stop, and remove what is on disk."""
        if self._server is not None and self._server.poll() is None:
            self.kill()
        shutil.rmtree(self.directory)

    def _answers(self) -> bool:
        assert self._server is not None
        if self._server.poll() is not None:
            raise RuntimeError((self.directory / "log").read_text())
        asked = [str(self._binaries / "pg_isready"), "-q", "-h", str(self.directory)]
        return subprocess.run(asked, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self._binaries / program), *arguments], cwd=self.directory, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=180, check=False, env={**os.environ, "PGPASSWORD": PASSWORD},
            **self._identity,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")
        return done.stdout


class Cable:
    """A way to the server, cut on cue between a COMMIT and its answer."""

    def __init__(self, server: PostgresServer) -> None:
        self.directory = server.directory / "cable"
        self.directory.mkdir()
        self.is_to_be_cut = False
        self._target = str(server.directory / SOCKET)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.directory / SOCKET))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        shutil.rmtree(self.directory)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                is_cut = threading.Event()
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(source, sink, is_cut), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, is_cut: threading.Event) -> None:
        is_answer = sink.getsockname() == str(self.directory / SOCKET)
        with contextlib.suppress(OSError):
            while found := source.recv(65536):
                if not is_answer and self.is_to_be_cut and b"COMMIT" in found:
                    self.is_to_be_cut = False
                    is_cut.set()
                # The server has answered, so the COMMIT holds; nobody hears of it.
                if is_answer and is_cut.is_set():
                    break
                sink.sendall(found)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _first_user() -> pwd.struct_passwd:
    for name in SERVER_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError(f"none of the users {SERVER_USERS} exists; the server cannot run as root")
