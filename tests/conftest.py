"""Fixtures shared by the suites that need a lake.

Belongs here: settings in a temporary home, an engine, a broker. Does not
belong: what one suite alone needs.
"""

import contextlib
import gc
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from inventory_assets.access import store as access_store
from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.ingest.process import Message
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.journal import sqlite as sqlite_journal
from inventory_assets.refresh.products import import_products
from inventory_assets.settings import Settings
from tests import builders
from tests.fakes import CrashingBroker
from tests.lake.catalog.postgres import PostgresServer, find_binaries
from tests.lake.files.storage_emulator import StorageEmulator

# readline, which pytest loads, gives processes begun after it the size of a terminal that may not be there.
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)

# An example that a busy machine takes long over is not wrong, and what failed once
# should fail again: other examples on every run would be a test that may change its mind.
# Of each hundred examples `make test` tries a third, and `make test-all` all (`--hypothesis-profile`, `hunting.some`).
for _name, _share in (("repeatable", 34), ("whole", 100)):
    hypothesis.settings.register_profile(
        _name,
        max_examples=_share,
        deadline=None,
        derandomize=True,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("repeatable")

# What asks for one of these is `make test-all`'s, as what is marked `big` itself.
SERVER_FIXTURES = {"postgres", "mongo"}
# Few tests, and most of each is waiting: begun first, they wait beside those that compute. Begun last, nothing would
# be left to do meanwhile.
FIRST = ("end_to_end", "docs", "faults", "marts")


Fill = Callable[[Engine], object]
OpenFilled = Callable[[Fill], Engine]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage meanwhile, nor later in what was collected: a quarter of each process's time to collect."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell the tests that need a server, and the properties, from others, and begin with those that wait."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("law")
        if SERVER_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("big")
    items.sort(key=lambda item: not set(FIRST).intersection(item.path.parts))


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_disks() -> Iterator[None]:
    """Sync nothing: a third of each commit, which shows only where power is cut. Tests of that record the calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.setattr(sqlite_journal, "SYNCHRONOUS", "OFF")
        patch.setattr(access_store, "SYNCHRONOUS", "OFF")
        yield


# SQLite's own files, and the one module that may read them: where nobody can have them open.
CATALOGS, COPIED_BY = ("catalog.sqlite", "catalog.journal.sqlite"), "readable.py"


def _refuse_to_open_catalogs(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not str(arguments[0]).endswith(CATALOGS):
        return
    frame = sys._getframe(1)
    callers = []
    while frame is not None and len(callers) < CALLERS:
        callers.append(frame.f_code.co_filename)
        frame = frame.f_back
    if any("/inventory_assets/" in each and not each.endswith(COPIED_BY) for each in callers):
        raise AssertionError(f"{arguments[0]} was opened beside SQLite: closing it takes this process's locks on it")


CALLERS = 6


@pytest.fixture(scope="session", autouse=True)
def no_catalog_opened_beside_sqlite() -> None:
    """Fail where our own code opens a file of SQLite's by itself (`lake.durable.sync_new_files` says why)."""
    sys.addaudithook(_refuse_to_open_catalogs)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """INVENTORY_HOME of a test."""
    return tmp_path / "home"


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings of an embedded lake of the test's own."""
    return Settings(home=home)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose lake has its tables and nothing in them. Copy it only."""
    home = tmp_path_factory.mktemp("empty")
    connect(Settings(home=home)).close()
    return home


def copy_home(home: Path, to: Path) -> Path:
    """Copy a home with a lake that nobody has open; the copy's catalog knows the copy's files. The copy."""
    # What its connections spill goes when they do, and that may be now.
    shutil.copytree(home, to, dirs_exist_ok=True, ignore=lambda folder, _: {"tmp"} if folder == str(home) else set())
    with contextlib.closing(sqlite3.connect(to / "lake" / "catalog.sqlite")) as catalog, catalog:
        catalog.execute("UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'", [f"{to / 'lake' / 'data'}/"])
    return to


@pytest.fixture(scope="session")
def filled(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Fill, Path], Path]:
    """Copy a home whose lake a function filled. It fills one, however many tests ask for a copy."""
    homes: dict[Fill, Path] = {}

    def copy(fill: Fill, to: Path) -> Path:
        if fill not in homes:
            homes[fill] = copy_home(empty_home, tmp_path_factory.mktemp("filled"))
            engine = Engine(Settings(home=homes[fill]))
            fill(engine)
            engine.close()
        return copy_home(homes[fill], to)

    return copy


@pytest.fixture
def open_engine(settings: Settings, empty_home: Path) -> Iterator[Callable[..., Engine]]:
    """Open engines on the test's lake; all are closed at the end."""
    opened: list[Engine] = []

    def open_(kind: type[Engine] = Engine, chosen: Settings = settings) -> Engine:
        plain = Settings(home=chosen.home)
        is_plain = (chosen.catalog_uri, chosen.data_uri) == (plain.catalog_uri, plain.data_uri)
        if is_plain and not chosen.lock_path.exists():
            copy_home(empty_home, chosen.home)  # to make a lake takes longer
        opened.append(kind(chosen))
        return opened[-1]

    yield open_
    for engine in opened:
        engine.close()


@pytest.fixture
def open_filled(filled: Callable[[Fill, Path], Path], open_engine: Callable[..., Engine], home: Path) -> OpenFilled:
    """Open an engine on the test's lake, which a function filled: a copy of the one that it filled first."""
    return lambda fill: open_engine(chosen=Settings(home=filled(fill, home)))


@pytest.fixture
def engine(open_engine: Callable[..., Engine]) -> Engine:
    """An engine on the test's lake."""
    return open_engine()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; tests that stop it start it again."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    server = PostgresServer(binaries)
    yield server
    server.close()


@pytest.fixture(scope="session")
def storage_emulator() -> Iterator[StorageEmulator]:
    """A stand-in for Google Cloud Storage."""
    emulator = StorageEmulator()
    yield emulator
    emulator.close()


@pytest.fixture
def shop_bucket(storage_emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch) -> StorageEmulator:
    """An empty `gs://shop`, and no other bucket, by the environment that everybody has."""
    storage_emulator.empty("shop")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage_emulator.endpoint)
    return storage_emulator


