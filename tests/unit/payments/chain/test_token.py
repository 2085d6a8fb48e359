"""The policy names another token: what was asked for in the former is paid and watched in it, or never paid."""

from datetime import timedelta

import pytest
from sqlmodel import select

from bot.database import Resources
from models.attempt import Attempt, AttemptStatus
from models.chain import ChainStray, TransferStatus
from models.grant import GrantStatus, PayoutStatus
from models.policy import Stablecoin
from payments import breaker
from payments.attempts import Now
from payments.chain import watching
from payments.chain.signing import address_of
from payments.rails.base import Outcome
from payments.rails.stablecoin import Stablecoin as Rail
from sandbox.clock import TravelClock
from tests.unit.payments.chain.conftest import PERSON, SECRET, Ask, Load, Restart
from tests.unit.payments.chain.local_chain import GWEI, LocalChain
from tests.unit.payments.chain.test_whole import agreed, ordered, work
from tests.unit.services.desk import make_desk


@pytest.fixture
def token(chain: LocalChain) -> str:
    """A second token, of as many decimals, of which the hot wallet has plenty."""
    chain.fund(address_of(SECRET), 5_000_000_000, 0, chain.other_token)
    return chain.other_token


async def test_what_is_out_is_judged_by_its_own_token(
    chain: LocalChain, rail: Rail, restart: Restart, token: str, ask: Ask, load: Load
) -> None:
    """A payment on its way when the token changes is not called failed, so that nobody is paid twice."""
    order = await ask()
    assert (await rail.execute(order)).outcome == Outcome.PENDING
    other = await restart(token=token, symbol="OTHER")
    chain.mine(3)
    assert (await other.look_up(order)).outcome == Outcome.DONE
    chain.mine(4)
    assert (await other.look_up(order)).outcome == Outcome.DONE
    assert (await load(order.attempt)).status == TransferStatus.FINAL
    assert chain.balance(PERSON) == 150_000_000


async def test_what_was_done_stays_done(
    chain: LocalChain, rail: Rail, restart: Restart, token: str, ask: Ask, load: Load
) -> None:
    """A payment that counted as done before the token changed is not taken back, and its event is read."""
    order = await ask()
    await rail.execute(order)
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.DONE
    other = await restart(token=token, symbol="OTHER")
    chain.mine(4)
    await watching.watch((await other.chains())[0])
    row = await load(order.attempt)
    assert (row.status, row.event is not None) == (TransferStatus.FINAL, True)


async def test_what_is_stuck_is_signed_anew_in_its_own_token(
    chain: LocalChain, rail: Rail, restart: Restart, token: str, ask: Ask, clock: TravelClock
) -> None:
    """A higher fee changes the fee, and not what the person gets."""
    chain.floor = 40 * GWEI
    order = await ask()
    await rail.execute(order)
    other = await restart(token=token, symbol="OTHER")
    clock.advance(timedelta(minutes=11))
    await other.execute(order)
    assert len(set(chain.sent)) == 2
    chain.floor = 0
    chain.mine(3)
    assert (await other.look_up(order)).outcome == Outcome.DONE
    assert (chain.balance(PERSON), chain.balance(PERSON, token)) == (150_000_000, 0)


@pytest.mark.parametrize("changed", ["token", "decimals"])
async def test_what_is_not_signed_is_never_signed_for_another_token(
    chain: LocalChain, restart: Restart, token: str, ask: Ask, load: Load, changed: str
) -> None:
    """Units counted for one token would be dust or a fortune in another: it fails, and is asked for anew."""
    order = await ask()
    other = await restart(**({"token": token} if changed == "token" else {"decimals": 18}))
    result = await other.execute(order)
    assert (result.outcome, result.error, result.anew) == (Outcome.FAILED, "TokenChanged", True)
    assert (await load(order.attempt)).nonce is None
    assert not chain.sent


async def test_a_token_written_in_another_case_is_the_same(
    chain: LocalChain, restart: Restart, ask: Ask, rules: Stablecoin
) -> None:
    """An operator who types the address without its capitals changes nothing."""
    order = await ask()
    other = await restart(token=rules.token.lower())
    assert (await other.execute(order)).outcome == Outcome.PENDING
    chain.mine(3)
    assert (await other.look_up(order)).outcome == Outcome.DONE


async def test_the_payout_is_queued_anew(resources: Resources, rail: Rail, restart: Restart, token: str) -> None:
    """The grant stays reserved, a treasurer orders it anew in the new token, and the rail is not to blame."""
    resources.rails = {**resources.rails, rail.name: rail}
    desk = await make_desk(resources)
    payout_id = await agreed(desk)
    attempt = await ordered(desk, payout_id)
    resources.policy = resources.policy.model_copy(
        update={"limits": resources.policy.limits.model_copy(update={"rail_failures": 1})}
    )
    other = await restart(token=token, symbol="OTHER")
    resources.rails = {**resources.rails, rail.name: other}
    assert await work(desk, attempt) == Now.QUEUED
    payout, grant, _ = await desk.stands(payout_id)
    assert (payout, grant) == (PayoutStatus.QUEUED, GrantStatus.RESERVED)
    async with resources.unit() as unit:
        assert not await breaker.is_shut(unit, rail.name)
        assert (await unit.session.get_one(Attempt, attempt)).status == AttemptStatus.FAILED


async def test_what_the_wallet_must_hold_is_counted_anew(
    chain: LocalChain, rail: Rail, restart: Restart, token: str, ask: Ask, resources: Resources
) -> None:
    """The sums of two tokens are not mixed: after the change nothing differs, and nothing is a stray."""
    await rail.execute(await ask())
    await rail.held()
    other = await restart(token=token, symbol="OTHER")
    chain.mine(9)
    for _ in range(2):
        assert all(held.ours == held.theirs for held in await other.held())
    async with resources.unit() as unit:
        assert not (await unit.session.exec(select(ChainStray))).all()
