"""The whole chain as processes: databases, a broker, connectors; and the lake behind them.

Belongs here: starting, stopping and asking them. Does not belong: assertions, nor what the documents
went through (`mongo_effects`).
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import yaml
from pymongo.database import Database

from inventory_assets.connector.config import load_config
from inventory_assets.connector.source.change import ClusterTime
from inventory_assets.connector.state.checkpoint import Checkpoint, Phase
from inventory_assets.connector.state.progress import request_snapshot
from inventory_assets.connector.state.stores.build import open_store
from inventory_assets.lake.catalog.connect import connect
from inventory_assets.messaging.topology_apply import apply_topology
from inventory_assets.settings import Settings
from inventory_assets.wiring import ingest_of
from tests.commands.conftest import COMMAND, Ran, run_process
from tests.connector.mongo import ExternalMongo, MongoServer
from tests.end_to_end.mongo_effects import COLLECTIONS, MARKS, STREAM_OPERATIONS
from tests.messaging.brokers import PATIENCE_SECONDS, REPOSITORY, EmulatorProcess, eventually

PROJECT = "end-to-end"
# The connector's tests may run beside everything else; a process takes a second to start on an idle machine.
LONG_SECONDS = 4 * PATIENCE_SECONDS


def create_collections(database: Database) -> None:
    """Those of R0, with pre- and post-images."""
    for name in COLLECTIONS:
        database.create_collection(name, changeStreamPreAndPostImages={"enabled": True})


def exact_images(mongo: MongoServer | ExternalMongo) -> str:
    """The mode for exact documents: the tests' own server has no post-images, but those it looks up."""
    return "pre_images" if isinstance(mongo, MongoServer) else "post_images"


