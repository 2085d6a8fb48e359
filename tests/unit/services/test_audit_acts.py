"""Whatever anybody does leaves its entry in the log, and the log shows when any of these entries is touched."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import UpdateBase, delete, func, update
from sqlmodel import col, select

from bot.database import Resources
from models.audit import AuditEntry
from models.case import Case, FileStatus, Urgency
from models.doubt import Found, Ground
from models.followup import FollowUp, FollowUpKind, FollowUpStatus, Outcome
from models.grant import Payout, ReturnReason
from models.unit import Unit
from models.volunteer import Role, VolunteerRole
from payments.screening import SubjectKind
from services import (
    attachments,
    checkphrase,
    danger,
    desk,
    emergency,
    erasure,
    followup_answers,
    followup_words,
    group,
    intake,
    reading,
    recovery,
    relay,
    review,
    screening,
    standing,
    submission,
    treasury,
    treasury_doubts,
    treasury_funding,
    treasury_returns,
    volunteers,
    voting,
)
from services.access import Act, Actor
from services.audit import AuditFault, checkpoint, verify
from services.contact import Address
from services.reasons import Declining, Reason
from tests.unit.payments.screening.house import TYPED, ask, load_both
from tests.unit.services.asker import ANSWERS
from tests.unit.services.desk import Desk, make_desk
from tests.unit.services.fund import volunteer, wrote

Ready = Callable[[Desk], Awaitable[tuple[str, UUID]]]
Do = Callable[[Unit, Actor, UUID], Awaitable[object]]

NOTHING = UUID(int=0)


@dataclass(frozen=True)
class Deed:
    """What makes an act possible (it tells who may do it, and on what), how it is done, and what it leaves."""

    leaves: str
    ready: Ready
    do: Do


async def alpha(_: Desk) -> tuple[str, UUID]:
    """A coordinator, who needs nothing."""
    return "Alpha", NOTHING


async def till(_: Desk) -> tuple[str, UUID]:
    """A treasurer, who needs nothing."""
    return "Till", NOTHING


async def in_review(fund: Desk) -> tuple[str, UUID]:
    """A case with its panel: one of them."""
    case_id = await fund.case(f"Person {uuid4()}")
    return (await fund.panel(case_id))[0], case_id


async def urgent(fund: Desk) -> tuple[str, UUID]:
    """A case in which help is needed today: one of its panel."""
    case_id = await fund.case(f"Person {uuid4()}", urgency=Urgency.TODAY)
    return (await fund.panel(case_id))[0], case_id


async def proposed(fund: Desk) -> tuple[str, UUID]:
    """An emergency that waits for a coordinator."""
    sign, case_id = await urgent(fund)
    await do(fund, sign, case_id, PLAYED[Act.PROPOSE_EMERGENCY].do)
    return "Alpha", case_id


async def hasty(fund: Desk) -> tuple[str, UUID]:
    """An emergency grant: one of those who look at it afterwards."""
    _, case_id = await proposed(fund)
    other = (await fund.panel(case_id))[1]
    await do(fund, "Alpha", case_id, PLAYED[Act.GRANT_EMERGENCY].do)
    return other, case_id


async def written(fund: Desk) -> tuple[str, UUID]:
    """What a person wrote after the decision: one of those who decided."""
    owner = f"Person {uuid4()}"
    case_id = await fund.case(owner)
    sign = (await fund.panel(case_id))[0]
    await fund.approved_by(case_id)
    return sign, await wrote(fund, case_id, "All well.", owner=owner)


async def asked_in(fund: Desk) -> tuple[str, UUID]:
    """Somebody who waits for a coordinator's confirmation."""
    async with fund.resources.unit() as unit:
        token = await volunteers.invite(unit, Role.REVIEWER, await fund.actor(unit, "Alpha"))
        await volunteers.accept(unit, await fund.actor(unit, "Guest"), token, "Guest")
        guest = await volunteer(unit, "Guest")
        role = await unit.session.exec(select(VolunteerRole.id).where(VolunteerRole.volunteer_id == guest.id))
        return "Beta", role.one()


