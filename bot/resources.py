"""From settings to what a process holds: directories, keys, policy, database at the right schema.

Everything that could stop a process later is looked at here, and told in one line.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.database import Resources, make_engine
from bot.problems import Problem, SchemaBehind
from bot.rails import build_rails, chain_rail
from bot.settings import Settings
from migrations.schema import head, upgrade, version
from models.clock import Clock, SystemClock
from models.errors import BadInput
from models.policy import Policy, PolicyWrong, Stablecoin, load_policy
from payments.rails.registry import unknown
from payments.stripe_amounts import cannot_be_had
from texts.catalogue import load
from vault.keyring import Keyring
from vault.keystore import KeyStore
from vault.vault import Vault

PRIVATE = 0o700
PRIVATE_FILE = 0o600


@asynccontextmanager
async def open_resources(
    settings: Settings,
    keyring: Keyring,
    clock: Clock | None = None,
    *,
    migrate: bool = False,
    restoring: bool = False,
) -> AsyncIterator[Resources]:
    """Open everything, bring the schema up to date when asked to, and close it all at the end.

    Raises `Problem` when a directory, the policy, a database or its schema is not as it must be; after a restore
    that was cut off, for all but who is `restoring`.
    """
    make_directories(settings)
    if not restoring:
        refuse_half_restored(settings)
    make_private(settings.data_url)
    policy = read_policy(settings.policy)
    clock = clock or SystemClock()
    engine = make_engine(settings.data_url)
    try:
        await check_schema(engine, migrate=migrate)
        store = await open_store(settings, clock)
        try:
            vault = Vault(keyring, store)
            resources = Resources(engine, vault, policy, load(), settings.files, clock, asyncio.Lock())
            chain = chain_rail(settings.chain_urls, resources.unit)
            resources.rails = {**resources.rails, chain.name: chain}
            try:
                yield resources
            finally:
                await chain.close()
        finally:
            await store.close()
    finally:
        await engine.dispose()


def restore_mark(settings: Settings) -> Path:
    """A file that is there while a restore has put data back and not yet undone what may not come back."""
    return settings.data_dir / "restoring"


def refuse_half_restored(settings: Settings) -> None:
    """Raise `Problem` when a restore was cut off: who was cut off or paid since the backup would be so no more."""
    if restore_mark(settings).exists():
        raise Problem("a restore was cut off, and its data must not be used: run `plecho restore FILE` again")


def make_directories(settings: Settings) -> None:
    """Make the directories of data and attachments, for their owner alone."""
    try:
        for folder in (settings.data_dir, settings.files):
            folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(f"PLECHO_DATA_DIR: {settings.data_dir} cannot be made ({error.strerror})") from None


def make_private(url: str) -> None:
    """Let a new SQLite file be for its owner alone; its log takes the same mode. Raises `Problem`."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        try:
            os.close(os.open(str(address.database), os.O_CREAT | os.O_RDWR, PRIVATE_FILE))
        except OSError as error:
            raise Problem(f"PLECHO_DATABASE_URL: the file cannot be used ({error.strerror})") from None


def read_policy(path: Path) -> Policy:
    """The policy; raises `Problem` with the first thing that is wrong in it."""
    try:
        policy = load_policy(path)
    except PolicyWrong as error:
        raise Problem(f"PLECHO_POLICY: {error}") from None
    if policy.stablecoin is not None:
        check_addresses(path, policy.stablecoin)
    rails = build_rails()
    if strange := unknown(policy, rails):
        known = ", ".join(sorted(rails))
        raise Problem(f"PLECHO_POLICY: {path}: rails: there is no rail {strange[0]!r}; there is: {known}")
    if unfit := cannot_be_had(policy):
        raise Problem(f"PLECHO_POLICY: {path}: {unfit[0]}: Stripe counts this currency otherwise than CLDR does")
    return policy


def check_addresses(path: Path, rules: Stablecoin) -> None:
    """Make sure that the addresses of the rail `stablecoin` were not mistyped. Raises `Problem`."""
    from payments.chain.address import checked  # noqa: PLC0415 - hashing that only this rail needs

    for name, address in (("token", rules.token), ("cold_wallet", rules.cold_wallet)):
        try:
            if address is not None:
                checked(address, ())
        except BadInput:
            raise Problem(f"PLECHO_POLICY: {path}: stablecoin.{name}: wrong checksum (EIP-55)") from None


async def check_schema(engine: AsyncEngine, *, migrate: bool) -> None:
    """Make sure that the database is at the schema of this program. Raises `Problem`."""
    try:
        if migrate:
            await upgrade(engine)
        found = await version(engine)
    except (SQLAlchemyError, OSError) as error:
        raise unreachable("PLECHO_DATABASE_URL", error) from None
    if found != head():
        raise SchemaBehind(f"the database is at schema {found or 'none'}, not {head()}: run `plecho migrate`")


async def open_store(settings: Settings, clock: Clock) -> KeyStore:
    """The database of key grants. Raises `Problem`."""
    try:
        return await KeyStore.open(settings.grants_url, clock.now)
    except (SQLAlchemyError, OSError) as error:
        raise unreachable("PLECHO_KEYS_URL", error) from None


def unreachable(name: str, error: Exception) -> Problem:
    """Why a database cannot be used, by the error's type: its message may hold an address with a password."""
    cause = getattr(error, "orig", None) or error
    return Problem(f"{name}: the database cannot be used ({type(cause).__name__}); is it running and reachable?")
