"""A partner is screened by the name that an order was made for, and what they were given is on record."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import col, delete, select

from bot.database import Resources
from bot.rails import partner_rail
from models.case import Case
from models.compliance import ComplianceRecord, ScreeningResult
from models.grant import Grant, Payout, PayoutStatus, ReturnReason
from models.policy import Partner
from models.screening import SanctionsList, ScreeningQuestion, SubjectKind
from payments.attempts import Now
from payments.screening import questions
from payments.stripe_gateway import StripeGateway
from sandbox.stripe.client import Bank
from sandbox.stripe.server import StripeServer
from services import intake, screening, treasury, treasury_machine, treasury_returns
from tests.stripe_town import bank, stripe_server
from tests.unit.payments.partner_desk import FEE, paid_after_all, partner_desk
from tests.unit.payments.screening.house import WALLET, load_both
from tests.unit.services.desk import Desk
from tests.unit.services.fund import SMALL

__all__ = ["bank", "stripe_server"]

LISTED = "Garantirex Europe OÜ"
"""As `house.FIRM`, otherwise written."""

REASON = "Another firm: this one was founded in another country."


@pytest.fixture
async def desk(resources: Resources, stripe_server: StripeServer, bank: Bank) -> AsyncIterator[Desk]:
    """A desk that pays through a partner."""
    async with partner_desk(resources, stripe_server, bank) as made:
        yield made


@asynccontextmanager
async def naming(desk: Desk, stripe_server: StripeServer, partner: Partner) -> AsyncIterator[None]:
    """The operator names a partner, and starts the program anew."""
    desk.resources.policy = desk.resources.policy.model_copy(update={"partner": partner})
    gateway = StripeGateway(stripe_server.key, stripe_server.url)
    rail = partner_rail(gateway, desk.resources.policy)
    desk.resources.rails = {**desk.resources.rails, rail.name: rail}
    yield
    await gateway.close()


async def publish(desk: Desk, folder: Path) -> None:
    """Lists come out with a firm on them that is called like the partner."""
    async with desk.resources.unit() as unit:
        await unit.session.exec(delete(SanctionsList).where(col(SanctionsList.entries) == 0))
    await load_both(desk.resources, folder)


async def wanted(desk: Desk, destination: str) -> UUID:
    """The payout of a case that wants its money there."""
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        (await unit.session.exec(select(Grant))).one().destination = None
        await intake.write_answer(unit, await unit.session.get_one(Case, case_id), "payout", destination)
    return await desk.agreed(case_id)


async def recorded(desk: Desk) -> list[ComplianceRecord]:
    """The records of payments, in their order."""
    async with desk.resources.unit() as unit:
        found = await unit.session.exec(select(ComplianceRecord).order_by(col(ComplianceRecord.attempt)))
        return list(found.all())


async def test_an_order_is_screened_for_the_partner_whom_it_pays(
    desk: Desk, bank: Bank, stripe_server: StripeServer, tmp_path: Path
) -> None:
    """Their name is on a list by the second try: another one in the policy lets nothing go to the first."""
    first = desk.resources.policy.partner
    assert first is not None
    listed = first.model_copy(update={"name": LISTED})
    other = Partner(name="Somebody Else OU", account=await bank.connect("LV"), days=1, fee=0)
    async with naming(desk, stripe_server, listed):
        await bank.fault("server_error", "/v1/transfers", verb="POST")
        payout_id = await desk.ordered("stripe_transfer")
        assert await desk.tick() == [Now.OPEN]
    await publish(desk, tmp_path)
    async with naming(desk, stripe_server, other):
        assert await desk.tick(2) == [Now.OPEN]
        async with desk.resources.unit() as unit:
            payout = await unit.session.get_one(Payout, payout_id)
            assert (payout.status, payout.hold) == (PayoutStatus.PAYING, "screening.refused.possible")
            asked = (await unit.session.exec(select(ScreeningQuestion))).all()
            assert {question.kind for question in asked} == {SubjectKind.PARTNER}
            assert {await questions.words_of(unit, question) for question in asked} == {LISTED}
        assert await bank.objects("transfer") == []
        for question in asked:
            async with desk.resources.unit() as unit:
                await screening.decide(unit, await desk.actor(unit, "Purse"), question.id, REASON, same=False)
        assert await desk.tick(5) == [Now.SENT]
    [made] = await bank.objects("transfer")
    assert (made["destination"], made["amount"]) == (first.account, SMALL + FEE)


async def test_an_order_is_screened_for_a_corrected_name_of_its_partner_too(
    desk: Desk, bank: Bank, stripe_server: StripeServer, tmp_path: Path
) -> None:
    """The policy spells the same account's partner otherwise by now, and so they are listed: nothing goes."""
    partner = desk.resources.policy.partner
    assert partner is not None
    payout_id = await desk.ordered("stripe_transfer")
    await publish(desk, tmp_path)
    async with naming(desk, stripe_server, partner.model_copy(update={"name": LISTED})):
        assert await desk.tick() == [Now.QUEUED]
    async with desk.resources.unit() as unit:
        payout = await unit.session.get_one(Payout, payout_id)
    assert (payout.status, payout.hold) == (PayoutStatus.QUEUED, "screening.refused.possible")
    assert await bank.objects("transfer") == []