async def newcomer(fund: Desk) -> tuple[str, UUID]:
    """A reviewer whose access is to end."""
    await fund.reviewers("Leaver")
    async with fund.resources.unit() as unit:
        return "Alpha", (await volunteer(unit, "Leaver")).id


async def queued(fund: Desk) -> tuple[str, UUID]:
    """A payout in the queue."""
    return "Till", await fund.queued(f"Person {uuid4()}")


async def sent(fund: Desk) -> tuple[str, UUID]:
    """A payout that Till says is paid and that needs a second treasurer."""
    payout_id = await fund.queued(f"Person {uuid4()}", amount=fund.resources.policy.largest)
    async with fund.resources.unit() as unit:
        holder = await fund.actor(unit, "Till")
        await treasury.claim(unit, holder, payout_id)
        await treasury.pay(unit, holder, payout_id, "R-1")
    return "Coin", payout_id


async def unsure(fund: Desk) -> tuple[str, UUID]:
    """A payout of which nobody knows whether it was paid."""
    _, payout_id = await queued(fund)
    async with fund.resources.unit() as unit:
        (await unit.session.get_one(Payout, payout_id)).unsure = True
    return "Till", payout_id


async def entered(fund: Desk) -> tuple[str, UUID]:
    """Money that Till has entered."""
    key = uuid4()
    await do(fund, "Till", key, PLAYED[Act.ENTER_MONEY].do)
    return "Coin", key


async def called(fund: Desk) -> tuple[str, UUID]:
    """Somebody in danger has called."""
    case_id = await fund.approved(f"Person {uuid4()}")
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await danger.call(unit, case)
        call = await danger.open_call(unit, case)
        assert call is not None
        return "Alpha", call.id


async def doubtful(fund: Desk) -> tuple[str, UUID]:
    """A possible match with a list."""
    return "Alpha", (await ask(fund.resources, SubjectKind.PARTNER, TYPED)).questions[0]


async def somebody(_: Desk) -> tuple[str, UUID]:
    """Who has asked for nothing yet."""
    return f"Person {uuid4()}", NOTHING


async def one_more_file(unit: Unit, actor: Actor, case: Case) -> None:
    """A file comes, and is rebuilt."""
    await attachments.request_file(unit, actor, case, "a file", 100)
    (row,) = [file for file in await attachments.files_of(unit, case) if file.status is FileStatus.WAITING]
    await attachments.add_pages(unit, row.id, [b"page"])


async def draft(fund: Desk) -> tuple[str, UUID]:
    """A draft with every question answered, and a file."""
    owner = f"Person {uuid4()}"
    async with fund.resources.unit() as unit:
        person = await fund.actor(unit, owner)
        case = await intake.begin(unit, person)
        for key, value in ANSWERS.items():
            await submission.give_answer(unit, replace(person, case=case), case, key, value)
        await attachments.request_file(unit, replace(person, case=case), case, "a file", 100)
        (row,) = await attachments.files_of(unit, case)
        await attachments.add_pages(unit, row.id, [b"page", b"page"])
        return owner, case.id


async def own(fund: Desk) -> tuple[str, UUID]:
    """A case that its person may still change."""
    owner, case_id = await draft(fund)
    await do(fund, owner, case_id, on_case(submission.submit))
    return owner, case_id


async def questioned(fund: Desk) -> tuple[str, UUID]:
    """A case whose panel has asked something."""
    owner, case_id = await own(fund)
    await do(fund, (await fund.panel(case_id))[0], case_id, PLAYED[Act.ASK].do)
    return owner, case_id


async def declined(fund: Desk) -> tuple[str, UUID]:
    """A case that was declined."""
    owner, case_id = await own(fund)
    for sign in (await fund.panel(case_id))[:2]:
        await do(fund, sign, case_id, on_case(decline))
    return owner, case_id


async def decline(unit: Unit, actor: Actor, case: Case) -> None:
    """A vote against."""
    await voting.decline(unit, actor, case, Declining(Reason.UNCLEAR))


async def answered(fund: Desk) -> tuple[str, UUID]:
    """A follow-up that was answered in words."""
    owner, case_id = await own(fund)
    await fund.approved_by(case_id)
    return owner, await wrote(fund, case_id, "All well.", owner=owner)


