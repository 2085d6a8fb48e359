"""A fund with people and cases for the tests of services: made by the services and models themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select

from bot.database import Resources
from models.case import OPEN, Answer, Case, CaseStatus, Category, Urgency
from models.followup import FollowUp, FollowUpKind, FollowUpStatus
from models.mail import Effect, EffectKind, EffectStatus
from models.panel import Seat
from models.unit import Unit
from models.volunteer import Role, Volunteer
from services import followup_answers, group, review, volunteers, voting
from services.access import Actor, name_actor
from services.contact import Address, SafeContact, write_contact
from services.group import GONE
from services.jobs import Job
from vault.seal import Place
from vault.types import CallSign, CaseCode, Compartment, SealedBytes

GROUP = Address(-1001)
SAFE = replace(GONE, present=True, supergroup=True, may_delete=True)
OPERATORS = ("Alpha", "Beta")
SMALL, MIDDLE, LARGE = 1_000_000, 10_000_000, 40_000_000


@dataclass
class Fund:
    """People are Telegram accounts by call sign, numbered from 1."""

    resources: Resources
    people: dict[str, int] = field(default_factory=dict)
    language: str = "en"

    async def actor(self, unit: Unit, sign: str) -> Actor:
        """Whoever has this call sign, or a newcomer under it."""
        number = self.people.setdefault(sign, len(self.people) + 1)
        return await name_actor(unit, number, self.language)

    async def coordinators(self) -> None:
        """Two coordinators, both invited by the operator."""
        async with self.resources.unit() as unit:
            for sign in OPERATORS:
                token = await volunteers.invite(unit, Role.COORDINATOR, None)
                await volunteers.accept(unit, await self.actor(unit, sign), token, sign)

    async def confirmed(self, sign: str, role: Role = Role.REVIEWER) -> None:
        """A volunteer invited by the first coordinator and confirmed by the second."""
        async with self.resources.unit() as unit:
            token = await volunteers.invite(unit, role, await self.actor(unit, OPERATORS[0]))
            asked = await volunteers.accept(unit, await self.actor(unit, sign), token, sign)
            await volunteers.confirm(unit, await self.actor(unit, OPERATORS[1]), asked.id)

    async def reviewers(self, *signs: str) -> None:
        """Confirmed reviewers."""
        for sign in signs:
            await self.confirmed(sign)

    async def bound(self) -> None:
        """The review group, bound and found safe."""
        async with self.resources.unit() as unit:
            made = await group.bind(unit, await self.actor(unit, OPERATORS[0]), GROUP)
            await group.checked(unit, made.id, SAFE)

    async def case(
        self, owner: str = "Applicant", *, amount: int = SMALL, urgency: Urgency = Urgency.WEEK, begin: bool = True
    ) -> UUID:
        """A submitted case with a story, its review begun."""
        async with self.resources.unit() as unit:
            number = self.people.setdefault(owner, len(self.people) + 1)
            case = Case(
                code=CaseCode(f"C-{number}-{unit.now.microsecond}"), status=CaseStatus.SUBMITTED,
                language=self.language,
                category=Category.FINE, urgency=urgency, amount=amount, created_at=unit.now,
                submitted_at=unit.now,
            )  # fmt: skip
            await unit.vault.create(case.id)
            await write_contact(unit, case, SafeContact(Address(number), "Europe/Moscow", 0, 0))
            unit.session.add(case)
            await unit.session.flush()
            await _answer(unit, case, "story", "They fined me for a yellow umbrella.", Compartment.story)
            await _answer(unit, case, "payout", "Card 4111 0000", Compartment.payout)
            if begin:
                await review.open_review(unit, case)
            return case.id

    async def approved_by(self, case_id: UUID) -> UUID:
        """The whole panel approves what is asked for, in the order of `seats`, until the case is decided."""
        for sign in await self.panel(case_id):
            async with self.resources.unit() as unit:
                case = await unit.session.get_one(Case, case_id)
                if case.status in OPEN:
                    await voting.approve(unit, await self.actor(unit, sign), case)
        return case_id

    async def panel(self, case_id: UUID) -> list[str]:
        """The call signs of those who hold or held a seat of the present round, in the order of `seats`."""
        async with self.resources.unit() as unit:
            return [v.call_sign for v, seat in await seats(unit, case_id) if seat.status in {"drawn", "voted"}]

    async def run(self, jobs: Sequence[Job]) -> None:
        """One tick of these jobs."""
        for job in jobs:
            async with self.resources.unit() as unit:
                due = await job.find(unit)
            for key in due:
                async with self.resources.unit() as unit:
                    await job.handle(unit, key)

    def later(self, **span: float) -> None:
        """Let time pass."""
        clock = self.resources.clock
        advance = getattr(clock, "advance")  # noqa: B009 - the protocol of the fund has no travelling
        advance(timedelta(**span))


async def seats(unit: Unit, case_id: UUID) -> list[tuple[Volunteer, Seat]]:
    """All seats of a case: those that count before the one on probation, the earliest drawn first."""
    found = await unit.session.exec(
        select(Volunteer, Seat)
        .where(Volunteer.id == Seat.volunteer_id, Seat.case_id == case_id)
        .order_by(col(Seat.counts).desc(), col(Seat.drawn_at), col(Volunteer.call_sign))
    )
    return list(found.all())


async def wrote(fund: Fund, case_id: UUID, text: str, kind: str = "month", owner: str = "Applicant") -> UUID:
    """The person of a case was asked and answers in their own words; returns the follow-up's id."""
    async with fund.resources.unit() as unit:
        row = FollowUp(case_id=case_id, kind=FollowUpKind(kind), status=FollowUpStatus.ASKED, due_at=unit.now)
        unit.session.add(row)
        await unit.session.flush()
        await followup_answers.tell(unit, await fund.actor(unit, owner), row.id, text)
        return row.id


async def status(fund: Fund, case_id: UUID) -> CaseStatus:
    """Where a case stands."""
    async with fund.resources.unit() as unit:
        return (await unit.session.get_one(Case, case_id)).status


async def volunteer(unit: Unit, sign: str) -> Volunteer:
    """The volunteer under a call sign."""
    found = await unit.session.exec(select(Volunteer).where(Volunteer.call_sign == CallSign(sign)))
    return found.one()


async def shows(unit: Unit, slot: str) -> list[Effect]:
    """What is about to be shown in the slots that begin so."""
    found = await unit.session.exec(
        select(Effect).where(Effect.kind == EffectKind.SHOW, Effect.status == EffectStatus.PENDING)
    )
    return [effect for effect in found.all() if (effect.slot or "").startswith(slot)]


async def _answer(unit: Unit, case: Case, question: str, text: str, compartment: Compartment) -> None:
    row = Answer(case_id=case.id, question=question, compartment=compartment, text=SealedBytes(b""))
    row.text = await unit.vault.seal(case.id, compartment, text.encode(), Place("answer", "text", str(row.id)))
    unit.session.add(row)
    await unit.session.flush()
