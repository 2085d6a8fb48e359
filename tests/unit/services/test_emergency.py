"""Emergencies: two different people grant a small urgent request at once, once, and the panel looks afterwards."""

import asyncio
import json
from uuid import UUID

import pytest
from sqlmodel import col, select

from bot.database import Resources
from models.audit import AuditEntry
from models.case import Case, CaseStatus, Urgency
from models.emergency import Emergency, EmergencyVerdict
from models.errors import ButtonGone, MoveRefused, NotAllowed, OwnCase, Refused, SamePerson, Stale, SteppedAside
from models.grant import Grant
from models.mail import Effect
from models.panel import Recusal
from models.unit import Unit
from models.volunteer import Role
from services import emergency, mine, reading, review, standing, submission, treasury, voting
from services.desk import read_desk
from services.erasure import erase
from services.panel import reading_slot
from services.reasons import Declining, Reason
from services.speak import Screen, clear_notices, effect_place, show
from tests.unit.services.desk import Desk
from tests.unit.services.fund import MIDDLE, SMALL, Fund, seats, shows, status, volunteer

NO = Declining(Reason.UNCLEAR)


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with money, two coordinators, three reviewers, a treasurer and a bound group."""
    desk = Desk(resources)
    await desk.coordinators()
    await desk.reviewers("Heron", "Otter", "Raven")
    await desk.confirmed("Till", Role.TREASURER)
    await desk.bound()
    await desk.add(100_000_000)
    return desk


async def urgent(fund: Fund, owner: str = "Applicant", amount: int = SMALL) -> UUID:
    """A case in which help is needed today."""
    return await fund.case(owner, urgency=Urgency.TODAY, amount=amount)


async def propose(fund: Fund, case_id: UUID, sign: str = "Heron") -> None:
    """A reviewer asks the coordinators."""
    async with fund.resources.unit() as unit:
        await emergency.propose(unit, await fund.actor(unit, sign), await unit.session.get_one(Case, case_id))


async def agree(fund: Fund, case_id: UUID, sign: str = "Alpha") -> int:
    """A coordinator agrees."""
    async with fund.resources.unit() as unit:
        actor = await fund.actor(unit, sign)
        return await emergency.agree(unit, actor, await unit.session.get_one(Case, case_id))


async def judge(fund: Fund, case_id: UUID, sign: str, *, agreed: bool = True) -> None:
    """A member of the panel says afterwards what they think."""
    async with fund.resources.unit() as unit:
        actor = await fund.actor(unit, sign)
        await emergency.give_verdict(unit, actor, await unit.session.get_one(Case, case_id), agreed=agreed)


async def granted(fund: Fund) -> UUID:
    """A case that Heron and Alpha have granted."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    await agree(fund, case_id)
    return case_id


async def read(fund: Fund, case_id: UUID, sign: str) -> str:
    """Read a case's first page."""
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        return (await reading.read(unit, await fund.actor(unit, sign), case, 0)).text


async def told(fund: Fund, sign: str) -> list[str]:
    """The texts of the notices that a person is about to get."""
    async with fund.resources.unit() as unit:
        lane = (await fund.actor(unit, sign)).chat
        found = [effect for effect in await shows(unit, "notice:") if effect.lane == lane]
        return [_text(unit, effect) for effect in found]


def _text(unit: Unit, effect: Effect) -> str:
    assert effect.payload is not None
    return str(json.loads(unit.vault.open_server(effect.payload, effect_place(effect)))["text"])


async def log(fund: Fund) -> list[tuple[str, str]]:
    """Who did what, of emergencies."""
    async with fund.resources.unit() as unit:
        found = await unit.session.exec(
            select(AuditEntry).where(col(AuditEntry.act).startswith("emergency.")).order_by(col(AuditEntry.number))
        )
        names = {
            str((await volunteer(unit, sign)).id): sign for sign in ("Heron", "Otter", "Raven", "Alpha", "Beta")
        }
        return [(names.get(entry.actor, entry.actor), entry.act) for entry in found.all()]


