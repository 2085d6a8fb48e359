"""The card of a case in the review group: pseudonymous facts only, never a word that the applicant wrote.

It shows the code, category, urgency, age, amount band, the panel's call signs, how many have voted, and whether it
may be a repeat, never of whom. A bot may delete a message for 48 hours only (Bot API, deleteMessage), so a card is
posted anew before that while the case is open, and taken away some hours after the case has closed.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select

from models.case import OPEN, Case, Urgency
from models.mail import Effect, EffectStatus, SentMessage
from models.panel import round_of
from models.policy import Policy
from models.unit import Unit
from services.contact import group_recipient
from services.group import CARD, open_group
from services.jobs import Job
from services.seats import asked, seated, standing_votes
from services.speak import Button, Life, Screen, clear_slot, show, unfading
from texts.formats import day, money

AFTER_CLOSING = timedelta(hours=6)
"""How long the card of a closed case still stands."""

MARGIN = timedelta(hours=6)
"""A card is posted anew this long before it would be erased."""

VERBS = (("read",), ("approve", "decline"), ("ask", "know"))


def slot_of(case_id: UUID) -> str:
    """The slot of a case's card."""
    return f"{CARD}{case_id}"


def band(policy: Policy, case: Case, language: str) -> str:
    """The amount as the card shows it: up to which tier, never the amount itself."""
    limit = policy.tier(asked(policy, case)).up_to
    return money(limit, policy.currency, language)


async def post(unit: Unit, case: Case, *, anew: bool = False) -> bool:
    """Post or edit the card of an open case; returns False when there is no safe group to post it in."""
    group = await open_group(unit)
    if group is None:
        return False
    to = group_recipient(unit, group)
    rows = [
        [Button(unit.texts.render(f"review.button.{verb}", to.language), f"review.{verb}") for verb in row]
        for row in VERBS
    ]
    life = unfading(unit)
    urgent = case.urgency == Urgency.TODAY
    screen = Screen(await _text(unit, case, to.language), rows)
    await show(
        unit, to, screen, slot=slot_of(case.id), case=case, life=life, anew=anew, urgent=urgent, open_to_all=True
    )
    return True


async def close(unit: Unit, case: Case) -> None:
    """Say on the card that the case is closed, not how; it goes some hours later."""
    group = await open_group(unit)
    if group is None:
        return
    to = group_recipient(unit, group)
    text = unit.texts.render("review.card-closed", to.language, code=case.code)
    await show(unit, to, Screen(text), slot=slot_of(case.id), case=case, life=Life(None, AFTER_CLOSING))


async def remove(unit: Unit, case: Case) -> None:
    """Take the card away at once."""
    group = await open_group(unit)
    if group is not None:
        await clear_slot(unit, group.chat, slot_of(case.id))


def facts(unit: Unit, case: Case, language: str) -> list[str]:
    """What any volunteer may be told of a case beside its code: category, urgency, age."""
    since = day((case.submitted_at or case.created_at).date(), language)
    return [
        unit.texts.render(f"review.category.{case.category}", language),
        unit.texts.render(f"review.urgency.{case.urgency}", language),
        unit.texts.render("review.age", language, day=since),
    ]


async def _text(unit: Unit, case: Case, language: str) -> str:
    panel = await seated(unit, case)
    cast = len(await standing_votes(unit, case))
    render = unit.texts.render
    lines = [
        render("review.card", language, code=case.code),
        *facts(unit, case, language),
        render("review.band", language, band=band(unit.policy, case, language)),
        render("review.panel", language, signs=", ".join(who.call_sign for _, who in panel) or "—"),
        render("review.voted", language, cast=cast, seats=len(panel)),
    ]
    if case.possible_repeat:
        lines.append(render("review.possible-repeat", language))
    if round_of(case) > 1:
        lines.insert(1, render("review.appeal-card", language))
    return "\n".join(lines)


async def _find_due(unit: Unit) -> Sequence[UUID]:
    """Open cases without a card, or whose card would soon be erased."""
    group = await open_group(unit)
    if group is None:
        return []
    ids = (await unit.session.exec(select(Case.id).where(col(Case.status).in_(OPEN)))).all()
    standing = await unit.session.exec(
        select(SentMessage.slot).where(SentMessage.lane == group.chat, SentMessage.erase_at > unit.now + MARGIN)
    )
    pending = await unit.session.exec(
        select(Effect.slot).where(Effect.lane == group.chat, Effect.status == EffectStatus.PENDING)
    )
    fresh = {*standing.all(), *pending.all()}
    return [case_id for case_id in ids if slot_of(case_id) not in fresh]


async def _handle_due(unit: Unit, case_id: UUID) -> None:
    case = await unit.session.get(Case, case_id)
    if case is not None and case.status in OPEN and case_id in await _find_due(unit):
        await post(unit, case, anew=True)


JOBS: tuple[Job, ...] = (Job("review.cards", timedelta(minutes=1), _find_due, _handle_due),)
