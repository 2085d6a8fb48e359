"""One payout by the chain, from the person's word to the books; and what treasurers hear when it goes wrong."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from bot.chain_errands import due, watch
from bot.clock import JobClock
from bot.database import Resources
from bot.metrics import Metrics
from models.attempt import Attempt, AttemptStatus
from models.case import Answer, Case, CaseStatus
from models.chain import ChainTransaction, ChainTransfer, TransferStatus
from models.errors import BadInput
from models.grant import GrantStatus, Payout, PayoutStatus
from payments import breaker, executor, grants, payouts, reconcile
from payments.attempts import Now
from payments.chain.signing import address_of, cancellation, sign
from payments.chain.values import Fees
from payments.rails.stablecoin import Stablecoin as Rail
from sandbox.clock import TravelClock
from services import stablecoin, treasury, treasury_machine
from tests.unit.payments.chain.conftest import PERSON, SECRET
from tests.unit.payments.chain.local_chain import GWEI, LocalChain, Rpc
from tests.unit.services.desk import Desk, make_desk
from vault.seal import Place
from vault.types import Compartment

AMOUNT = 8_000_00
TOKENS = 100_000_000


@pytest.fixture
async def desk(resources: Resources, rail: Rail) -> Desk:
    """Treasurers, money, and the rail to the chain."""
    resources.rails = {**resources.rails, rail.name: rail}
    return await make_desk(resources)


async def agreed(desk: Desk, destination: str = PERSON) -> UUID:
    """A payout whose person has given an address and chosen the chain."""
    case_id = await desk.case(amount=AMOUNT, begin=False)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        found = await unit.session.exec(
            select(Answer).where(Answer.case_id == case_id, Answer.question == "payout")
        )
        answer = found.one()
        place = Place("answer", "text", str(answer.id))
        answer.text = await unit.vault.seal(case_id, Compartment.payout, destination.encode(), place)
        case.status = CaseStatus.APPROVED
        await treasury.offer(unit, await grants.approve(unit, case, AMOUNT, "system"))
        return (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "stablecoin")).id


async def ordered(desk: Desk, payout_id: UUID) -> UUID:
    """A treasurer lets the chain pay; the attempt."""
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        await treasury.claim(unit, till, payout_id)
        await treasury_machine.order(unit, till, payout_id)
        return (await unit.session.exec(select(Attempt.id))).one()


async def work(desk: Desk, attempt: UUID) -> Now | None:
    """Ask the rail, as the errand does."""
    return await executor.work(desk.resources.unit, attempt, treasury_machine.told)


async def look(desk: Desk, clock: TravelClock) -> None:
    """Let the errand look at the wallets, and the clock tell what is to be told."""
    clock.advance(timedelta(seconds=30))
    async with desk.resources.unit() as unit:
        wallets = await due(unit)
    for wallet in wallets:
        await watch(desk.resources, None, wallet)  # type: ignore[arg-type] # the errand needs no bot
    await JobClock(desk.resources, stablecoin.JOBS, Metrics(), handled=lambda: None).run_due_now()


async def test_from_the_promise_to_the_books(chain: LocalChain, desk: Desk, clock: TravelClock) -> None:
    """The person gets the amount by the rate, the grant settles once, and nothing differs."""
    payout_id = await agreed(desk)
    attempt = await ordered(desk, payout_id)
    assert await work(desk, attempt) == Now.OPEN
    chain.mine(3)
    assert await work(desk, attempt) == Now.PAID
    assert await work(desk, attempt) is None
    assert chain.balance(PERSON) == TOKENS
    assert await desk.stands(payout_id) == (PayoutStatus.PAID, GrantStatus.PAID, CaseStatus.PAID)
    async with desk.resources.unit() as unit:
        assert payouts.reference_of(unit, await unit.session.get_one(Payout, payout_id)).startswith("0x")
        assert await reconcile.compare(unit) == []
    assert await reconcile.ask_providers(desk.resources.unit, timedelta(days=1)) == []
    chain.mine(3)
    await look(desk, clock)
    async with desk.resources.unit() as unit:
        assert (await unit.session.exec(select(ChainTransfer))).one().destination is None
        assert not (await unit.session.exec(select(ChainTransaction))).all()


async def test_a_wrong_address_is_refused_before_anybody_agrees(desk: Desk) -> None:
    """A card number, or an address with a slip in it, is refused to the person, with what is wrong."""
    with pytest.raises(BadInput) as refused:
        await agreed(desk, "4111 0000 0000 0000")
    assert refused.value.text_key == "stablecoin.bad.address"


async def test_a_revert_leaves_the_grant_reserved(chain: LocalChain, desk: Desk) -> None:
    """What has failed for good is tried again by people, and the money stays promised."""
    payout_id = await agreed(desk)
    attempt = await ordered(desk, payout_id)
    await work(desk, attempt)
    chain.call(chain.token, "refuse(address)", bytes(12) + bytes.fromhex(PERSON[2:]))
    chain.mine(6)
    assert await work(desk, attempt) == Now.QUEUED
    assert await desk.stands(payout_id) == (PayoutStatus.QUEUED, GrantStatus.RESERVED, CaseStatus.PAYING)
    assert (await desk.books())[1] == AMOUNT


async def test_treasurers_hear_of_a_reorganisation(chain: LocalChain, desk: Desk, clock: TravelClock) -> None:
    """A payment that the chain took back is told once, with its grant's number, and goes out again by itself."""
    attempt = await ordered(desk, await agreed(desk))
    await work(desk, attempt)
    chain.mine(3)
    await work(desk, attempt)
    chain.reorganise(3, back_to_pool=False)
    for _ in range(2):
        await look(desk, clock)
    told = [text for text in await desk.notices("Till") if "took back" in text]
    assert len(told) == 1
    assert "G-" in told[0]
    chain.mine(3)
    await look(desk, clock)
    assert chain.balance(PERSON) == TOKENS