async def test_two_people_grant_at_once(fund: Fund) -> None:
    """The whole small request is granted, the panel is closed, both acts are on record, and payment can begin."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW
    assert await agree(fund, case_id) == SMALL
    assert await status(fund, case_id) == CaseStatus.APPROVED
    assert await fund.panel(case_id) == []
    assert await log(fund) == [("Heron", "emergency.proposed"), ("Alpha", "emergency.granted")]
    async with fund.resources.unit() as unit:
        assert [grant.amount for grant in (await unit.session.exec(select(Grant))).all()] == [SMALL]
        applicant = await fund.actor(unit, "Applicant")
        assert (await review.outcome(unit, applicant)).amount == SMALL
        payout = await treasury.agree(unit, applicant, await unit.session.get_one(Case, case_id))
    async with fund.resources.unit() as unit:
        await treasury.claim(unit, await fund.actor(unit, "Till"), payout.id)


async def test_coordinators_see_the_facts_of_the_card_only(fund: Fund) -> None:
    """The question tells code, category, urgency and band; no word of the story, and not the amount."""
    case_id = await urgent(fund, amount=765_400)
    await propose(fund, case_id)
    for sign in ("Alpha", "Beta"):
        text = (await told(fund, sign))[-1]
        assert "Heron" in text
        assert "Needed today" in text
        assert "umbrella" not in text
        assert "7,654" not in text
    await agree(fund, case_id)
    for sign in ("Alpha", "Beta"):
        assert not any("without waiting" in text for text in await told(fund, sign))


@pytest.mark.parametrize(
    ("urgency", "amount"),
    [(Urgency.WEEK, SMALL), (Urgency.LATER, SMALL), (Urgency.TODAY, SMALL + 1), (Urgency.TODAY, MIDDLE)],
)
async def test_what_is_no_emergency(fund: Fund, urgency: Urgency, amount: int) -> None:
    """What can wait, or is more than the policy's emergency amount, is for the panel."""
    case_id = await fund.case(urgency=urgency, amount=amount)
    with pytest.raises(NotAllowed, match="unfit"):
        await propose(fund, case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        assert not await emergency.may_propose(unit, await fund.actor(unit, "Heron"), case)


async def test_a_possible_repeat_is_no_emergency(fund: Fund) -> None:
    """What needs one approval more is not decided by fewer people."""
    case_id = await urgent(fund)
    async with fund.resources.unit() as unit:
        (await unit.session.get_one(Case, case_id)).possible_repeat = True
    with pytest.raises(NotAllowed, match="unfit"):
        await propose(fund, case_id)


async def test_an_appeal_is_no_emergency(fund: Fund) -> None:
    """Two people never undo what a panel has declined."""
    await fund.reviewers("Swift", "Fern", "Moss")
    case_id = await urgent(fund)
    for sign in (await fund.panel(case_id))[:2]:
        async with fund.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            await voting.decline(unit, await fund.actor(unit, sign), case, NO)
    async with fund.resources.unit() as unit:
        await review.appeal(unit, await fund.actor(unit, "Applicant"))
    with pytest.raises(NotAllowed, match="unfit"):
        await propose(fund, case_id, (await fund.panel(case_id))[0])


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


async def test_nobody_proposes_without_one_to_look_afterwards(fund: Fund) -> None:
    """The look afterwards is no empty promise: another member must sit on the panel."""
    case_id = await urgent(fund)
    for sign in ("Otter", "Raven"):
        async with fund.resources.unit() as unit:
            await voting.step_aside(unit, await fund.actor(unit, sign), await unit.session.get_one(Case, case_id))
    with pytest.raises(NotAllowed, match="nobody"):
        await propose(fund, case_id)


async def test_a_standing_proposal_is_not_made_again(fund: Fund) -> None:
    """Coordinators are asked once; a proposal that has lapsed may be made anew."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    for sign in ("Heron", "Otter"):
        with pytest.raises(Stale, match="proposed"):
            await propose(fund, case_id, sign)
    await changed(fund, case_id)
    with pytest.raises(Stale, match="gone"):
        await agree(fund, case_id)
    await propose(fund, case_id, "Otter")
    assert await agree(fund, case_id) == SMALL


async def changed(fund: Fund, case_id: UUID) -> None:
    """The applicant changes the case."""
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        case.version += 1
        await unit.session.flush()
        await review.case_changed(unit, case)


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


async def test_nothing_to_agree_to(fund: Fund) -> None:
    """A coordinator alone grants nothing."""
    case_id = await urgent(fund)
    with pytest.raises(ButtonGone):
        await agree(fund, case_id)


async def test_the_proposal_falls_with_its_proposer(fund: Fund) -> None:
    """Who has stepped aside or lost access meanwhile has proposed nothing."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    async with fund.resources.unit() as unit:
        await standing.suspend(unit, await fund.actor(unit, "Beta"), (await volunteer(unit, "Heron")).id)
    with pytest.raises(Stale, match="gone"):
        await agree(fund, case_id)


async def test_the_panel_may_be_faster(fund: Fund) -> None:
    """While nobody has agreed the panel goes on, and its decision ends the proposal."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    for sign in ("Otter", "Raven"):
        async with fund.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            await voting.approve(unit, await fund.actor(unit, sign), case, SMALL // 2)
    with pytest.raises(Stale):
        await agree(fund, case_id)
    async with fund.resources.unit() as unit:
        assert [grant.amount for grant in (await unit.session.exec(select(Grant))).all()] == [SMALL // 2]


async def test_a_case_has_one_emergency(fund: Fund) -> None:
    """Granted, returned and open for payment again: nothing is proposed or agreed to a second time."""
    case_id = await granted(fund)
    with pytest.raises(Stale):
        await propose(fund, case_id)
    with pytest.raises(Stale):
        await agree(fund, case_id)


async def test_two_coordinators_at_once_grant_once(fund: Fund) -> None:
    """One agrees, the other finds it done, on every database."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    results = await asyncio.gather(
        agree(fund, case_id, "Alpha"), agree(fund, case_id, "Beta"), return_exceptions=True
    )
    refused = [result for result in results if result != SMALL]
    assert len(refused) == 1
    assert isinstance(refused[0], Stale | MoveRefused)
    async with fund.resources.unit() as unit:
        assert len((await unit.session.exec(select(Grant))).all()) == 1


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


