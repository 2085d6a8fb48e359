"""Who is screened before money goes: the partner that a rail pays through; the person where the policy says so."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from bot.database import Resources
from bot.rails import partner_rail
from models.case import Case
from models.grant import Payout, PayoutStatus
from models.policy import Partner
from payments.ledger import EntryKind, Purpose, transfer
from payments.money import Money
from payments.stripe_gateway import StripeGateway
from services import intake, treasury
from tests.unit.payments.screening.house import TYPED, load_both
from tests.unit.services.desk import PLENTY, RUB, Desk, make_desk

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

LISTED = "Garantirex Europe OÜ"
"""As `house.FIRM`, otherwise written."""


@pytest.fixture
async def desk(resources: Resources, tmp_path: Path) -> Desk:
    """A desk with both lists of today."""
    made = await make_desk(resources)
    await load_both(resources, tmp_path)
    return made


@pytest.fixture
async def gateway() -> AsyncIterator[StripeGateway]:
    """A gateway that nobody answers: what is held back asks nothing of it."""
    opened = StripeGateway("sk_test_nobody", "http://127.0.0.1:9")
    yield opened
    await opened.close()


async def stands(desk: Desk, payout_id: UUID) -> tuple[PayoutStatus, str | None]:
    """How a payout stands, and what holds it back."""
    async with desk.resources.unit() as unit:
        payout = await unit.session.get_one(Payout, payout_id)
        return payout.status, payout.hold


@pytest.mark.parametrize(
    ("name", "stood"),
    [
        (LISTED, (PayoutStatus.CLAIMED, "screening.refused.possible")),
        ("Open Hands", (PayoutStatus.PAYING, None)),
    ],
)
async def test_a_partner_is_screened_before_money_goes_through_them(
    desk: Desk, gateway: StripeGateway, name: str, stood: tuple[PayoutStatus, str | None]
) -> None:
    """A partner whose name is like a listed one's gets nothing until somebody has decided; another one is paid."""
    partner = Partner(name=name, account="acct_partner1", days=1, fee=0)
    policy = desk.resources.policy.model_copy(update={"rails": ("stripe_transfer",), "partner": partner})
    rail = partner_rail(gateway, policy)
    desk.resources.policy, desk.resources.rails = policy, {**desk.resources.rails, rail.name: rail}
    async with desk.resources.unit() as unit:
        await transfer(
            unit, EntryKind.GIFT, "gift:1", Money(PLENTY, RUB), source=Purpose.CONTRIBUTIONS,
            target=Purpose.STRIPE, actor="system",
        )  # fmt: skip
    assert await stands(desk, await desk.ordered(rail.name)) == stood


@pytest.mark.parametrize(
    ("switch", "stood"),
    [
        (True, (PayoutStatus.QUEUED, "screening.refused.possible")),
        (False, (PayoutStatus.CLAIMED, None)),
    ],
)
async def test_who_is_paid_is_screened_by_the_switch_alone(
    desk: Desk, *, switch: bool, stood: tuple[PayoutStatus, str | None]
) -> None:
    """Where counsel wants it, a name like a listed one's in the destination waits for a decision."""
    rules = desk.resources.policy.screening.model_copy(update={"beneficiaries": switch})
    desk.resources.policy = desk.resources.policy.model_copy(update={"screening": rules})
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        await intake.write_answer(unit, await unit.session.get_one(Case, case_id), "payout", TYPED)
    payout_id = await desk.agreed(case_id)
    async with desk.resources.unit() as unit:
        payout = await unit.session.get_one(Payout, payout_id)
        payout.changed = False
        await treasury.claim(unit, await desk.actor(unit, "Till"), payout_id)
    assert await stands(desk, payout_id) == stood