async def test_treasurers_hear_of_a_short_wallet(chain: LocalChain, desk: Desk, clock: TravelClock) -> None:
    """A wallet without tokens is told once; when it is filled the payout goes on by itself."""
    attempt = await ordered(desk, await agreed(desk))
    chain.begin()
    assert await work(desk, attempt) == Now.OPEN
    for _ in range(2):
        await look(desk, clock)
    assert len([text for text in await desk.notices("Till") if "too little of the token" in text]) == 1
    chain.fund(address_of(SECRET), 5_000_000_000)
    await look(desk, clock)
    await work(desk, attempt)
    chain.mine(3)
    assert await work(desk, attempt) == Now.PAID


async def test_a_node_that_is_down_for_a_day_shuts_the_rail_and_loses_nothing(
    chain: LocalChain, rpc: Rpc, desk: Desk, clock: TravelClock
) -> None:
    """Others are offered another way, a probe opens it again later, and what was ordered is paid once."""
    attempt = await ordered(desk, await agreed(desk))
    await work(desk, attempt)
    chain.mine(3)
    rpc.down = True
    for _ in range(12):
        clock.advance(timedelta(hours=2))
        assert await work(desk, attempt) == Now.OPEN
    assert len([text for text in await desk.notices("Till") if "has been shut" in text]) == 1
    async with desk.resources.unit() as unit:
        assert await breaker.is_shut(unit, "stablecoin")
    clock.advance(timedelta(minutes=10))
    async with desk.resources.unit() as unit:
        assert list(await breaker.due(unit)) == ["stablecoin"]
    assert not await executor.probe(desk.resources.unit, "stablecoin", treasury_machine.tell_open)
    rpc.down = False
    assert await executor.probe(desk.resources.unit, "stablecoin", treasury_machine.tell_open)
    clock.advance(timedelta(hours=1))
    assert await work(desk, attempt) == Now.PAID
    assert chain.balance(PERSON) == TOKENS
    async with desk.resources.unit() as unit:
        assert await reconcile.compare(unit) == []


async def test_an_odd_transfer_leaves_the_breaker_alone(
    chain: LocalChain, rail: Rail, desk: Desk, clock: TravelClock
) -> None:
    """What only people can find out is no failure of the rail: nobody is told by turns that it shuts and opens."""
    attempt = await ordered(desk, await agreed(desk))
    await work(desk, attempt)
    rules, (payment,) = (await rail.chains())[0].rules, chain.pool
    unknown = cancellation(rules, payment.nonce, address_of(SECRET), Fees(20 * GWEI, 4 * GWEI))
    chain.accept(sign(unknown, SECRET).raw)
    chain.mine(6)
    for _ in range(12):
        clock.advance(timedelta(hours=1))
        await look(desk, clock)
        async with desk.resources.unit() as unit:
            shut = await breaker.due(unit)
        for name in shut:
            await executor.probe(desk.resources.unit, name, treasury_machine.tell_open)
        clock.advance(timedelta(hours=1))
        assert await work(desk, attempt) == Now.OPEN
    async with desk.resources.unit() as unit:
        assert (await unit.session.exec(select(ChainTransfer.status))).one() == TransferStatus.ODD
    assert not [text for text in await desk.notices("Till") if "shut" in text or "works again" in text]


async def test_taken_back_and_lost_for_good(
    chain: LocalChain, desk: Desk, clock: TravelClock, resources: Resources
) -> None:
    """What was paid, is taken back and then fails is told to treasurers, and shows as a difference."""
    attempt = await ordered(desk, await agreed(desk))
    await work(desk, attempt)
    chain.mine(3)
    assert await work(desk, attempt) == Now.PAID
    chain.reorganise(3, back_to_pool=False)
    chain.call(chain.token, "refuse(address)", bytes(12) + bytes.fromhex(PERSON[2:]))
    await look(desk, clock)
    chain.mine(6)
    await look(desk, clock)
    async with resources.unit() as unit:
        assert (await unit.session.exec(select(ChainTransfer.status))).one() == TransferStatus.FAILED
        assert (await unit.session.get_one(Attempt, attempt)).status == AttemptStatus.DONE
    assert [text for text in await desk.notices("Till") if "failed for good" in text]
    found = await reconcile.ask_providers(resources.unit, timedelta(days=1))
    assert [difference.kind for difference in found] == [reconcile.Kind.PROVIDER_NOT_PAID]
