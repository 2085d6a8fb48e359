"""A text that has stood its time gives way to the neutral line, and nobody is disturbed by that."""

from datetime import timedelta

import pytest

from models.case import Case, CaseStatus
from sandbox.clock import TravelClock
from sandbox.telegram.client import Person
from services import messages, speak
from services.contact import Address, To
from services.speak import Screen
from tests.unit.bot.post import Post, texts
from vault.types import CaseCode


@pytest.fixture
async def standing(post: Post, anna: Person, clock: TravelClock) -> None:
    """A text whose time is over."""
    await post.show(anna.id, "о деле")
    await post.deliver()
    clock.advance(timedelta(minutes=post.resources.policy.retention.screen_minutes + 1))


async def tick(post: Post) -> None:
    """What the clock does about messages, and what comes of it."""
    for job in messages.JOBS:
        async with post.resources.unit() as unit:
            rows = await job.find(unit)
        for row in rows:
            async with post.resources.unit() as unit:
                await job.handle(unit, row)
    await post.deliver()


@pytest.mark.usefixtures("standing")
async def test_a_text_gives_way_to_the_neutral_line(post: Post, anna: Person) -> None:
    """The same message says nothing any more."""
    await tick(post)
    assert await texts(anna) == [post.resources.texts.render("pipeline.neutral", "ru")]
    assert (await post.methods(anna.id))[-1] == "editMessageText"


@pytest.mark.usefixtures("standing")
async def test_who_has_deleted_the_message_gets_no_new_one(post: Post, anna: Person) -> None:
    """An empty chat stays empty: a new message would be a notification that nobody has asked for."""
    await anna.delete((await anna.messages())[0])
    await tick(post)
    assert await anna.messages() == []
    assert (await post.methods(anna.id)).count("sendMessage") == 1
    assert await post.standing() == []


@pytest.mark.usefixtures("standing")
async def test_in_a_closed_chat_the_message_goes(post: Post, anna: Person) -> None:
    """Whoever has blocked the bot does not keep the text: it cannot be edited, so it is deleted."""
    await anna.block()
    await tick(post)
    assert await anna.messages() == []
    assert await post.standing() == []


@pytest.mark.usefixtures("standing")
async def test_what_cannot_fade_now_fades_later(post: Post, anna: Person, clock: TravelClock) -> None:
    """Where a closed chat keeps even what is to be deleted, it is tried again until the chat opens."""
    await anna.block()
    for _ in range(3):
        await post.town.fault("forbidden", "deleteMessage", chat=anna.id)
        await tick(post)
        assert await texts(anna) == ["о деле"]
        clock.advance(timedelta(minutes=31))
    await anna.unblock()
    await tick(post)
    assert await texts(anna) == [post.resources.texts.render("pipeline.neutral", "ru")]


async def test_a_text_that_arrived_as_its_case_was_shredded_goes(post: Post, anna: Person) -> None:
    """A screen on its way while its case was erased is recorded afterwards, and deleted at the next tick."""
    await post.show(anna.id, "меню")
    await post.deliver()
    async with post.resources.unit() as unit:
        case = Case(code=CaseCode("K-1"), language="ru", created_at=unit.now)
        unit.session.add(case)
        await unit.session.flush()
        await speak.show(unit, To(Address(anna.id), "ru"), Screen("о деле"), case=case)
    await post.deliver()
    async with post.resources.unit() as unit:
        (await unit.session.get_one(Case, case.id)).status = CaseStatus.SHREDDED
    await tick(post)
    assert await anna.messages() == []
    assert await post.standing() == []
