"""Key stores on both databases, with a clock that the tests move."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from vault.keyring import Keyring
from vault.keystore import KeyStore
from vault.vault import Vault


@pytest.fixture
def times() -> list[datetime]:
    """The clock of the key store: its last entry is now."""
    return [datetime(2026, 3, 1, 12, tzinfo=UTC)]


@pytest.fixture
async def store(empty_database_url: str, times: list[datetime]) -> AsyncIterator[KeyStore]:
    """An empty key store, on SQLite and on PostgreSQL."""
    opened = await KeyStore.open(empty_database_url, lambda: times[-1])
    yield opened
    await opened.close()


@pytest.fixture
def vault(keyring: Keyring, store: KeyStore) -> Vault:
    """A vault over the empty store."""
    return Vault(keyring, store)
