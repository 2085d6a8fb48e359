"""What makes each act possible: who may do it, and on what; and deeds that take more than a call."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID, uuid4

from sqlalchemy import func
from sqlmodel import select

from models.audit import AuditEntry
from models.case import Case, FileStatus, Urgency
from models.followup import FollowUp, FollowUpKind, FollowUpStatus
from models.grant import Payout, ReturnReason
from models.unit import Unit
from models.volunteer import Role, VolunteerRole
from payments.screening import SubjectKind
from services import (
    attachments,
    calls,
    danger,
    emergency,
    intake,
    recovery,
    relay,
    submission,
    treasury,
    treasury_funding,
    treasury_returns,
    volunteers,
    voting,
)
from services.access import Actor
from services.reasons import Declining, Reason
from tests.unit.payments.screening.house import TYPED, ask
from tests.unit.services.asker import ANSWERS
from tests.unit.services.desk import Desk
from tests.unit.services.fund import volunteer, wrote

Do = Callable[[Unit, Actor, UUID], Awaitable[object]]

NOTHING = UUID(int=0)


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
    await do(fund, sign, case_id, on_case(emergency.propose))
    return "Alpha", case_id


async def hasty(fund: Desk) -> tuple[str, UUID]:
    """An emergency grant: one of those who look at it afterwards."""
    _, case_id = await proposed(fund)
    other = (await fund.panel(case_id))[1]
    await do(fund, "Alpha", case_id, on_case(emergency.agree))
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
    await do(fund, "Till", key, enter)
    return "Coin", key


async def called(fund: Desk) -> tuple[str, UUID]:
    """Somebody in danger has called."""
    case_id = await fund.approved(f"Person {uuid4()}")
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await danger.call(unit, case)
        call = await calls.open_call(unit, case)
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
    await do(fund, (await fund.panel(case_id))[0], case_id, on_case(ask_why))
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
        call = await calls.open_call(unit, case)
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


async def enter(unit: Unit, actor: Actor, key: UUID) -> None:
    """A treasurer enters a thousand roubles."""
    await treasury_funding.enter(unit, actor, key, 100_000)


async def ask_why(unit: Unit, actor: Actor, case: Case) -> None:
    """A reviewer asks the person."""
    await relay.ask(unit, actor, case, "Why?")


async def do(fund: Desk, sign: str, key: UUID, deed: Do) -> list[AuditEntry]:
    """Do it, in a transaction of its own; what it left in the log."""
    async with fund.resources.unit() as unit:
        before = (await unit.session.exec(select(func.count()).select_from(AuditEntry))).one()
        await deed(unit, await fund.actor(unit, sign), key)
    async with fund.resources.unit() as unit:
        found = await unit.session.exec(select(AuditEntry).where(AuditEntry.number > before))
        return list(found.all())