async def test_the_panel_looks_afterwards(fund: Fund) -> None:
    """The others read and say what they think; the coordinators and the log get it, the money stays."""
    case_id = await granted(fund)
    assert "umbrella" in await read(fund, case_id, "Otter")
    await judge(fund, case_id, "Otter")
    assert not any("has looked" in text for text in await told(fund, "Alpha"))
    await judge(fund, case_id, "Raven", agreed=False)
    for sign in ("Alpha", "Beta"):
        text = (await told(fund, sign))[-1]
        assert "Would have granted it: 1. Would not: 1. Said nothing: 0." in text
    assert (await log(fund))[2:] == [
        ("Otter", "emergency.verdict"), ("Raven", "emergency.verdict"), ("system", "emergency.reviewed"),
    ]  # fmt: skip
    assert await status(fund, case_id) == CaseStatus.APPROVED
    async with fund.resources.unit() as unit:
        assert (await unit.session.exec(select(Grant))).one().amount == SMALL


@pytest.mark.parametrize("sign", ["Heron", "Alpha", "Till", "Applicant"])
async def test_who_does_not_look_afterwards(fund: Fund, sign: str) -> None:
    """Who proposed, who agreed and who was not on the panel neither reads nor judges it."""
    case_id = await granted(fund)
    with pytest.raises(Refused):
        await read(fund, case_id, sign)
    with pytest.raises(Refused):
        await judge(fund, case_id, sign)


async def test_a_verdict_is_given_once_and_ends_the_reading(fund: Fund) -> None:
    """What was read goes at once; a second verdict, or another look, is refused."""
    case_id = await granted(fund)
    async with fund.resources.unit() as unit:
        otter = await fund.actor(unit, "Otter")
        case = await unit.session.get_one(Case, case_id)
        await show(unit, otter.to, Screen("umbrella"), slot=reading_slot(case_id), case=case)
    await judge(fund, case_id, "Otter")
    async with fund.resources.unit() as unit:
        assert await shows(unit, reading_slot(case_id)) == []
    with pytest.raises(Stale):
        await judge(fund, case_id, "Otter", agreed=False)
    with pytest.raises(Stale):
        await read(fund, case_id, "Otter")