@pytest.fixture
def broker() -> CrashingBroker:
    """A broker in memory, with the manifest's input subscriptions."""
    return CrashingBroker()


@pytest.fixture(scope="module")
def sample_messages() -> list[Message]:
    """R0's rule, level and transaction, and the order that leads to its alert."""
    return _sample_messages()


def _sample_messages() -> list[Message]:
    return builders.messages(
        builders.SAMPLE_RULE, builders.SAMPLE_LEVEL, builders.SAMPLE_TRANSACTION, builders.SAMPLE_ORDER
    )


def _take_in_samples(engine: Engine) -> None:
    import_products(engine, [Product(**builders.SAMPLE_PRODUCT)])
    for message in _sample_messages():
        engine.commit_burst([message])


@pytest.fixture(scope="module")
def sample_engine(tmp_path_factory: pytest.TempPathFactory, filled: Callable[[Fill, Path], Path]) -> Iterator[Engine]:
    """An engine that took in R0's samples, one message a burst, with the product record. Read it only."""
    engine = Engine(Settings(home=filled(_take_in_samples, tmp_path_factory.mktemp("samples"))))
    yield engine
    engine.close()


@pytest.fixture
def undone() -> Callable:
    """Statements whose effect ends with the block, on an engine's own connection."""

    @contextmanager
    def tamper(engine: Engine, *statements: str) -> Iterator[None]:
        connection = engine.lake.connection
        connection.execute("BEGIN")
        try:
            for statement in statements:
                connection.execute(statement)
            yield
        finally:
            connection.execute("ROLLBACK")

    return tamper
