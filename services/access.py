"""Who may do what: the one place that decides.

Every service begins by naming the act and asking `require`; what concerns a panel or the actor's own case is
asked here too, per act. A handler never decides. Every (role, act) pair has a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import String, bindparam
from sqlalchemy import select as choose
from sqlmodel import col, select

from models.audit import hold
from models.case import ENDED, Case
from models.emergency import Emergency
from models.errors import NotAllowed, NotOnPanel, OwnCase, Stale, SteppedAside
from models.panel import SEATED, Recusal, Seat, SeatStatus, Vote, round_of
from models.unit import Unit
from models.volunteer import Role, Volunteer, VolunteerRole, VolunteerStatus
from services.contact import Address, To
from vault.types import BlindIndex, IndexName


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever acts: a Telegram account as the fund knows it."""

    chat: BlindIndex
    address: Address
    language: str
    volunteer: Volunteer | None
    roles: frozenset[Role]
    """Confirmed roles of an active or paused volunteer; empty for everybody else."""
    case: Case | None
    """The actor's own case that has not ended, if any."""

    @property
    def name(self) -> str:
        """How the audit log names the actor."""
        if self.volunteer is not None:
            return str(self.volunteer.id)
        return applicant_of(self.case) if self.case else "somebody"

    @property
    def to(self) -> To:
        """The actor's private chat as a recipient."""
        return To(self.address, self.language)


def applicant_of(case: Case) -> str:
    """How the audit log names the person of a case in what they do with it, also when they are a volunteer.

    Nothing else in the log may say which volunteer has asked for help: the log is never erased.
    """
    return f"applicant:{case.id}"


class Act(StrEnum):
    """Every act of a volunteer that needs a right."""

    INVITE = "invite"
    CONFIRM = "confirm"
    SUSPEND = "suspend"
    BIND_GROUP = "bind_group"
    SEE_DESK = "see_desk"
    PROPOSE_EMERGENCY = "propose_emergency"
    GRANT_EMERGENCY = "grant_emergency"
    REVIEW_EMERGENCY = "review_emergency"
    READ = "read"
    READ_WORDS = "read_words"
    """What a person wrote in answer to a follow-up."""
    VOTE = "vote"
    ASK = "ask"
    STEP_ASIDE = "step_aside"
    PAUSE = "pause"
    CLAIM_PAYOUT = "claim_payout"
    CONFIRM_PAYOUT = "confirm_payout"
    DECIDE_DOUBT = "decide_doubt"
    ENTER_MONEY = "enter_money"
    CONFIRM_MONEY = "confirm_money"
    ANSWER_DANGER = "answer_danger"
    DECIDE_MATCH = "decide_match"


RIGHTS: Mapping[Act, frozenset[Role]] = {
    Act.INVITE: frozenset({Role.COORDINATOR}),
    Act.CONFIRM: frozenset({Role.COORDINATOR}),
    Act.SUSPEND: frozenset({Role.COORDINATOR}),
    Act.BIND_GROUP: frozenset({Role.COORDINATOR}),
    Act.SEE_DESK: frozenset({Role.COORDINATOR}),
    Act.PROPOSE_EMERGENCY: frozenset({Role.REVIEWER}),
    Act.GRANT_EMERGENCY: frozenset({Role.COORDINATOR}),
    Act.REVIEW_EMERGENCY: frozenset({Role.REVIEWER}),
    Act.READ: frozenset({Role.REVIEWER}),
    Act.READ_WORDS: frozenset({Role.REVIEWER}),
    Act.VOTE: frozenset({Role.REVIEWER}),
    Act.ASK: frozenset({Role.REVIEWER}),
    Act.STEP_ASIDE: frozenset({Role.REVIEWER}),
    Act.PAUSE: frozenset({Role.REVIEWER, Role.TREASURER, Role.COORDINATOR}),
    Act.CLAIM_PAYOUT: frozenset({Role.TREASURER}),
    Act.CONFIRM_PAYOUT: frozenset({Role.TREASURER}),
    Act.DECIDE_DOUBT: frozenset({Role.TREASURER}),
    Act.ENTER_MONEY: frozenset({Role.TREASURER}),
    Act.CONFIRM_MONEY: frozenset({Role.TREASURER}),
    Act.ANSWER_DANGER: frozenset({Role.COORDINATOR}),
    Act.DECIDE_MATCH: frozenset({Role.TREASURER, Role.COORDINATOR}),
}
"""Which roles give which right. Acts on one's own case as an applicant need none of these."""


async def name_actor(unit: Unit, user: int, language: str | None) -> Actor:
    """Name the actor behind a Telegram account; `language` is what the client says, as an IETF tag."""
    chat = unit.vault.index(IndexName.chat, str(user))
    found: tuple[Volunteer | None, Case | None] = (
        await unit.session.exec(_acting(), params={"in_chat": chat})
    ).one()
    volunteer, case = found
    spoken = case.language if case else volunteer.language if volunteer else unit.texts.choose(language)
    return Actor(chat, Address(user), spoken, volunteer, await roles_of(unit, volunteer), case)