async def granted(fund: Desk) -> tuple[str, UUID]:
    """An approved case."""
    owner = f"Person {uuid4()}"
    return owner, await fund.approved(owner)


async def claimed(fund: Desk) -> tuple[str, UUID]:
    """A payout that Till holds."""
    sign, payout_id = await queued(fund)
    await do(fund, sign, payout_id, treasury.claim)
    return sign, payout_id


async def paid(fund: Desk) -> tuple[str, UUID]:
    """A small payout that Till paid."""
    return "Coin", await fund.paid(f"Person {uuid4()}")


async def returning(fund: Desk) -> tuple[str, UUID]:
    """A large payout of which Till says that it came back."""
    payout_id = await fund.paid(f"Person {uuid4()}", fund.resources.policy.largest)
    await do(fund, "Till", payout_id, come_back)
    return "Coin", payout_id


async def come_back(unit: Unit, actor: Actor, key: UUID) -> None:
    """The money came back."""
    await treasury_returns.came_back(unit, actor, key, ReturnReason.OTHER)


async def invited(fund: Desk) -> tuple[str, UUID]:
    """Somebody who has a link."""
    async with fund.resources.unit() as unit:
        TOKENS[key := uuid4()] = await volunteers.invite(unit, Role.REVIEWER, await fund.actor(unit, "Alpha"))
    return "Okapi", key


TOKENS: dict[UUID, str] = {}
"""What stands in links, by the key of the deed."""


async def accept(unit: Unit, actor: Actor, key: UUID) -> None:
    """Follow the link."""
    await volunteers.accept(unit, actor, TOKENS[key], "Okapi")


async def asked_in_too(fund: Desk) -> tuple[str, UUID]:
    """Somebody else who waits for a coordinator's confirmation."""
    async with fund.resources.unit() as unit:
        token = await volunteers.invite(unit, Role.TREASURER, await fund.actor(unit, "Alpha"))
        return "Beta", (await volunteers.accept(unit, await fund.actor(unit, "Gibbon"), token, "Gibbon")).id


async def somebody_known(fund: Desk) -> tuple[str, UUID]:
    """A volunteer, for a coordinator who is another."""
    async with fund.resources.unit() as unit:
        return "Alpha", (await volunteer(unit, "Heron")).id


async def taken(fund: Desk) -> tuple[str, UUID]:
    """A call that Alpha has taken."""
    sign, key = await called(fund)
    await do(fund, sign, key, danger.take)
    return sign, key


async def in_danger(fund: Desk) -> tuple[str, UUID]:
    """A call of somebody's own."""
    owner = f"Person {uuid4()}"
    case_id = await fund.approved(owner)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await danger.call(unit, case)
        call = await danger.open_call(unit, case)
        assert call is not None
        return owner, call.id


async def agreed(fund: Desk) -> tuple[str, UUID]:
    """An approved case whose person has said how the money is to reach them."""
    owner, case_id = await granted(fund)
    await fund.agreed(case_id, owner)
    return owner, case_id


async def asked_after(fund: Desk) -> tuple[str, UUID]:
    """A question after a payment, not answered yet."""
    owner = f"Person {uuid4()}"
    case_id = await fund.case(owner)
    async with fund.resources.unit() as unit:
        row = FollowUp(case_id=case_id, kind=FollowUpKind.MONTH, status=FollowUpStatus.ASKED, due_at=unit.now)
        unit.session.add(row)
        return owner, row.id


async def another_account(fund: Desk) -> tuple[str, UUID]:
    """A case whose person has begun anew on another account."""
    _, case_id = await own(fund)
    return f"Person {uuid4()}", case_id


async def recover(unit: Unit, actor: Actor, case: Case) -> None:
    """Code and phrase are right."""
    case.recovery_hash = "hashed"
    await recovery.settle(unit, actor, case.code, "hashed", matches=True)


async def new_phrase(unit: Unit, actor: Actor, case: Case) -> None:
    """A new recovery phrase is ordered, and made."""
    await submission.order_phrase(unit, actor, case)
    await submission.set_phrase(unit, case.id, "hashed")


