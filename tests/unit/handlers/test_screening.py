"""`/sanctions` as it is pressed and typed, through aiogram, without a network."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
from aiogram import Bot
from sqlmodel import select

from bot.database import Resources
from handlers import screening
from handlers.edge import build_dispatcher
from models.audit import AuditEntry
from models.mail import Effect, EffectKind
from models.screening import QuestionStatus, ScreeningQuestion
from payments.screening import State, SubjectKind
from tests.unit.handlers.phone import Phone
from tests.unit.payments.screening.house import TYPED, ask, load_both
from tests.unit.services.desk import make_desk


@pytest.fixture
async def phone(resources: Resources, tmp_path: Path) -> AsyncIterator[Phone]:
    """Both lists of today, and a phone for everybody."""
    await load_both(resources, tmp_path)
    desk = await make_desk(resources)
    bot = Bot("1:none")
    yield Phone(desk, build_dispatcher(screening.build_router()), bot, count(100))
    await bot.session.close()


async def test_a_question_is_opened_read_and_decided(phone: Phone) -> None:
    """From the command to the typed reason, which is erased from the chat; then nothing is open."""
    asked = await ask(phone.desk.resources, SubjectKind.PARTNER, TYPED)
    await phone.says("Till", "/sanctions")
    assert "1 question is open; you can decide 1." in await phone.text("Till")
    await phone.presses("Till", "partner · OFAC")
    assert TYPED in await phone.text("Till")
    await phone.presses("Till", "Not the same")
    assert "Why do you think so?" in await phone.text("Till")
    await phone.says("Till", "He was born thirty years later.")
    assert (await phone.text("Till")).startswith("Written down.")
    assert (await ask(phone.desk.resources, SubjectKind.PARTNER, TYPED)).decided
    async with phone.desk.resources.unit() as unit:
        question = await unit.session.get_one(ScreeningQuestion, asked.questions[0])
        assert question.status is QuestionStatus.NOT_SAME
        erased = await unit.session.exec(select(Effect).where(Effect.kind == EffectKind.ERASE))
        assert len(erased.all()) == 2


async def test_decisions_and_their_reasons_can_be_read_later(phone: Phone) -> None:
    """Another who may decide sees what was decided, of whom, and why; each reading is on the record."""
    await phone.says("Coin", "/sanctions")
    await phone.presses("Coin", "What was decided")
    assert "There is none yet." in await phone.text("Coin")
    await ask(phone.desk.resources, SubjectKind.PARTNER, TYPED)
    await phone.says("Till", "/sanctions")
    await phone.presses("Till", "partner")
    await phone.presses("Till", "Not the same")
    await phone.says("Till", "He was born thirty years later.")
    await phone.says("Coin", "/sanctions")
    await phone.presses("Coin", "What was decided")
    text = await phone.text("Coin")
    assert f"partner: {TYPED}" in text
    assert "Listed: KHODORYCHEV Yevgeny Fyodorovich (1)" in text
    assert "Why: He was born thirty years later." in text
    async with phone.desk.resources.unit() as unit:
        acts = (await unit.session.exec(select(AuditEntry.act))).all()
        assert acts.count("screening_question.read") == 2


async def test_the_same_blocks(phone: Phone) -> None:
    """The other button, the other decision."""
    await ask(phone.desk.resources, SubjectKind.PARTNER, TYPED)
    await phone.says("Alpha", "/sanctions")
    await phone.presses("Alpha", "partner")
    await phone.presses("Alpha", "The same")
    await phone.says("Alpha", "Same firm, same address, same director.")
    assert (await ask(phone.desk.resources, SubjectKind.PARTNER, TYPED)).state is State.BLOCKED


async def test_a_short_reason_is_asked_for_again(phone: Phone) -> None:
    """A word is refused, and the next line still counts."""
    await ask(phone.desk.resources, SubjectKind.PARTNER, TYPED)
    await phone.says("Till", "/sanctions")
    await phone.presses("Till", "partner")
    await phone.presses("Till", "Not the same")
    await phone.says("Till", "no")
    assert "10 to 1000 characters" in (await phone.desk.notices("Till"))[-1]
    await phone.says("Till", "Not the same date of birth.")
    assert (await ask(phone.desk.resources, SubjectKind.PARTNER, TYPED)).clear


async def test_strangers_are_refused(phone: Phone) -> None:
    """The command is known to everybody and works for few."""
    phone.desk.people["Stranger"] = 99
    await phone.says("Stranger", "/sanctions")
    assert await phone.desk.said("Stranger", "screen") == []
