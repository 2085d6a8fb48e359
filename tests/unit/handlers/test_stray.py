"""What no conversation asked for, through aiogram, without a network."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
from aiogram import Bot

from bot.database import Resources
from handlers import case, stray
from handlers.edge import build_dispatcher
from models.case import Case
from services.contact import To
from services.screens import phrase_screen
from services.speak import NOTICE, show
from tests.unit.handlers.phone import Phone
from tests.unit.services.desk import Desk, make_desk

WORDS = "one two three four five six"


@pytest.fixture
async def phone(resources: Resources) -> AsyncIterator[Phone]:
    """A case under review, and a phone for its person."""
    desk = await make_desk(resources)
    await desk.case(begin=False)
    bot = Bot("1:none")
    yield Phone(desk, build_dispatcher(case.build_router(), stray.build_router()), bot, count(100))
    await bot.session.close()


async def lines(desk: Desk) -> list[str]:
    """What stands below the screen."""
    return [payload["text"] for payload in await desk.said("Applicant", NOTICE)]


async def test_the_recovery_phrase_stays_until_it_is_written_down(phone: Phone) -> None:
    """Whoever types on the page of the six words keeps them, hears what to do, and is asked for a check phrase."""
    async with phone.desk.resources.unit() as unit:
        actor = await phone.desk.actor(unit, "Applicant")
        assert isinstance(actor.case, Case)
        to = To(actor.address, "en")
        await show(unit, to, phrase_screen(unit, to, actor.case, WORDS), case=actor.case)
    for _ in range(2):
        await phone.says("Applicant", "ok")
    assert WORDS in await phone.text("Applicant")
    assert await lines(phone.desk) == [
        "Please write down the six words first, then press the button below them. They are shown only once."
    ]
    await phone.presses("Applicant", "I have written")
    assert "check phrase" in await phone.text("Applicant")
    assert await lines(phone.desk) == []


async def test_elsewhere_stray_words_lead_home(phone: Phone) -> None:
    """Once the words are gone from the screen nothing is said of them any more."""
    await phone.says("Applicant", "hello")
    assert WORDS not in await phone.text("Applicant")
    assert await lines(phone.desk) == []