def on_case(deed: Callable[[Unit, Actor, Case], Awaitable[object]]) -> Do:
    """A deed on a case by its id."""

    async def acted(unit: Unit, actor: Actor, key: UUID) -> None:
        await deed(unit, actor, await unit.session.get_one(Case, key))

    return acted


PLAYED: Mapping[Act, Deed] = {
    Act.INVITE: Deed(
        "invitation.made", alpha, lambda unit, actor, _: volunteers.invite(unit, Role.REVIEWER, actor)
    ),
    Act.CONFIRM: Deed("volunteer_role.confirmed", asked_in, volunteers.confirm),
    Act.SUSPEND: Deed("volunteer.suspended", newcomer, standing.suspend),
    Act.BIND_GROUP: Deed("group.bind", alpha, lambda unit, actor, _: group.bind(unit, actor, Address(-1002))),
    Act.SEE_DESK: Deed("desk.read", alpha, lambda unit, actor, _: desk.read_desk(unit, actor)),
    Act.PROPOSE_EMERGENCY: Deed("emergency.proposed", urgent, on_case(emergency.propose)),
    Act.GRANT_EMERGENCY: Deed("emergency.granted", proposed, on_case(emergency.agree)),
    Act.REVIEW_EMERGENCY: Deed(
        "emergency.verdict",
        hasty,
        on_case(lambda unit, actor, case: emergency.give_verdict(unit, actor, case, agreed=True)),
    ),
    Act.READ: Deed("case.read", in_review, on_case(lambda unit, actor, case: reading.read(unit, actor, case, 0))),
    Act.READ_WORDS: Deed("follow_up.read", written, followup_words.read),
    Act.VOTE: Deed("vote.cast", in_review, on_case(voting.approve)),
    Act.ASK: Deed(
        "question.asked", in_review, on_case(lambda unit, actor, case: relay.ask(unit, actor, case, "Why?"))
    ),
    Act.STEP_ASIDE: Deed("seat.stepped_aside", in_review, on_case(voting.step_aside)),
    Act.PAUSE: Deed("volunteer.paused", till, lambda unit, actor, _: standing.pause(unit, actor)),
    Act.CLAIM_PAYOUT: Deed("payout.claimed", queued, treasury.claim),
    Act.CONFIRM_PAYOUT: Deed("payout.paid", sent, treasury.confirm),
    Act.ENTER_MONEY: Deed(
        "funding.pending", till, lambda unit, actor, key: treasury_funding.enter(unit, actor, key, 100_000)
    ),
    Act.CONFIRM_MONEY: Deed("funding.confirmed", entered, treasury_funding.confirm),
    Act.ANSWER_DANGER: Deed("danger.taken", called, danger.take),
    Act.DECIDE_MATCH: Deed(
        "screening_question.not_same",
        doubtful,
        lambda unit, actor, key: screening.decide(unit, actor, key, "Born in another year.", same=False),
    ),
    Act.DECIDE_DOUBT: Deed(
        "payout.doubt_said",
        unsure,
        lambda unit, actor, key: treasury_doubts.say(unit, actor, key, Found.NEVER, Ground.PROVIDER),
    ),
}
"""Every act that needs a right, done by whom it is the right of."""

PERSONS: tuple[Deed, ...] = (
    Deed("intake.begin", somebody, lambda unit, actor, _: intake.begin(unit, actor)),
    Deed("fund_case.submitted", draft, on_case(submission.submit)),
    Deed(
        "case.corrected",
        own,
        on_case(lambda unit, actor, case: submission.give_answer(unit, actor, case, "need", "a coat")),
    ),
    Deed("case.corrected", own, on_case(lambda unit, actor, case: submission.add(unit, actor, case, "And more."))),
    Deed("attachment.added", own, on_case(one_more_file)),
    Deed(
        "case.check_phrase",
        own,
        on_case(lambda unit, actor, case: checkphrase.choose_check_phrase(unit, actor, case, "blue tea")),
    ),
    Deed(
        "question.answered",
        questioned,
        on_case(lambda unit, actor, case: relay.answer_question(unit, actor, case, "So.")),
    ),
    Deed("fund_case.appealed", declined, lambda unit, actor, _: review.appeal(unit, actor)),
    Deed("fund_case.paying", granted, on_case(treasury.agree)),
    Deed("fund_case.withdrawn", own, on_case(submission.withdraw)),
    Deed(
        "follow_up.told",
        answered,
        lambda unit, actor, key: followup_answers.tell(unit, actor, key, "And one thing more."),
    ),
    Deed("danger.called", answered, followup_answers.call_for_help),
    Deed("case.erased", own, lambda unit, actor, _: erasure.erase(unit, actor)),
)
"""What a person does with their request, once it is begun: a draft is on record as a whole (decision 16)."""