async def test_a_decision_about_the_exchange_is_on_record_beside_a_clear_partner(
    desk: Desk, tmp_path: Path
) -> None:
    """Whichever subject of a payment a human had to decide about, the record says that one had to."""
    rules = desk.resources.policy.screening.model_copy(update={"exchanges": ("Garantirex",)})
    desk.resources.policy = desk.resources.policy.model_copy(update={"screening": rules})
    await publish(desk, tmp_path)
    payout_id = await wanted(desk, "account 4711 at Garantirex")
    await desk.do("Till", payout_id, treasury.claim, treasury_machine.order)
    async with desk.resources.unit() as unit:
        asked = (await unit.session.exec(select(ScreeningQuestion))).all()
    assert {question.kind for question in asked} == {SubjectKind.EXCHANGE}
    for question in asked:
        async with desk.resources.unit() as unit:
            await screening.decide(unit, await desk.actor(unit, "Purse"), question.id, REASON, same=False)
    await desk.do("Till", payout_id, treasury_machine.order)
    assert await desk.tick() == [Now.SENT]
    async with desk.resources.unit() as unit:
        await treasury_machine.report(unit, await desk.actor(unit, "Coin"), payout_id, "P-7")
    assert [record.result for record in await recorded(desk)] == [ScreeningResult.CLEARED]


async def test_the_worst_of_all_that_is_screened_is_said(
    desk: Desk, stripe_server: StripeServer, tmp_path: Path
) -> None:
    """A listed wallet blocks a payment, also while a decision about the partner is waited for."""
    partner = desk.resources.policy.partner
    assert partner is not None
    await publish(desk, tmp_path)
    async with naming(desk, stripe_server, partner.model_copy(update={"name": LISTED})):
        payout_id = await wanted(desk, f"USDC to {WALLET}")
        await desk.do("Till", payout_id, treasury.claim, treasury_machine.order)
    async with desk.resources.unit() as unit:
        payout = await unit.session.get_one(Payout, payout_id)
    assert (payout.status, payout.hold) == (PayoutStatus.CLAIMED, "screening.refused.blocked")


async def test_what_comes_back_before_the_report_is_on_record(desk: Desk) -> None:
    """Money went to a screened partner, whatever became of it then; a report later writes nothing more."""
    payout_id = await desk.ordered("stripe_transfer")
    await desk.tick()
    [record] = await recorded(desk)
    assert (record.rail, record.amount, record.result) == ("stripe_transfer", SMALL, ScreeningResult.CLEAR)
    async with desk.resources.unit() as unit:
        coin = await desk.actor(unit, "Coin")
        await treasury_returns.came_back(unit, coin, payout_id, ReturnReason.REFUSED)
    assert (await desk.stands(payout_id))[0] == PayoutStatus.RETURNED
    assert [each.id for each in await recorded(desk)] == [record.id]


async def test_a_transfer_of_what_was_over_is_on_record(desk: Desk, bank: Bank) -> None:
    """Found to be never made, and made after all: with the lists that its partner was screened against."""
    await paid_after_all(desk, bank)
    assert await recorded(desk) == []
    assert await desk.tick(61) == [Now.INCIDENT]
    [record] = await recorded(desk)
    assert (record.rail, record.result) == ("stripe_transfer", ScreeningResult.CLEAR)
    assert "000000000000" in record.list_version
