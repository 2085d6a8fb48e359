"""After a restore nothing is paid twice: whoever pays is asked to look first. Nobody cut off comes back."""

from collections.abc import Iterable
from uuid import UUID

import pytest
from sqlmodel import SQLModel, select

from bot.database import Resources
from bot.operations import cut_off_again, doubt_payments
from models.case import Case, CaseStatus
from models.grant import Payout, PayoutStatus
from models.unit import Unit
from models.volunteer import Role, Volunteer, VolunteerRole
from payments import grants
from services import recovery, standing, submission, treasury, treasury_screens
from services.contact import read_contact
from services.restoring import CutOff, Doubts
from tests.unit.services.codes import stock
from tests.unit.services.desk import Desk, make_desk
from tests.unit.services.fund import volunteer


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


async def unsure(desk: Desk, payout_id: UUID) -> bool:
    """Whether a payout is to be looked up before it is paid."""
    async with desk.resources.unit() as unit:
        return (await unit.session.get_one(Payout, payout_id)).unsure


async def claim(desk: Desk, payout_id: UUID) -> None:
    """Till takes a payout."""
    async with desk.resources.unit() as unit:
        await treasury.claim(unit, await desk.actor(unit, "Till"), payout_id)


async def test_what_waits_is_marked_and_counted(desk: Desk) -> None:
    """Queued and claimed payouts are unsure, claimed ones wait again, and they are counted."""
    queued, claimed = await desk.queued("Anna"), await desk.queued("Boris")
    await claim(desk, claimed)
    await desk.approved("Vera")
    paid = await desk.paid("Gleb")
    assert await doubt_payments(desk.resources) == Doubts(payouts=2, requests=2)
    assert [await unsure(desk, key) for key in (queued, claimed, paid)] == [True, True, False]
    assert (await desk.stands(claimed))[0] is PayoutStatus.QUEUED
    async with desk.resources.unit() as unit:
        await treasury_screens.show_payout(unit, await desk.actor(unit, "Till"), claimed)
    assert "It may have been paid already" in (await desk.screen("Till"))["text"]


async def test_a_grant_without_a_payout_begins_unsure(desk: Desk) -> None:
    """The next payout of every request that came back is unsure, until a treasurer has looked it up."""
    case_id = await desk.approved("Anna")
    await doubt_payments(desk.resources)
    payout_id = await desk.agreed(case_id, "Anna")
    assert await unsure(desk, payout_id)
    await claim(desk, payout_id)
    async with desk.resources.unit() as unit:
        await treasury.give_back(unit, await desk.actor(unit, "Till"), payout_id)
    assert not await unsure(desk, payout_id)
    async with desk.resources.unit() as unit:
        assert not (await unit.session.get_one(Case, case_id)).restored


@pytest.mark.parametrize("codes", [0, 2])
async def test_treasurers_hear_of_every_restore(desk: Desk, codes: int) -> None:
    """Also when nothing waits for money: what they have paid since, they alone know. Codes are named, if any."""
    if codes:
        await stock(desk, codes)
    assert await doubt_payments(desk.resources) == Doubts(payouts=0, requests=0, codes=codes)
    assert await doubt_payments(desk.resources) == Doubts(payouts=0, requests=0, codes=codes)
    for sign in ("Till", "Coin", "Purse"):
        told = (await desk.notices(sign))[-1]
        assert "put back from a backup" in told
        assert ("Codes" in told) == bool(codes)


async def test_a_request_not_decided_yet_is_marked_too(desk: Desk) -> None:
    """It may have been approved and paid after the backup: its payout begins unsure as well."""
    case_id = await desk.case("Anna", begin=False)
    await doubt_payments(desk.resources)
    async with desk.resources.unit() as unit:
        assert (await unit.session.get_one(Case, case_id)).restored
    later = await desk.case("Boris", begin=False)
    async with desk.resources.unit() as unit:
        assert not (await unit.session.get_one(Case, later)).restored