FURTHER: tuple[Deed, ...] = (
    Deed("roster.read", alpha, lambda unit, actor, _: standing.roster(unit, actor)),
    Deed("volunteer.read", somebody_known, standing.person),
    Deed("volunteer.reconfirmed", somebody_known, standing.reconfirm),
    Deed("invitation.used", invited, accept),
    Deed("volunteer_role.declined", asked_in_too, volunteers.decline),
    Deed("vote.cast", in_review, on_case(decline)),
    Deed("volunteer.paused", till, lambda unit, actor, _: standing.pause(unit, actor)),
    Deed("volunteer.active", till, lambda unit, actor, _: standing.resume(unit, actor)),
    Deed("payout.destination_read", claimed, treasury.read_destination),
    Deed("payout.queued", claimed, treasury.give_back),
    Deed("payout.paid", claimed, lambda unit, actor, key: treasury.pay(unit, actor, key, "R-1")),
    Deed("payout.rechecked", paid, treasury_returns.recheck),
    Deed("payout.returned", paid, come_back),
    Deed("payout.returned", returning, treasury_returns.confirm_return),
    Deed("payout.paid", returning, treasury_returns.deny_return),
    Deed("funding.refused", entered, treasury_funding.refuse),
    Deed("danger.written", taken, lambda unit, actor, key: danger.write(unit, actor, key, "Where are you?")),
    Deed("danger.closed", taken, danger.close),
)
"""What else volunteers do by these rights."""

PERSONS_FURTHER: tuple[Deed, ...] = (
    Deed("attachment.removed", own, on_case(attachments.remove_files)),
    Deed("case.phrase", own, on_case(new_phrase)),
    Deed("case.moved", another_account, on_case(recover)),
    Deed("case.answer_dropped", granted, on_case(treasury.other_way)),
    Deed("payout.cancelled", agreed, on_case(treasury.take_back)),
    Deed(
        "follow_up.answered",
        asked_after,
        lambda unit, actor, key: followup_answers.answer(unit, actor, key, Outcome.GOOD),
    ),
    Deed("case.silenced", answered, followup_answers.never_again),
    Deed("danger.called", granted, on_case(danger.call_from_case)),
    Deed("danger.replied", in_danger, lambda unit, actor, key: danger.reply(unit, actor, key, "At home.")),
)
"""What else a person does."""


@pytest.fixture
async def fund(resources: Resources, tmp_path: Path) -> Desk:
    """A fund with money, lists, treasurers, a group, and reviewers enough for every panel at once."""
    wide = resources.policy.panel.model_copy(update={"cap": 1000})
    resources.policy = resources.policy.model_copy(update={"panel": wide})
    made = await make_desk(resources, 10_000_000_000)
    await load_both(resources, tmp_path)
    await made.reviewers("Heron", "Otter", "Raven", "Swift", "Fern", "Moss")
    await made.bound()
    return made


async def do(fund: Desk, sign: str, key: UUID, deed: Do) -> list[AuditEntry]:
    """Do it, in a transaction of its own; what it left in the log."""
    async with fund.resources.unit() as unit:
        before = (await unit.session.exec(select(func.count()).select_from(AuditEntry))).one()
        await deed(unit, await fund.actor(unit, sign), key)
    async with fund.resources.unit() as unit:
        found = await unit.session.exec(select(AuditEntry).where(AuditEntry.number > before))
        return list(found.all())


