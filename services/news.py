"""Telling an applicant that there is news: a neutral line with a button, when their profile lets it arrive.

The line never says what the news is, and is the same for every kind; the button opens the screen that does. Who
asked not to be written to finds it there when they open their case.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col, delete, select

from models.case import ENDED, Case
from models.panel import News
from models.policy import Policy
from models.unit import Unit
from services.contact import SafeContact, To, read_contact
from services.jobs import Job
from services.speak import Button, Screen, notify

HOME_ZONE = "Europe/Moscow"
"""For who named no zone: most of those who ask live by it or east of it, where it is never earlier."""


def next_moment(now: datetime, contact: SafeContact, policy: Policy) -> datetime:
    """The first moment from `now` on at which a message may arrive, in UTC."""
    start = policy.followups.quiet_to if contact.from_hour is None else contact.from_hour
    end = policy.followups.quiet_from if contact.to_hour is None else contact.to_hour
    local = now.astimezone(ZoneInfo(contact.zone or HOME_ZONE))
    inside = start <= local.hour < end if start < end else local.hour >= start or local.hour < end
    if inside or start == end:
        return now
    opening = local.replace(hour=start, minute=0, second=0, microsecond=0)
    if opening <= local:
        opening += timedelta(days=1)
    return opening.astimezone(UTC)


async def tell(unit: Unit, case: Case, act: str) -> None:
    """Tell the applicant that there is news behind the button `act`: now, later or, if they asked so, never."""
    await drop(unit, case, act)
    contact = await read_contact(unit, case)
    if not contact.may_write or case.status in ENDED:
        return
    due = next_moment(unit.now, contact, unit.policy)
    if due <= unit.now:
        await _say(unit, case, contact, act)
    else:
        unit.session.add(News(case_id=case.id, act=act, due_at=due))
        await unit.session.flush()


async def drop(unit: Unit, case: Case, act: str | None = None) -> None:
    """Forget news that is no longer any; all of a case when no act is named."""
    statement = delete(News).where(col(News.case_id) == case.id)
    await unit.session.exec(statement if act is None else statement.where(col(News.act) == act))


async def _say(unit: Unit, case: Case, contact: SafeContact, act: str) -> None:
    to = To(contact.address, case.language)
    button = Button(unit.texts.render("review.news-open", to.language), act)
    screen = Screen(unit.texts.render("review.news", to.language), [[button]])
    await notify(unit, to, screen, case=case)


async def _find_due(unit: Unit) -> Sequence[UUID]:
    return (await unit.session.exec(select(News.id).where(News.due_at <= unit.now))).all()


async def _handle_due(unit: Unit, news_id: UUID) -> None:
    news = await unit.session.get(News, news_id)
    case = await unit.session.get(Case, news.case_id) if news else None
    if news is not None and case is not None and news.due_at <= unit.now:
        await tell(unit, case, news.act)


JOBS: tuple[Job, ...] = (Job("news.tell", timedelta(minutes=1), _find_due, _handle_due),)