async def refuse_second_case(unit: Unit, actor: Actor) -> None:
    """Raise `Stale` when the actor has a case under way, also one that came to the account a moment ago.

    A new draft and a case that moves here are begun one after the other: each sees the other's commit.
    """
    await hold(unit)
    own = select(Case.id).where(Case.chat == actor.chat, col(Case.status).not_in(ENDED))
    if (await unit.session.exec(own)).first() is not None:
        raise Stale("case.refused.has-case")


@cache
def _acting() -> Any:  # noqa: ANN401 - SQLModel's types know no statement of two rows that may be missing
    """Whoever has this chat, in one row. Built once: each event runs it, and building it takes longer."""
    here = choose(bindparam("in_chat", type_=String).label("chat")).subquery()
    own = (col(Case.chat) == here.c.chat) & col(Case.status).not_in(ENDED)
    return (
        select(Volunteer, Case)
        .select_from(here)
        .outerjoin(Volunteer, col(Volunteer.chat) == here.c.chat)
        .outerjoin(Case, own)
        .order_by(col(Case.created_at).desc())
        .limit(1)
    )


async def roles_of(unit: Unit, volunteer: Volunteer | None) -> frozenset[Role]:
    """The confirmed roles of a volunteer whose access stands and whose re-confirmation is not overdue."""
    if volunteer is None or volunteer.status not in {VolunteerStatus.ACTIVE, VolunteerStatus.PAUSED}:
        return frozenset()
    if volunteer.reconfirm_at <= unit.now:
        return frozenset()
    held = await unit.session.exec(
        select(VolunteerRole.role).where(
            VolunteerRole.volunteer_id == volunteer.id, col(VolunteerRole.confirmed_at).is_not(None)
        )
    )
    return frozenset(Role(role) for role in held.all())


def require(actor: Actor, act: Act, case: Case | None = None) -> Volunteer:
    """Return the actor as a volunteer who may do this, or raise `NotAllowed` or `OwnCase`."""
    if actor.volunteer is None or not (actor.roles & RIGHTS[act]):
        raise NotAllowed
    if case is not None and case.chat == actor.chat:
        raise OwnCase
    return actor.volunteer


async def require_seat(unit: Unit, actor: Actor, act: Act, case: Case) -> tuple[Volunteer, Seat]:
    """Like `require`, for the acts of a panel. Raises `SteppedAside` and `NotOnPanel` as well."""
    volunteer = require(actor, act, case)
    if await has_stepped_aside(unit, case.id, volunteer.id):
        raise SteppedAside
    seat = (
        await unit.session.exec(
            select(Seat).where(
                Seat.case_id == case.id, Seat.volunteer_id == volunteer.id, col(Seat.status).in_(SEATED)
            )
        )
    ).first()
    if seat is None:
        raise NotOnPanel
    return volunteer, seat


async def require_decider(unit: Unit, actor: Actor, act: Act, case: Case) -> Volunteer:
    """Like `require`, for who decided on the case. Raises `SteppedAside` and `NotOnPanel` as well."""
    volunteer = require(actor, act, case)
    if await has_stepped_aside(unit, case.id, volunteer.id):
        raise SteppedAside
    if volunteer.id not in await deciders(unit, case):
        raise NotOnPanel
    return volunteer


async def deciders(unit: Unit, case: Case) -> frozenset[UUID]:
    """Volunteers whose votes made the decision on a case, and who have not stepped aside since.

    Neither the panel of an earlier round, whose decision fell, nor who sat beside it on probation, nor who had not
    voted on what was decided. Of an emergency, which nobody voted on, it is the panel that looks at it afterwards.
    """
    aside = select(Recusal.volunteer_id).where(Recusal.case_id == case.id)
    sat = (
        select(Seat.volunteer_id)
        .where(Seat.case_id == case.id, Seat.round == round_of(case), Seat.status == SeatStatus.CLOSED)
        .where(col(Seat.counts), col(Seat.volunteer_id).not_in(aside))
    )
    granted = select(Emergency.id).where(Emergency.case_id == case.id, col(Emergency.agreed_at).is_not(None))
    if (await unit.session.exec(granted)).first() is None:
        voted = select(Vote.seat_id).where(Vote.case_id == case.id, Vote.case_version == case.version)
        sat = sat.where(col(Seat.id).in_(voted))  # what was decided on changes no more
    return frozenset((await unit.session.exec(sat)).all())


async def has_stepped_aside(unit: Unit, case_id: UUID, volunteer_id: UUID) -> bool:
    """Whether a volunteer has said that they know the person of a case."""
    found = await unit.session.exec(
        select(Recusal.id).where(Recusal.case_id == case_id, Recusal.volunteer_id == volunteer_id)
    )
    return found.first() is not None