async def test_a_payout_of_a_withdrawn_request_stays_with_its_holder(desk: Desk) -> None:
    """Whoever held it before the backup alone can tell: it is neither released nor offered to others."""
    case_id = await desk.approved("Anna")
    payout_id = await desk.agreed(case_id, "Anna")
    await claim(desk, payout_id)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        case.status = CaseStatus.WITHDRAWN
        await grants.cancel_for_case(unit, case, "system")
    assert await doubt_payments(desk.resources) == Doubts(payouts=1, requests=0)
    assert (await desk.stands(payout_id))[0] is PayoutStatus.CLAIMED


async def role_rows(unit: Unit, one: Volunteer) -> list[VolunteerRole]:
    """The roles of a volunteer as rows."""
    return list((await unit.session.exec(select(VolunteerRole).where(VolunteerRole.volunteer_id == one.id))).all())


async def take_back(desk: Desk, rows: Iterable[SQLModel]) -> None:
    """Put rows back as a backup from before would bring them."""
    async with desk.resources.unit() as unit:
        for row in rows:
            await unit.session.merge(row)


async def test_whoever_was_cut_off_since_stays_out(desk: Desk) -> None:
    """A suspension outlives the backup from before it; who was let in anew since then stays."""
    async with desk.resources.unit() as unit:
        before = [await volunteer(unit, sign) for sign in ("Till", "Coin")]
        held = [role for one in before for role in await role_rows(unit, one)]
    for one in before:
        async with desk.resources.unit() as unit:
            await standing.suspend(unit, await desk.actor(unit, "Alpha"), one.id)
    await desk.confirmed("Coin", Role.TREASURER)
    await take_back(desk, [*before, *held[:1]])
    assert await cut_off_again(desk.resources) == CutOff(volunteers=1, cases=0)
    assert await cut_off_again(desk.resources) == CutOff(volunteers=0, cases=0)
    async with desk.resources.unit() as unit:
        assert (await desk.actor(unit, "Till")).roles == frozenset()
        assert (await desk.actor(unit, "Coin")).roles == {Role.TREASURER}


async def test_a_seized_phone_does_not_get_its_case_back(desk: Desk) -> None:
    """A case that was moved by its phrase since the backup goes to the new account again, with its messages."""
    case_id = await desk.case("Seized")
    async with desk.resources.unit() as unit:
        before = await unit.session.get_one(Case, case_id)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        case.recovery_hash = "hash"
        moved = await recovery.settle(unit, await desk.actor(unit, "New"), case.code, "hash", matches=True)
        assert moved.case is not None
    await take_back(desk, [before])
    async with desk.resources.unit() as unit:
        assert (await desk.actor(unit, "Seized")).case is not None
    assert await cut_off_again(desk.resources) == CutOff(volunteers=0, cases=1)
    assert await cut_off_again(desk.resources) == CutOff(volunteers=0, cases=0)
    async with desk.resources.unit() as unit:
        assert (await desk.actor(unit, "Seized")).case is None
        mine = (await desk.actor(unit, "New")).case
        assert mine is not None
        assert (await read_contact(unit, mine)).address == desk.people["New"]


async def test_an_ended_case_is_not_left_on_a_seized_phone_either(desk: Desk) -> None:
    """It had moved with the one that was open, and goes again, so that its person can erase it."""
    ended = await desk.case("Seized", begin=False)
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, "Seized")
        await submission.withdraw(unit, actor, await unit.session.get_one(Case, ended))
    async with desk.resources.unit() as unit:
        before = await unit.session.get_one(Case, ended)
    opened = await desk.case("Seized", begin=False)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, opened)
        case.recovery_hash = "hash"
        await recovery.settle(unit, await desk.actor(unit, "New"), case.code, "hash", matches=True)
    await take_back(desk, [before])
    assert await cut_off_again(desk.resources) == CutOff(volunteers=0, cases=1)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, ended)
        assert (await read_contact(unit, case)).address == desk.people["New"]
