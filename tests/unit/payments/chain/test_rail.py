"""The rail as the fund sees it: when it is open, what it quotes, what it refuses."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.rails import build_rails
from models.chain import ChainTransfer, Trouble
from models.errors import BadInput, MoneyRefused
from models.policy import Stablecoin
from models.screening import ListedAddress, SanctionsList
from payments.chain import rows
from payments.chain.signing import address_of
from payments.money import Money
from payments.rails.base import ChoosyRail, Outcome
from payments.rails.stablecoin import CapReached
from payments.rails.stablecoin import Stablecoin as Rail
from sandbox.clock import TravelClock
from tests.unit.payments.chain.conftest import PERSON, SECRET, Ask
from tests.unit.payments.chain.local_chain import LocalChain, Rpc
from vault.keyring import Keyring
from vault.keystore import KeyStore
from vault.vault import Vault

ROUBLES = Money(8_000_00, "RUB")


@pytest.fixture
def database() -> str:
    """One database: what is tested here is the chain, not the rows."""
    return "sqlite"


async def refusal(rail: Rail, resources: Resources, money: Money = ROUBLES) -> str | None:
    """Why the rail does not pay now."""
    async with resources.unit() as unit:
        return await rail.refuses(unit, money)


async def test_closed_without_its_setting(resources: Resources) -> None:
    """A fund that sets no node has the rail, and it refuses."""
    rail = build_rails()["stablecoin"]
    assert isinstance(rail, Rail)
    assert isinstance(rail, ChoosyRail)
    assert await refusal(rail, resources) == "stablecoin.refused.closed"
    assert not await rail.probe()
    assert await rail.chains() == ()
    async with resources.unit() as unit:
        assert not await rail.due(unit)


async def test_when_it_is_open(rail: Rail, resources: Resources, clock: TravelClock, ask: Ask) -> None:
    """Open for an amount under the cap at a fresh rate; closed for anything else, each with its reason."""
    assert await refusal(rail, resources) is None
    assert await refusal(rail, resources, Money(0, "RUB")) == "stablecoin.refused.closed"
    assert await refusal(rail, resources, Money(10, "USD")) == "stablecoin.refused.closed"
    assert await refusal(rail, resources, Money(80_001_00, "RUB")) == "stablecoin.refused.cap"
    order = await ask(950_00)
    assert await refusal(rail, resources) == "stablecoin.refused.cap"
    assert await rail.cancel(order)
    assert await refusal(rail, resources) is None
    clock.advance(timedelta(days=7, hours=25))
    assert await refusal(rail, resources) == "stablecoin.refused.rate"


async def test_old_lists_close_it(rail: Rail, resources: Resources) -> None:
    """Nothing is paid by a public chain while a sanctions list is too old."""
    async with resources.unit() as unit:
        for one in (await unit.session.exec(select(SanctionsList))).all():
            await unit.session.delete(one)
    assert await refusal(rail, resources) == "screening.refused.stale"


async def test_a_listed_address_is_never_paid(
    rail: Rail, resources: Resources, lists: list[int], ask: Ask
) -> None:
    """An address on a sanctions list is refused where the attempt is written."""
    await list_person(resources, lists)
    with pytest.raises(MoneyRefused) as refused:
        await ask()
    assert refused.value.text_key == "screening.refused.blocked"
    assert rail.screened


async def list_person(resources: Resources, lists: list[int]) -> None:
    """The person's address comes to be on a list."""
    async with resources.unit() as unit:
        unit.session.add(ListedAddress(list_id=lists[0], address=PERSON.lower(), entry=1, currency="ETH"))


async def test_an_address_listed_after_it_was_prepared_is_not_paid(
    chain: LocalChain, rail: Rail, resources: Resources, lists: list[int], ask: Ask
) -> None:
    """What waited for days is screened again before it is signed: nothing is signed, and it is held back."""
    order = await ask()
    await list_person(resources, lists)
    result = await rail.execute(order)
    assert (result.outcome, result.hold) == (Outcome.FAILED, "screening.refused.blocked")
    assert not chain.sent


async def test_what_was_signed_before_its_address_was_listed_is_looked_up(
    chain: LocalChain, rail: Rail, resources: Resources, lists: list[int], ask: Ask
) -> None:
    """What may have been sent is neither dropped nor made anew: the chain says what became of it."""
    order = await ask()
    assert (await rail.execute(order)).outcome == Outcome.PENDING
    await list_person(resources, lists)
    assert (await rail.execute(order)).outcome == Outcome.PENDING
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.DONE


