"""News for applicants obeys their safe-contact profile."""

from datetime import UTC, datetime

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case
from models.panel import News
from services import news
from services.contact import Address, SafeContact, write_contact
from tests.unit.services.fund import Fund, shows


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund without anybody."""
    return Fund(resources)


async def told(fund: Fund, contact: SafeContact) -> tuple[int, int]:
    """How many notices go out at once, and how much news waits."""
    case_id = await fund.case(begin=False)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await write_contact(unit, case, contact)
        await news.tell(unit, case, "review.outcome")
        await news.tell(unit, case, "review.outcome")
        waiting = (await unit.session.exec(select(News))).all()
        return len(await shows(unit, "notice:")), len(waiting)


def closed_now() -> SafeContact:
    """A profile whose hours are twelve hours away."""
    hour = (datetime.now(UTC).hour + 12) % 24
    return SafeContact(Address(1), "UTC", hour, (hour + 2) % 24)


async def test_news_within_the_hours_goes_at_once(fund: Fund) -> None:
    """Two that come together are one line."""
    assert await told(fund, SafeContact(Address(1), "UTC", 0, 0)) == (1, 0)


async def test_news_outside_the_hours_waits(fund: Fund) -> None:
    """Once, and goes when they come."""
    assert await told(fund, closed_now()) == (0, 1)
    await fund.run(news.JOBS)
    async with fund.resources.unit() as unit:
        assert await shows(unit, "notice:") == []
    fund.later(hours=13)
    await fund.run(news.JOBS)
    await fund.run(news.JOBS)
    async with fund.resources.unit() as unit:
        assert len(await shows(unit, "notice:")) == 1
        assert (await unit.session.exec(select(News))).all() == []


async def test_who_must_not_be_written_to_is_not(fund: Fund) -> None:
    """They find the news when they open their case."""
    assert await told(fund, SafeContact(Address(1), may_write=False)) == (0, 0)


async def test_news_that_is_none_any_more_is_dropped(fund: Fund) -> None:
    """An answered question needs no reminder."""
    assert await told(fund, closed_now()) == (0, 1)
    async with fund.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        await news.drop(unit, case, "relay.open")
        assert len((await unit.session.exec(select(News))).all()) == 1
        await news.drop(unit, case)
        assert (await unit.session.exec(select(News))).all() == []
