"""Who may neither propose nor agree to an emergency, how often two people may, and that they are told so first."""

from uuid import UUID

import pytest

from bot.database import Resources
from models.case import Case, CaseStatus
from models.errors import ButtonGone, NotAllowed, OwnCase, Refused, SamePerson, Stale, SteppedAside
from models.panel import Recusal
from models.volunteer import Role
from services import emergency, erasure, treasury, voting
from services.desk import read_desk
from services.speak import clear_notices
from tests.unit.services.emergencies import agree, log, propose, staffed, told, urgent
from tests.unit.services.fund import SMALL, Fund, seats, status, volunteer


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """Everybody whom an emergency needs."""
    return await staffed(resources)


@pytest.mark.parametrize("sign", ["Alpha", "Till", "Applicant", "Stranger"])
async def test_who_may_not_propose(fund: Fund, sign: str) -> None:
    """Only the panel of the case proposes."""
    case_id = await urgent(fund)
    with pytest.raises(NotAllowed):
        await propose(fund, case_id, sign)


async def test_probation_does_not_propose(fund: Fund) -> None:
    """Whose vote does not count yet decides nothing with one other either."""
    case_id = await urgent(fund)
    async with fund.resources.unit() as unit:
        (seat,) = [seat for who, seat in await seats(unit, case_id) if who.call_sign == "Heron"]
        seat.counts = False
    with pytest.raises(NotAllowed, match="unfit"):
        await propose(fund, case_id)


async def test_nobody_agrees_with_themselves(fund: Fund) -> None:
    """A reviewer who is a coordinator too needs another one."""
    await fund.confirmed("Heron", Role.COORDINATOR)
    case_id = await urgent(fund)
    await propose(fund, case_id)
    with pytest.raises(SamePerson):
        await agree(fund, case_id, "Heron")
    assert await agree(fund, case_id) == SMALL


async def test_a_member_of_the_panel_does_not_agree(fund: Fund) -> None:
    """Who sits on the panel is asked for a vote, and afterwards for a verdict, not for this."""
    await fund.confirmed("Otter", Role.COORDINATOR)
    case_id = await urgent(fund)
    await propose(fund, case_id)
    with pytest.raises(NotAllowed, match="panel"):
        await agree(fund, case_id, "Otter")


