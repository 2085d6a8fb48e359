"""Telling an applicant that there is news: a neutral line with a button, when their profile lets it arrive.

The line never says what the news is, and is the same for every kind; the button opens the screen that does. One
line of a case stands at a time: later news takes the place of what was not opened. Who asked not to be written to
finds it when they open their case.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, delete, select

from models.case import ENDED, Case
from models.panel import News
from models.unit import Unit
from services.contact import SafeContact, To, read_contact
from services.hours import hours_of
from services.jobs import Job
from services.speak import NOTICE, Button, Screen, show, unfading


async def tell(unit: Unit, case: Case, act: str) -> None:
    """Tell the applicant that there is news behind the button `act`: now, later or, if they asked so, never."""
    await drop(unit, case, act)
    contact = await read_contact(unit, case)
    if not contact.may_write or case.status in ENDED:
        return
    due = hours_of(contact, unit.policy.followups).next(unit.now)
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
    button = Button(unit.texts.render("relay.notice-open", to.language), act)
    screen = Screen(unit.texts.render("relay.notice", to.language), [[button]], neutral=True)
    await show(unit, to, screen, slot=f"{NOTICE}news:{case.id}", case=case, life=unfading(unit), anew=True)


async def _find_due(unit: Unit) -> Sequence[UUID]:
    return (await unit.session.exec(select(News.id).where(News.due_at <= unit.now))).all()


async def _handle_due(unit: Unit, news_id: UUID) -> None:
    news = await unit.session.get(News, news_id)
    case = await unit.session.get(Case, news.case_id) if news else None
    if news is not None and case is not None and news.due_at <= unit.now:
        await tell(unit, case, news.act)


JOBS: tuple[Job, ...] = (Job("news.tell", timedelta(minutes=1), _find_due, _handle_due),)
