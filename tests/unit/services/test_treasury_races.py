"""The payout desk: of several who press at once one wins, and nobody waits in a ring."""

import asyncio
from uuid import UUID, uuid4

import pytest

from bot.database import Resources
from models.case import Case, CaseStatus
from models.errors import MoveRefused, Refused
from models.grant import GrantStatus
from payments import grants
from services import submission, treasury, treasury_funding, treasury_returns
from tests.unit.services.desk import PLENTY, Desk, Step, make_desk
from tests.unit.services.fund import LARGE, SMALL
from tests.unit.services.paying import G, P, came_back, pay


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_of_treasurers_at_once_one_wins(desk: Desk) -> None:
    """Three real transactions side by side: one claim, one payment, one settlement."""
    payout_id = await desk.queued(amount=LARGE)

    async def press(sign: str, step: Step) -> bool:
        try:
            await desk.do(sign, payout_id, step)
        except Refused:
            return False
        return True

    claims = await asyncio.gather(*(press(sign, treasury.claim) for sign in ("Till", "Coin", "Purse")))
    assert sum(claims) == 1
    holder = ("Till", "Coin", "Purse")[claims.index(True)]
    assert sum(await asyncio.gather(*(press(holder, pay) for _ in range(4)))) == 1
    others = [sign for sign in ("Till", "Coin", "Purse") if sign != holder]
    confirmed = await asyncio.gather(*(press(sign, treasury.confirm) for sign in others * 2))
    assert sum(confirmed) == 1
    assert await desk.books() == (PLENTY - LARGE, 0, LARGE)
    assert sum(await asyncio.gather(*(press(sign, came_back) for sign in others * 2))) == 1
    assert await desk.books() == (PLENTY - LARGE, 0, LARGE)
    seen = await asyncio.gather(*(press(sign, treasury_returns.confirm_return) for sign in others * 2))
    assert sum(seen) >= 1
    assert await desk.books() == (PLENTY - LARGE, LARGE, 0)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_approvals_at_once_promise_no_more_than_there_is(resources: Resources) -> None:
    """Approvals racing for the last money reserve it once, the other waits."""
    desk = await make_desk(resources, SMALL)
    cases = [await desk.case(f"Person {number}", begin=False) for number in range(4)]

    async def approve(case_id: UUID) -> GrantStatus:
        async with resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            case.status = CaseStatus.APPROVED
            return (await grants.approve(unit, case, SMALL, "system")).status

    outcome = await asyncio.gather(*(approve(case_id) for case_id in cases))
    assert sorted(outcome) == [G.RESERVED, G.WAITING, G.WAITING, G.WAITING]
    assert await desk.books() == (0, SMALL, 0)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_people_and_treasurers_at_once_do_not_stop_each_other(desk: Desk) -> None:
    """Paying, withdrawing, filling the fund and approving side by side: nobody waits in a ring, the books hold."""
    owners = [f"Person {number}" for number in range(4)]
    held = {owner: await desk.queued(owner) for owner in owners}
    fresh = [await desk.case(f"Newcomer {number}", begin=False) for number in range(4)]
    for payout_id in held.values():
        await desk.do("Till", payout_id, treasury.claim)

    async def withdraw(owner: str) -> None:
        try:
            async with desk.resources.unit() as unit:
                applicant = await desk.actor(unit, owner)
                assert applicant.case is not None
                await submission.withdraw(unit, applicant, applicant.case)
        except MoveRefused:  # it was paid at that moment: they look, and withdraw what they see now
            await withdraw(owner)

    async def approve(case_id: UUID) -> None:
        async with desk.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            case.status = CaseStatus.APPROVED
            await grants.approve(unit, case, SMALL, "system")

    await asyncio.gather(
        *(desk.do("Till", payout_id, pay) for payout_id in held.values()),
        *(withdraw(owner) for owner in owners),
        *(approve(case_id) for case_id in fresh),
        *(desk.add(SMALL) for _ in range(4)),
    )
    assert [(await desk.stands(payout_id))[:2] for payout_id in held.values()] == [(P.PAID, G.PAID)] * 4
    assert await desk.books() == (PLENTY - 4 * SMALL, 4 * SMALL, 4 * SMALL)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_of_confirmations_at_once_one_counts(desk: Desk) -> None:
    """Money entered once is in the books once, however many treasurers confirm it at the same moment."""
    entry = uuid4()
    async with desk.resources.unit() as unit:
        await treasury_funding.enter(unit, await desk.actor(unit, "Till"), entry, SMALL)

    async def confirm(sign: str) -> bool:
        try:
            await desk.do(sign, entry, treasury_funding.confirm)
        except Refused:
            return False
        return True

    assert sum(await asyncio.gather(*(confirm(sign) for sign in ("Till", "Coin", "Purse") * 2))) == 1
    assert await desk.books() == (PLENTY + SMALL, 0, 0)
