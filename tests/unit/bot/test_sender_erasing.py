"""What is erased is gone from the chat and from the record, and what Telegram keeps is emptied and told of."""

from datetime import timedelta

from sqlmodel import select

from models.audit import AuditEntry
from models.case import Case, CaseStatus
from models.mail import Effect, SentMessage
from sandbox.clock import TravelClock
from sandbox.telegram.client import Person
from services import speak
from services.clearing import clear_chat
from services.contact import Address, To, lane_of
from services.speak import Screen
from tests.unit.bot.post import Post, texts
from vault.types import CaseCode


async def test_what_is_erased_is_gone_and_forgotten(post: Post, anna: Person) -> None:
    """Messages by number and slots go; what was gone already counts as gone."""
    typed = [await anna.send(text) for text in ("a", "b", "c")]
    await anna.delete(typed[1])
    await post.show(anna.id, "экран")
    await post.deliver()
    async with post.resources.unit() as unit:
        speak.erase_messages(unit, Address(anna.id), [view.id for view in typed])
        [row] = (await unit.session.exec(select(SentMessage))).all()
        await speak.erase_slot(unit, row)
    await post.deliver()
    assert await anna.messages() == []
    assert await post.standing() == []


async def test_a_slot_that_is_erased_and_shown_again_at_once_holds_the_new_message(
    post: Post, anna: Person
) -> None:
    """An erasure and a new screen that wait together are both done, and one row stands for the slot."""
    await post.show(anna.id, "старое")
    await post.deliver()
    async with post.resources.unit() as unit:
        [old] = (await unit.session.exec(select(SentMessage))).all()
        await speak.erase_slot(unit, old)
    await post.show(anna.id, "новое")
    await post.deliver()
    assert await texts(anna) == ["новое"]
    [row] = await post.standing()
    assert row.id != old.id


async def test_what_telegram_will_not_delete_is_emptied_and_on_record(
    post: Post, anna: Person, clock: TravelClock
) -> None:
    """After 48 hours only the neutral line can be left, and the log says so."""
    await post.show(anna.id, "старое")
    await post.deliver()
    clock.advance(timedelta(hours=49))
    async with post.resources.unit() as unit:
        [row] = (await unit.session.exec(select(SentMessage))).all()
        await speak.erase_slot(unit, row)
    await post.deliver()
    [view] = await anna.messages()
    assert (view.text, view.labels) == (post.resources.texts.render("pipeline.neutral", "ru"), [])
    assert await post.standing() == []
    async with post.resources.unit() as unit:
        acts = (await unit.session.exec(select(AuditEntry.act))).all()
    assert acts == ["messages.not_erased"]


async def test_a_typed_message_that_telegram_keeps_is_told_of(
    post: Post, anna: Person, clock: TravelClock
) -> None:
    """What somebody wrote while the bot was down for days is on record, and `/erase` counts it as not deleted."""
    message = await anna.send("история")
    clock.advance(timedelta(hours=49))
    async with post.resources.unit() as unit:
        speak.erase_messages(unit, Address(anna.id), [message.id])
    await post.deliver()
    assert [view.text for view in await anna.messages()] == ["история"]
    async with post.resources.unit() as unit:
        assert (await unit.session.exec(select(AuditEntry.act))).all() == ["messages.not_erased"]
        cleared = await clear_chat(unit, lane_of(unit, Address(anna.id)), [])
        assert (cleared.deleted, cleared.too_old) == (0, 1)


async def test_a_screen_too_old_to_be_deleted_later_is_replaced(
    post: Post, anna: Person, clock: TravelClock
) -> None:
    """A new text never goes into a message that could not be deleted any more."""
    await post.show(anna.id, "старое")
    await post.deliver()
    clock.advance(timedelta(hours=47, minutes=30))
    await post.show(anna.id, "новое")
    await post.deliver()
    assert await texts(anna) == ["новое"]
    [row] = await post.standing()
    assert clock.now() - row.sent_at < timedelta(minutes=1)


async def test_a_text_about_a_shredded_case_does_not_go_out(post: Post, anna: Person) -> None:
    """Whatever was still in the outbox when the case was erased stays unsaid."""
    async with post.resources.unit() as unit:
        case = Case(code=CaseCode("K-1"), language="ru", created_at=unit.now)
        unit.session.add(case)
        await unit.session.flush()
        await speak.show(unit, To(Address(anna.id), "ru"), Screen("о деле"), case=case)
        case.status = CaseStatus.SHREDDED
    await post.deliver()
    assert await post.methods(anna.id) == []
    assert (await post.effects())[0].error == "CaseShredded"


async def test_an_erasure_between_line_and_text_wins(post: Post, anna: Person) -> None:
    """An effect dropped while its neutral line was on the way takes the line with it."""
    await post.show(anna.id, "о деле")
    await post.town.fault("retry_after", "sendMessage", seconds=1)
    async with post.sending() as (_, _recorded):
        await anna.town.call("GET", "/bot")
        async with post.resources.unit() as unit:
            for effect in (await unit.session.exec(select(Effect))).all():
                await unit.session.delete(effect)
    await post.deliver()
    assert "о деле" not in await texts(anna)
    assert await post.standing() == []