@pytest.mark.parametrize("sign", ["Otter", "Till", "Applicant", "Stranger"])
async def test_who_may_not_agree(fund: Fund, sign: str) -> None:
    """Only coordinators agree."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    with pytest.raises(NotAllowed):
        await agree(fund, case_id, sign)
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW


async def test_no_coordinator_agrees_to_their_own_case(fund: Fund) -> None:
    """Nor are they told that somebody has proposed it."""
    case_id = await urgent(fund, "Alpha")
    await propose(fund, case_id)
    assert not any("without waiting" in text for text in await told(fund, "Alpha"))
    with pytest.raises(OwnCase):
        await agree(fund, case_id, "Alpha")


async def test_who_stepped_aside_does_not_agree(fund: Fund) -> None:
    """Who knows the person has no say, and is not asked."""
    case_id = await urgent(fund)
    async with fund.resources.unit() as unit:
        alpha = await volunteer(unit, "Alpha")
        unit.session.add(Recusal(case_id=case_id, volunteer_id=alpha.id, at=unit.now))
    await propose(fund, case_id)
    assert not any("without waiting" in text for text in await told(fund, "Alpha"))
    with pytest.raises(SteppedAside):
        await agree(fund, case_id)


@pytest.mark.parametrize("sign", ["Heron", "Alpha", "Otter"])
async def test_who_decided_never_pays(fund: Fund, sign: str) -> None:
    """Neither who proposed or agreed, nor who had voted, can claim the payout, whatever roles they hold."""
    await fund.confirmed(sign, Role.TREASURER)
    case_id = await urgent(fund)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await voting.approve(unit, await fund.actor(unit, "Otter"), case)
    await propose(fund, case_id)
    await agree(fund, case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        payout = await treasury.agree(unit, await fund.actor(unit, "Applicant"), case)
    async with fund.resources.unit() as unit:
        with pytest.raises(NotAllowed, match="voted"):
            await treasury.claim(unit, await fund.actor(unit, sign), payout.id)


async def test_the_same_two_grant_a_few_a_month(fund: Fund) -> None:
    """A reviewer and a coordinator who collude run out; another coordinator may go on, and they later too."""
    for number in range(emergency.TOGETHER.most):
        case_id = await urgent(fund, f"Applicant {number}")
        await propose(fund, case_id)
        await agree(fund, case_id)
    one_more = await urgent(fund, "One more")
    await propose(fund, one_more)
    with pytest.raises(NotAllowed, match=r"emergency\.refused\.pair"):
        await agree(fund, one_more)
    fund.later(days=emergency.TOGETHER.within.days + 1)
    await agree(fund, one_more)


async def test_erasing_gives_the_same_two_none_back(fund: Fund) -> None:
    """An accomplice who erases after each grant wins nothing, and coordinators hear of what nobody looked at."""
    for number in range(emergency.TOGETHER.most):
        case_id = await urgent(fund, f"Applicant {number}")
        await propose(fund, case_id)
        await agree(fund, case_id)
        async with fund.resources.unit() as unit:
            code = (await unit.session.get_one(Case, case_id)).code
            await erasure.erase(unit, await fund.actor(unit, f"Applicant {number}"))
        assert any(code in text and "erased" in text for text in await told(fund, "Beta"))
    assert [act for _, act in await log(fund)].count("emergency.unreviewed") == emergency.TOGETHER.most
    one_more = await urgent(fund, "One more")
    await propose(fund, one_more)
    with pytest.raises(NotAllowed, match=r"emergency\.refused\.pair"):
        await agree(fund, one_more)


async def test_another_coordinator_may_agree_instead(fund: Fund) -> None:
    """The limit is of two people together, not of either."""
    for number in range(emergency.TOGETHER.most + 1):
        case_id = await urgent(fund, f"Applicant {number}")
        await propose(fund, case_id)
        await agree(fund, case_id, "Alpha" if number < emergency.TOGETHER.most else "Beta")


async def test_a_proposal_waits_on_the_desk_until_it_is_agreed_to(fund: Fund) -> None:
    """The coordinators find it after its notice has gone, with the question behind a button."""
    case_id = await urgent(fund)
    assert await on_desk(fund, "Alpha") == []
    await propose(fund, case_id)
    assert await on_desk(fund, "Alpha") == await on_desk(fund, "Beta") == [case_id]
    async with fund.resources.unit() as unit:
        alpha = await fund.actor(unit, "Alpha")
        await clear_notices(unit, alpha.chat, case_id)
        await emergency.ask_again(unit, alpha, await unit.session.get_one(Case, case_id))
    assert [text for text in await told(fund, "Alpha") if "without waiting" in text]
    await agree(fund, case_id)
    assert await on_desk(fund, "Alpha") == []
    with pytest.raises(Stale):
        await again(fund, case_id, "Alpha")


@pytest.mark.parametrize(
    ("why", "error"),
    [
        ("their own case", OwnCase),
        ("stepped aside", SteppedAside),
        ("changed", Stale),
        ("decided", Stale),
        ("nothing proposed", ButtonGone),
    ],
)
async def test_what_cannot_be_agreed_to_is_not_on_the_desk(fund: Fund, why: str, error: type[Refused]) -> None:
    """Nobody is asked for what they would be refused."""
    case_id = await urgent(fund, "Alpha" if why == "their own case" else "Applicant")
    if why != "nothing proposed":
        await propose(fund, case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        if why == "stepped aside":
            alpha = await volunteer(unit, "Alpha")
            unit.session.add(Recusal(case_id=case_id, volunteer_id=alpha.id, at=unit.now))
        elif why == "changed":
            case.version += 1
    if why == "decided":
        await fund.approved_by(case_id)
    assert await on_desk(fund, "Alpha") == []
    with pytest.raises(error):
        await again(fund, case_id, "Alpha")


async def test_only_a_coordinator_is_asked_again(fund: Fund) -> None:
    """A reviewer or treasurer with a forged button sees no facts of a case."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    for sign in ("Heron", "Till", "Applicant"):
        with pytest.raises(NotAllowed):
            await again(fund, case_id, sign)


async def on_desk(fund: Fund, sign: str) -> list[UUID]:
    """Cases that wait on the desk for a coordinator to agree."""
    async with fund.resources.unit() as unit:
        return [case.id for case in (await read_desk(unit, await fund.actor(unit, sign))).proposed]


async def again(fund: Fund, case_id: UUID, sign: str) -> None:
    """Open a proposal from the desk."""
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await emergency.ask_again(unit, await fund.actor(unit, sign), case)
