"""`plecho chain`: keys of wallets, batches, and wallets that stand still, as the operator sees them."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from bot import chain as operator
from bot.database import Resources
from bot.doctor import examine
from bot.keys import new_keyring, open_keyring, rotate
from bot.problems import Problem
from bot.resources import open_resources
from bot.settings import Settings
from models.policy import DEFAULT, Policy, Stablecoin, load_policy
from payments.chain import rows
from payments.chain.signing import address_of
from payments.rails.base import Outcome
from payments.rails.stablecoin import Stablecoin as Rail
from tests.unit.payments.chain.conftest import PERSON, SECRET, Ask
from tests.unit.payments.chain.local_chain import GWEI, LocalChain, Rpc
from vault.passwords import Argon2Cost

PASSPHRASE = "long enough to be one"


@pytest.fixture
def database() -> str:
    """One database: what is tested here is the chain, not the rows."""
    return "sqlite"


def never(question: str) -> str:
    """Fail when a terminal is asked."""
    raise AssertionError(question)


@pytest.fixture
def settings(tmp_path: Path, database_url: str, cheap_argon2: Argon2Cost) -> Settings:
    """An installation with a keyring."""
    given = SecretStr(database_url.replace("+aiosqlite", ""))
    made = Settings(data_dir=tmp_path, database_url=given, keyring_passphrase=SecretStr(PASSPHRASE))
    new_keyring(made, never, cheap_argon2)
    return made


@pytest.fixture
def wired(resources: Resources, rail: Rail) -> Resources:
    """A process whose rail is open."""
    resources.rails = {**resources.rails, rail.name: rail}
    return resources


def test_a_new_wallet_lies_in_the_keyring(settings: Settings, cheap_argon2: Argon2Cost) -> None:
    """The key is in the keyring, survives a rotation, and is shown nowhere; the newest pays."""
    first = operator.new_wallet(settings, never, cheap_argon2)
    second = operator.new_wallet(settings, never, cheap_argon2)
    rotate(settings, never, cheap_argon2)
    keyring = open_keyring(settings, never)
    assert [address_of(key) in text for key, text in zip(keyring.wallet_keys, (first, second), strict=True)]
    assert address_of(keyring.wallet_keys[-1]) in second
    for key in keyring.wallet_keys:
        assert key.hex() not in first + second + repr(keyring)
        assert key.hex().encode() not in (settings.data_dir / "keyring").read_bytes()


@pytest.mark.parametrize("typed", [SECRET.hex(), "0x" + SECRET.hex(), f" {SECRET.hex()}\n"])
def test_a_wallet_is_imported(settings: Settings, cheap_argon2: Argon2Cost, typed: str) -> None:
    """A key is asked for, never taken from the command line; its address is said for comparing."""
    said = operator.import_wallet(settings, lambda _: typed, cheap_argon2)
    assert address_of(SECRET) in said
    assert open_keyring(settings, never).wallet_keys == (SECRET,)


@pytest.mark.parametrize("typed", ["", "secret words", "00" * 32, "ff" * 32, SECRET.hex()[:-2]])
def test_what_is_no_key_is_not_imported(settings: Settings, cheap_argon2: Argon2Cost, typed: str) -> None:
    """The error does not repeat what was typed."""
    with pytest.raises(Problem) as refused:
        operator.import_wallet(settings, lambda _: typed, cheap_argon2)
    assert not typed or typed not in str(refused.value)
    assert open_keyring(settings, never).wallet_keys == ()


async def test_what_is_out_is_shown_without_destinations(
    chain: LocalChain, wired: Resources, rail: Rail, ask: Ask
) -> None:
    """Addresses of people are in no output."""
    order = await ask()
    await rail.execute(order)
    lines = "\n".join(await operator.show(wired))
    assert address_of(SECRET) in lines
    assert "5000.000000 TUSD" in lines
    assert str(order.attempt) in lines
    assert PERSON.lower()[2:] not in lines.lower()
    assert chain.pool


async def test_a_node_that_is_down_is_said_in_one_line(wired: Resources, rpc: Rpc, ask: Ask) -> None:
    """The operator learns which setting to look at."""
    await ask()
    rpc.down = True
    assert "does not answer" in (await operator.show(wired))[0]
    with pytest.raises(Problem, match="PLECHO_CHAIN_URL"):
        await operator.resume(wired)


async def test_not_set_up(resources: Resources) -> None:
    """Each missing piece is named."""
    with pytest.raises(Problem, match="PLECHO_CHAIN_URL"):
        await operator.show(resources)
    resources.policy = load_policy()
    with pytest.raises(Problem, match="PLECHO_POLICY"):
        await operator.show(resources)


async def test_cancelling_by_id(wired: Resources, ask: Ask, rail: Rail) -> None:
    """What is not signed is cancelled for good; what is signed races; what is not there is said so."""
    first, second = await ask(), await ask()
    await rail.execute(second)
    assert "never" in await operator.cancel(wired, first.attempt)
    assert "Under way" in await operator.cancel(wired, second.attempt)
    with pytest.raises(Problem, match="no transfer"):
        await operator.cancel(wired, uuid4())


async def test_a_cancellation_that_cannot_be_signed(
    chain: LocalChain, rpc: Rpc, wired: Resources, ask: Ask, rail: Rail
) -> None:
    """While nothing is signed against a transfer, nobody is told that a cancellation is under way."""
    order = await ask()
    await rail.execute(order)
    rpc.faults["eth_getBlockByNumber"] = lambda block: block | {"baseFeePerGas": hex(90 * GWEI)}
    for _ in range(2):
        assert "nothing is signed" in await operator.cancel(wired, order.attempt)
    assert len(set(chain.sent)) == 1
    rpc.faults.clear()
    assert "Under way" in await operator.cancel(wired, order.attempt)
    chain.pool.pop()
    chain.accept(chain.sent[0])
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.DONE
    assert "Too late" in await operator.cancel(wired, order.attempt)


async def test_the_doctor_looks_at_the_chain(
    settings: Settings, rpc: Rpc, policy: Policy, tmp_path: Path, cheap_argon2: Argon2Cost, lists: list[int]
) -> None:
    """A fund that pays by the chain learns whether its node answers and whether the rail is open, and why not."""
    assert lists
    assert policy.stablecoin
    operator.import_wallet(settings, lambda _: SECRET.hex(), cheap_argon2)
    lines = [
        f"{name} = {json.dumps(value)}"
        for name, value in policy.stablecoin.model_dump(mode="json").items()
        if value
    ]
    path = tmp_path / "policy.toml"
    opened = DEFAULT.read_text("utf-8").replace('rails = ["manual"', 'rails = ["stablecoin", "manual"')
    section = "\n".join(lines).replace(f'"{policy.stablecoin.rate_at}"', f"{policy.stablecoin.rate_at}")
    path.write_text(f"{opened}\n[stablecoin]\n{section}\n", "utf-8")
    made = settings.model_copy(update={"policy": path, "chain_url": SecretStr(rpc.url)})
    async with open_resources(made, open_keyring(made, never), migrate=True):
        pass
    found = {finding.what: finding async for finding in examine(made)}
    assert found["chain"].well
    old = path.read_text("utf-8").replace(f"rate_at = {policy.stablecoin.rate_at}", "rate_at = 2020-01-01")
    path.write_text(old, "utf-8")
    found = {finding.what: finding async for finding in examine(made)}
    assert "rate" in found["chain"].detail
    rpc.down = True
    found = {finding.what: finding async for finding in examine(made)}
    assert "PLECHO_CHAIN_URL" in found["chain"].mend


async def test_a_hot_wallet_exports_nothing(wired: Resources, tmp_path: Path) -> None:
    """A batch is for hardware wallets."""
    with pytest.raises(Problem, match="cold_wallet"):
        await operator.export_batch(wired, tmp_path / "batch.json")


async def test_resuming_clears_the_trouble(wired: Resources, ask: Ask, rules: Stablecoin) -> None:
    """After people have looked, the wallet goes on, and that is on record."""
    await ask()
    assert "goes on" in await operator.resume(wired)
    async with wired.unit() as unit:
        assert (await rows.wallet(unit, rules.chain_id, address_of(SECRET))).trouble is None


class TestBatch:
    """With a hardware wallet in the policy."""

    @pytest.fixture
    def rules(self, rules: Stablecoin, chain: LocalChain) -> Stablecoin:
        """The policy names it."""
        chain.fund(address_of(bytes([18]) * 32), 5_000_000_000)
        return rules.model_copy(update={"cold_wallet": address_of(bytes([18]) * 32)})

    async def test_the_file(
        self, wired: Resources, rail: Rail, ask: Ask, tmp_path: Path, rpc: Rpc, policy: Policy
    ) -> None:
        """The batch is a private file, written once, and a cancelled transfer comes back in the next one."""
        order = await ask()
        path = tmp_path / "batch.json"
        assert "1 transactions" in await operator.export_batch(wired, path)
        assert path.stat().st_mode & 0o077 == 0
        made = json.loads(path.read_text())
        assert set(made["transactions"][0]["unsigned"]) == {
            "type", "chainId", "nonce", "to", "value", "data", "gas", "maxFeePerGas", "maxPriorityFeePerGas",
        }  # fmt: skip
        with pytest.raises(Problem, match="already"):
            await operator.export_batch(wired, path)
        assert "next batch" in await operator.cancel(wired, order.attempt)
        rpc.down = True
        with pytest.raises(Problem, match="PLECHO_CHAIN_URL"):
            await operator.export_batch(wired, tmp_path / "other.json")
        assert (await rail.look_up(order)).outcome == Outcome.PENDING
        assert policy.stablecoin