async def test_old_lists_let_nothing_be_signed(
    chain: LocalChain, rail: Rail, resources: Resources, clock: TravelClock, ask: Ask
) -> None:
    """What was prepared waits until lists are loaded again, and goes then."""
    order = await ask()
    clock.advance(timedelta(days=400))
    assert (await rail.execute(order)).outcome == Outcome.ABSENT
    assert not chain.sent
    async with resources.unit() as unit:
        for one in (await unit.session.exec(select(SanctionsList))).all():
            one.loaded_at = one.dated = unit.now
    assert (await rail.execute(order)).outcome == Outcome.PENDING


async def test_a_wallet_in_trouble_closes_it(
    rail: Rail, resources: Resources, rules: Stablecoin, ask: Ask
) -> None:
    """Nobody is offered a way that cannot pay; what is only strange does not close it."""
    await ask(1_00)
    for trouble, closed in ((Trouble.GAS, True), (Trouble.FOREIGN, True), (Trouble.STRAY, False)):
        async with resources.unit() as unit:
            await rows.in_trouble(unit, await rows.wallet(unit, rules.chain_id, address_of(SECRET)), trouble)
        assert (await refusal(rail, resources) is not None) is closed


async def test_a_quote_by_the_price_of_now(
    chain: LocalChain, rail: Rail, resources: Resources, clock: TravelClock, rules: Stablecoin
) -> None:
    """The fee is the chain's price in the fund's currency; without a fresh price, the most that is ever paid."""
    async with resources.unit() as unit:
        dear = await rail.quote(unit, ROUBLES)
    assert dear.pays == Money(100_00, "USD")
    assert dear.fee == Money(50 * 10**9 * 120_000 * 300_000 * 100 // 10**18, "RUB")
    assert dear.takes == timedelta(seconds=36)
    assert await rail.probe()
    async with resources.unit() as unit:
        cheap = await rail.quote(unit, ROUBLES)
    assert 0 < cheap.fee.amount < dear.fee.amount
    clock.advance(timedelta(hours=2))
    async with resources.unit() as unit:
        assert await rail.quote(unit, ROUBLES) == dear
    assert chain.head
    assert rules.max_fee_gwei == 50


@pytest.mark.parametrize(
    ("to", "money", "key"),
    [
        ("4111 0000", Money(10_00, "USD"), "stablecoin.bad.address"),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", Money(10_00, "USD"), "stablecoin.bad.checksum"),
        ("0x" + "0" * 40, Money(10_00, "USD"), "stablecoin.bad.nobody"),
        (PERSON, Money(10_00, "RUB"), "stablecoin.bad.amount"),
        (PERSON, Money(0, "USD"), "stablecoin.bad.amount"),
        (PERSON, Money(1_000_01, "USD"), "stablecoin.refused.cap"),
    ],
)
async def test_what_cannot_be_prepared(
    rail: Rail, resources: Resources, ask: Ask, to: str, money: Money, key: str
) -> None:
    """A bad destination, amount or currency is refused before anything is written down."""
    order = await ask(1_00)
    with pytest.raises((BadInput, CapReached)) as refused:
        async with resources.unit() as unit:
            await rail.prepare(unit, replace(order, attempt=uuid4(), money=money, destination=to))
    assert refused.value.text_key == key


@pytest.mark.parametrize("own", ["token", "wallet"])
async def test_nothing_is_paid_to_ourselves(rail: Rail, resources: Resources, rules: Stablecoin, own: str) -> None:
    """Neither the token's address nor our own wallet is anybody's destination."""
    with pytest.raises(BadInput, match=r"^stablecoin\.bad\.own$"):
        async with resources.unit() as unit:
            rail.check_destination(unit, rules.token if own == "token" else address_of(SECRET))


async def test_preparing_twice_is_once(rail: Rail, resources: Resources, ask: Ask) -> None:
    """The same attempt is written down once."""
    order = await ask()
    async with resources.unit() as unit:
        await rail.prepare(unit, order)
        assert len((await unit.session.exec(select(ChainTransfer))).all()) == 1


async def test_an_older_wallet_finishes_what_it_began(
    chain: LocalChain, rail: Rail, ask: Ask, resources: Resources, rpc: Rpc, keyring: Keyring, keystore: KeyStore
) -> None:
    """After a new key the old wallet's transfers are still looked after; new ones leave from the new wallet."""
    order = await ask()
    await rail.execute(order)
    newer = replace(resources, vault=Vault(keyring.with_wallet(bytes([19]) * 32), keystore))
    second = Rail((rpc.url,), newer.unit)
    chain.mine(3)
    assert (await second.look_up(order)).reference == (await rail.look_up(order)).reference
    assert [wallet.wallet for wallet in await second.chains()][1] == address_of(SECRET)
    await second.close()
