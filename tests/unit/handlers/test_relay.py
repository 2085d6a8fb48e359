"""An answer to the panel's question as it is sent, through aiogram, without a network."""

from collections.abc import AsyncIterator
from itertools import count
from uuid import UUID

import pytest
from aiogram import Bot
from sqlmodel import select

from bot.database import Resources
from handlers import attachments, relay
from handlers.edge import build_dispatcher
from models.case import AttachmentRequest, Case, CaseStatus, Question
from services import relay as questions
from tests.unit.handlers.phone import Phone
from tests.unit.services.desk import Desk


@pytest.fixture
async def phone(resources: Resources) -> AsyncIterator[Phone]:
    """A fund with a panel, and a phone for everybody."""
    desk = Desk(resources)
    await desk.coordinators()
    await desk.reviewers("Heron", "Otter", "Raven", "Swift")
    await desk.bound()
    bot = Bot("1:none")
    yield Phone(desk, build_dispatcher(relay.build_router(), attachments.build_router()), bot, count(100))
    await bot.session.close()


async def asked(phone: Phone) -> UUID:
    """A case whose person has opened the question that waits for them."""
    case_id = await phone.desk.case()
    sign = (await phone.desk.panel(case_id))[0]
    async with phone.desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await questions.ask(unit, await phone.desk.actor(unit, sign), case, "Which court?")
    await phone.opens("Applicant", "relay.open")
    return case_id


async def stands(phone: Phone, case_id: UUID) -> tuple[CaseStatus, int, bool]:
    """The case's status, how many files it was sent, and whether the question has its answer."""
    async with phone.desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        files = (await unit.session.exec(select(AttachmentRequest))).all()
        question = (await unit.session.exec(select(Question))).one()
        return case.status, len(files), question.answer is not None


async def test_a_photo_with_a_caption_answers(phone: Phone) -> None:
    """The caption is the answer, the photo is taken, and so is the rest of its album."""
    case_id = await asked(phone)
    await phone.sends_photo("Applicant", "The court of Omsk.")
    assert await stands(phone, case_id) == (CaseStatus.IN_REVIEW, 1, True)
    assert (await phone.text("Applicant")).startswith("Thank you. Your answer has been passed on.")
    await phone.sends_photo("Applicant")
    assert await stands(phone, case_id) == (CaseStatus.IN_REVIEW, 2, True)


async def test_a_photo_alone_is_taken_and_words_are_asked_for(phone: Phone) -> None:
    """What was sent is not lost and not called empty; the question still waits for words."""
    case_id = await asked(phone)
    await phone.sends_photo("Applicant")
    assert await stands(phone, case_id) == (CaseStatus.NEEDS_ANSWER, 1, False)
    text = await phone.text("Applicant")
    assert text.startswith("Your file has been taken.")
    assert "Which court?" in text
    await phone.says("Applicant", "The court of Omsk.")
    assert await stands(phone, case_id) == (CaseStatus.IN_REVIEW, 1, True)