async def test_silence_is_reported_after_days(fund: Fund) -> None:
    """The look has an end: coordinators learn who did not answer by number, and nobody reads on."""
    case_id = await granted(fund)
    await judge(fund, case_id, "Otter")
    await fund.run(emergency.JOBS)
    assert not any("has looked" in text for text in await told(fund, "Alpha"))
    fund.later(days=emergency.AFTERWARDS.days)
    for _ in range(2):
        await fund.run(emergency.JOBS)
    (text,) = [text for text in await told(fund, "Alpha") if "has looked" in text]
    assert "Said nothing: 1." in text
    with pytest.raises(Stale):
        await read(fund, case_id, "Raven")
    with pytest.raises(Stale):
        await judge(fund, case_id, "Raven")


async def test_a_withdrawn_case_is_looked_at_by_nobody(fund: Fund) -> None:
    """Whoever takes their case back is read by nobody any more."""
    case_id = await granted(fund)
    async with fund.resources.unit() as unit:
        applicant = await fund.actor(unit, "Applicant")
        await submission.withdraw(unit, applicant, await unit.session.get_one(Case, case_id))
    with pytest.raises(Stale):
        await read(fund, case_id, "Otter")
    with pytest.raises(Stale):
        await judge(fund, case_id, "Otter")


async def test_erasing_the_case_erases_its_emergency(fund: Fund) -> None:
    """No row joins the case to those who decided on it; the log, which names no content, stays."""
    await granted(fund)
    async with fund.resources.unit() as unit:
        await erase(unit, await fund.actor(unit, "Applicant"))
    async with fund.resources.unit() as unit:
        for table in (Emergency, EmergencyVerdict):
            assert (await unit.session.exec(select(table))).all() == []
    fund.later(days=emergency.AFTERWARDS.days)
    await fund.run(emergency.JOBS)
    assert not any("has looked" in text for text in await told(fund, "Alpha"))


async def test_votes_on_probation_are_not_compared_with_an_emergency(fund: Fund) -> None:
    """Probation ends by agreeing with panels, and no panel has decided."""
    await fund.reviewers("Swift", "Fern", "Moss", "Novice")
    case_id = await urgent(fund)
    sitting = await fund.panel(case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await voting.approve(unit, await fund.actor(unit, "Novice"), case)
    await propose(fund, case_id, next(sign for sign in sitting if sign != "Novice"))
    await agree(fund, case_id)
    async with fund.resources.unit() as unit:
        assert (await volunteer(unit, "Novice")).probation_left == 5
    with pytest.raises(NotAllowed):
        await judge(fund, case_id, "Novice")


async def test_the_same_two_grant_a_few_a_month(fund: Fund) -> None:
    """A reviewer and a coordinator who collude run out; another coordinator may go on, and they later too."""
    for number in range(emergency.PAIR):
        case_id = await urgent(fund, f"Applicant {number}")
        await propose(fund, case_id)
        await agree(fund, case_id)
    one_more = await urgent(fund, "One more")
    await propose(fund, one_more)
    with pytest.raises(NotAllowed, match=r"emergency\.refused\.pair"):
        await agree(fund, one_more)
    fund.later(days=emergency.PAIR_DAYS.days + 1)
    await agree(fund, one_more)


async def test_another_coordinator_may_agree_instead(fund: Fund) -> None:
    """The limit is of two people together, not of either."""
    for number in range(emergency.PAIR + 1):
        case_id = await urgent(fund, f"Applicant {number}")
        await propose(fund, case_id)
        await agree(fund, case_id, "Alpha" if number < emergency.PAIR else "Beta")


async def test_what_waits_for_a_look_is_in_mine(fund: Fund) -> None:
    """Who was asked finds the case in their overview until they have said what they think."""
    case_id = await granted(fund)
    for given in (False, True):
        async with fund.resources.unit() as unit:
            own = await mine.overview(unit, await fund.actor(unit, "Otter"))
            assert [case.id for case in own.afterwards] == ([] if given else [case_id])
            assert (own.next is None) is given
            assert (await mine.overview(unit, await fund.actor(unit, "Heron"))).afterwards == []
        if not given:
            await judge(fund, case_id, "Otter")


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