class Clock:
    """Where a database's changes have got to, by a stream of its own."""

    def __init__(self, database: Database) -> None:
        """From now on: open it before the first change that counts."""
        self._marks = database[MARKS]
        self._marks.insert_one({})
        self._stream = database.watch()
        self._last: ClusterTime | None = None

    def last_change(self) -> ClusterTime | None:
        """Cluster time of the last change so far; None before the first."""
        mark = self._marks.insert_one({}).inserted_id
        for change in self._stream:
            name = change["ns"].get("coll")
            if name == MARKS and change["documentKey"]["_id"] == mark:
                break
            if name in COLLECTIONS and change["operationType"] in STREAM_OPERATIONS:
                self._last = (change["clusterTime"].time, change["clusterTime"].inc)
        return self._last

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class Connector:
    """One connector's file, and its process while it runs."""

    def __init__(self, config: Path, environment: dict[str, str]) -> None:
        self.config = config
        self._environment = environment
        self._log_path = config.with_suffix(".log")
        self._settings = load_config(config, {})
        self.process: subprocess.Popen | None = None
        self._launched: list[subprocess.Popen] = []

    def start(self) -> None:
        """`inventory connector run`."""
        self.launch([str(COMMAND), "connector", "run", "--config", str(self.config)])

    def launch(self, command: list[str]) -> subprocess.Popen:
        """Run a program on this file, its log appended to that of the ones before."""
        with self._log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, env=self._environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        self._launched.append(self.process)
        return self.process

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self._ended()

    def kill(self) -> int:
        """kill -9; the exit code."""
        assert self.process is not None
        self.process.kill()
        return self._ended()

    def send(self, number: int) -> None:
        """A signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def forget(self) -> None:
        """Lose what was saved."""
        path = self._settings.token_path
        for each in path.parent.glob(f"{path.name}*"):
            each.unlink()

    def _ended(self) -> int:
        assert self.process is not None
        self.process.communicate(timeout=PATIENCE_SECONDS)
        code = self.process.returncode
        self.process = None
        return code

    def close(self) -> None:
        """End what still runs."""
        for process in self._launched:
            if process.poll() is None:
                process.kill()
                process.communicate()

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None

    def log(self) -> str:
        """What its processes have written."""
        return self._log_path.read_text() if self._log_path.exists() else ""

    def checkpoint(self) -> Checkpoint | None:
        """What is saved."""
        config = self._settings
        if config.resume_token_store == "file" and not config.token_path.exists():
            return None  # opened, it would be made
        with closing(open_store(config)) as store:
            return store.load(config.connector_id)

    def request_copy(self) -> None:
        """As `inventory connector snapshot`."""
        with closing(open_store(self._settings)) as store:
            request_snapshot(store, self._settings.connector_id, is_new_epoch=False)

    def await_caught_up(self, at: ClusterTime | None) -> None:
        """Wait until everything up to a cluster time is confirmed and saved; None: until the copy is done."""

        def is_there() -> bool:
            assert self.is_running, self.log()[-4000:]
            found = self.checkpoint()
            if found is None or found.phase is Phase.COPYING or found.is_snapshot_requested:
                return False
            return at is None or (found.cluster_time is not None and found.cluster_time >= at)

        try:
            eventually(is_there, seconds=LONG_SECONDS, every=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}; {at} was not reached: {self.checkpoint()}\n{self.log()[-4000:]}") from error

    def ask(self, path: str) -> str:
        """GET of its operations server, at the port its log names."""
        lines = [line for line in self.log().splitlines() if '"serving"' in line]
        address = json.loads(lines[-1])["message"].split()[-1].removesuffix("/health")
        with urllib.request.urlopen(f"{address}{path}", timeout=PATIENCE_SECONDS) as answer:
            return answer.read().decode()


class Stage:
    """One broker and one lake; any number of databases and connectors before them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = directory / "home"
        self.settings = Settings(home=self.home)
        self.emulator = EmulatorProcess(None)
        self.host = self.emulator.host
        self.connectors: list[Connector] = []
        apply_topology(PROJECT, emulator_host=self.host)

    @property
    def environment(self) -> dict[str, str]:
        """What commands are told."""
        return {"PUBSUB_EMULATOR_HOST": self.host, "GOOGLE_CLOUD_PROJECT": PROJECT}

    def connector(self, name: str, uri: str, database: str, **options: Any) -> Connector:
        """A connector's file; nothing is started."""
        values = {
            "CONNECTOR_ID": name, "MONGODB_URI": uri, "MONGODB_DATABASE": database,
            "PUBSUB_PROJECT": PROJECT, "PUBSUB_EMULATOR_HOST": self.host,
            "RESUME_TOKEN_PATH": str(self.directory / f"{name}.sqlite"), "HEALTH_PORT": 0,
            "BACKOFF_FIRST_SECONDS": 0.1, **options,
        }  # fmt: skip
        path = self.directory / f"{name}.yaml"
        path.write_text(yaml.safe_dump(values))
        # A real server's URI is in the environment of the tests, and would override the file's.
        inherited = {key: value for key, value in os.environ.items() if key != "MONGODB_URI"}
        environment = {**inherited, **self.environment, "INVENTORY_HOME": str(self.home)}
        self.connectors.append(Connector(path, environment))
        return self.connectors[-1]

    def command(self, *arguments: str) -> Ran:
        """Run `inventory …` on the lake."""
        return run_process(*arguments, home=self.home, **self.environment)

    def query(self, sql: str) -> list[Any]:
        """Ask the lake."""
        with closing(connect(self.settings, read_only=True)) as connection:
            return connection.execute(sql).fetchall()

    @contextmanager
    def draining(self) -> Iterator[Callable[[], int]]:
        """A drain that takes in what waits, as `inventory drain` does, and returns how many messages."""
        wanted = Settings(home=self.home, project=PROJECT, emulator_host=self.host)
        with ingest_of(wanted) as ingest:
            yield lambda: ingest.run(max_seconds=LONG_SECONDS, wait_seconds=1.0, until_empty=True).messages

    def close(self) -> None:
        """End what still runs."""
        for connector in self.connectors:
            connector.close()
        self.emulator.kill()


def python(module: str, *arguments: str) -> list[str]:
    """A module as a command."""
    return [sys.executable, "-m", module, *arguments]