def test_every_act_is_played() -> None:
    """A new right comes with what its use leaves on record."""
    assert set(PLAYED) == set(Act)


async def test_every_act_leaves_its_entry_and_none_can_be_touched(fund: Desk) -> None:
    """Each act is on record under its actor; each such entry is named when it is altered, removed or moved."""
    left: dict[str, int] = {}
    for act, deed in PLAYED.items():
        sign, key = await deed.ready(fund)
        entries = await do(fund, sign, key, deed.do)
        async with fund.resources.unit() as unit:
            name = (await fund.actor(unit, sign)).name
        mine = [entry for entry in entries if entry.actor == name and entry.act == deed.leaves]
        assert len(mine) == 1, (act, [(entry.actor, entry.act) for entry in entries])
        left[deed.leaves] = mine[0].number
    for deed in PERSONS:
        sign, key = await deed.ready(fund)
        entries = await do(fund, sign, key, deed.do)
        mine = [entry for entry in entries if entry.actor.startswith("applicant:") and entry.act == deed.leaves]
        assert len(mine) == 1, (deed.leaves, [(entry.actor, entry.act) for entry in entries])
        left[deed.leaves] = mine[0].number
    await touched(fund, left)


async def test_whatever_else_is_done_leaves_its_entry(fund: Desk) -> None:
    """Not one act of each right alone: whatever is done by it is on record, once, under who did it."""
    for deed in FURTHER:
        sign, key = await deed.ready(fund)
        entries = await do(fund, sign, key, deed.do)
        async with fund.resources.unit() as unit:
            name = (await fund.actor(unit, sign)).name
        mine = [entry for entry in entries if entry.actor == name and entry.act == deed.leaves]
        assert len(mine) == 1, (deed.leaves, [(entry.actor, entry.act) for entry in entries])
    for deed in PERSONS_FURTHER:
        sign, key = await deed.ready(fund)
        entries = await do(fund, sign, key, deed.do)
        mine = [entry for entry in entries if entry.actor.startswith("applicant:") and entry.act == deed.leaves]
        assert len(mine) == 1, (deed.leaves, [(entry.actor, entry.act) for entry in entries])


async def touched(fund: Desk, left: Mapping[str, int]) -> None:
    """Alter, remove and move each of these entries in the database; each time the walk names it."""
    async with fund.resources.unit() as unit:
        await checkpoint(unit)
        assert (await verify(unit)).whole
        for act, number in left.items():
            here = col(AuditEntry.number) == number
            altered = await found(unit, update(AuditEntry).where(here).values(actor="nobody"))
            assert altered[number] is AuditFault.ALTERED, act
            assert (await found(unit, delete(AuditEntry).where(here)))[number] is AuditFault.MISSING, act
            moved = await found(
                unit,
                update(AuditEntry).where(here).values(number=-1),
                update(AuditEntry).where(col(AuditEntry.number) == number + 1).values(number=number),
                update(AuditEntry).where(col(AuditEntry.number) == -1).values(number=number + 1),
            )
            assert moved[number] is AuditFault.ALTERED, act


async def found(unit: Unit, *changes: UpdateBase) -> dict[int, AuditFault]:
    """The first fault that is found at each number after changes of the rows, which are undone again."""
    async with unit.session.begin_nested() as save:
        for change in changes:
            await unit.session.exec(change)
        unit.session.expunge_all()
        findings = (await verify(unit)).findings
        await save.rollback()
    return {finding.number: finding.fault for finding in reversed(findings)}


async def test_a_draft_is_on_record_as_a_whole(fund: Desk) -> None:
    """When each answer was typed is told by nothing that stays; how much was sent is (decision 16)."""
    owner, case_id = await draft(fund)
    async with fund.resources.unit() as unit:
        by = await unit.session.exec(select(AuditEntry.act).where(AuditEntry.actor == f"applicant:{case_id}"))
        assert by.all() == ["intake.begin"]
    (sent_entry, *_) = await do(fund, owner, case_id, on_case(submission.submit))
    facts = json.loads(sent_entry.facts)
    assert (facts["answers"], facts["pages"]) == (10, 2)
