"""What is in the outbox arrives once, in order, in the one message where it can, its number on record."""

import asyncio
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from PIL import Image
from sqlmodel import select

from bot.database import Resources, SenderLock
from bot.rates import Rates
from models.mail import EffectStatus, SentMessage
from sandbox.telegram.client import Person
from services import speak
from services.contact import Address, To, lane_of
from services.speak import Screen
from tests.unit.bot.post import Crashing, Post, texts


async def test_a_new_message_is_neutral_before_it_speaks(post: Post, anna: Person) -> None:
    """The line that a notification shows is neutral; the text comes by an edit, with its buttons."""
    await post.show(anna.id, "секрет")
    await post.deliver()
    sent, edited = await post.town.calls(chat=anna.id)
    assert (sent["method"], sent["params"]["text"]) == (
        "sendMessage",
        post.resources.texts.render("pipeline.neutral", "ru"),
    )
    assert edited["method"] == "editMessageText"
    [view] = await anna.messages()
    assert (view.text, view.labels) == ("секрет", ["Дальше"])


@pytest.mark.parametrize(("neutral", "slot", "marks"), [
    (False, speak.NOTICE + "x", ["spoiler"]), (True, speak.NOTICE + "x", []), (False, speak.SCREEN, []),
])  # fmt: skip
async def test_what_comes_unasked_is_covered_until_it_is_tapped(
    post: Post, anna: Person, slot: str, marks: list[str], *, neutral: bool
) -> None:
    """Telegram for Android puts an edit into a notification on a locked phone, but masks a spoiler there."""
    said = "мы рядом 🕊"
    async with post.resources.unit() as unit:
        await speak.show(unit, To(Address(anna.id), "ru"), Screen(said, neutral=neutral), slot=slot)
    await post.deliver()
    [view] = await anna.messages()
    assert view.text == said
    assert [each["type"] for each in view.entities] == marks
    assert all((each["offset"], each["length"]) == (0, speak.units(said)) for each in view.entities)


async def test_the_screen_is_edited_in_place(post: Post, anna: Person) -> None:
    """The second text goes into the first one's message; nothing of either stays in the tables."""
    for text in ("один", "два"):
        await post.show(anna.id, text)
        await post.deliver()
    assert await post.methods(anna.id) == ["sendMessage", "editMessageText", "editMessageText"]
    assert await texts(anna) == ["два"]
    assert all(effect.payload is None and effect.status is EffectStatus.DONE for effect in await post.effects())
    [row] = await post.standing()
    assert row.fade_at is not None
    assert row.erase_at - row.sent_at <= timedelta(hours=47)


async def test_anew_moves_the_message_down(post: Post, anna: Person) -> None:
    """The old message goes, and a new one stands at the bottom."""
    await post.show(anna.id, "один")
    await post.deliver()
    typed = await anna.send("что-то")
    await post.show(anna.id, "два", anew=True)
    await post.deliver()
    seen = await anna.messages()
    assert [view.text for view in seen] == ["что-то", "два"]
    assert seen[1].id > typed.id


async def test_a_message_that_is_gone_is_sent_anew(post: Post, anna: Person) -> None:
    """A person who deleted the screen gets it again."""
    await post.show(anna.id, "один")
    await post.deliver()
    await anna.delete((await anna.messages())[0])
    await post.show(anna.id, "два")
    await post.deliver()
    assert await texts(anna) == ["два"]
    assert len(await post.standing()) == 1


async def test_not_modified_is_success(post: Post, anna: Person) -> None:
    """A text that Telegram shows already, by an edit whose record was lost, is done."""
    async with post.resources.unit() as unit:
        await speak.show(unit, To(Address(anna.id), "ru"), Screen("один"))
    await post.deliver()
    async with post.resources.unit() as unit:
        [row] = (await unit.session.exec(select(SentMessage))).all()
        row.shown = None
        await speak.show(unit, To(Address(anna.id), "ru"), Screen("один"))
    await post.deliver()
    last = (await post.town.calls(chat=anna.id))[-1]
    assert "not modified" in last["description"]
    assert [effect.status for effect in await post.effects()] == [EffectStatus.DONE] * 2


async def test_an_unchanged_screen_is_not_sent_again(post: Post, anna: Person) -> None:
    """The same text without buttons costs no call."""
    for _ in range(2):
        async with post.resources.unit() as unit:
            await speak.show(unit, To(Address(anna.id), "ru"), Screen("один"))
        await post.deliver()
    assert await post.methods(anna.id) == ["sendMessage", "editMessageText"]


@pytest.mark.parametrize("cut", [1, 2, 3])
async def test_a_crash_never_doubles_a_text(post: Post, anna: Person, cut: int) -> None:
    """Wherever the process dies between look, line and record, the text stands once and its number is known."""
    await post.show(anna.id, "один раз", slot="notice:1")
    have = post.resources
    dying = Crashing(have.engine, have.vault, have.policy, have.texts, have.files, have.clock, have.writer)
    dying.left = cut
    async with post.sending(dying) as (task, recorded):
        while not task.done() and dying.left > 0 and await post.pending():
            await recorded.wait(0.05)
    assert dying.left <= 0, "the process was to die here"
    await post.deliver()
    said = await texts(anna)
    assert said.count("один раз") == 1
    assert set(said) <= {"один раз", post.resources.texts.render("pipeline.neutral", "ru")}
    [row] = await post.standing()
    async with post.resources.unit() as unit:
        _, message = speak.sent_address(unit, row)
    assert next(view.text for view in await anna.messages() if view.id == message) == "один раз"


@pytest.mark.parametrize("kind", ["hang_up", "lost_answer", "server_error", "garbage"])
@pytest.mark.parametrize("method", ["sendMessage", "editMessageText", "deleteMessage"])
async def test_an_outage_is_outlived(post: Post, anna: Person, kind: str, method: str) -> None:
    """A call without a proper answer is made again, and the text stands once."""
    await post.town.fault(kind, method)  # type: ignore[arg-type] # one of the kinds
    typed = await anna.send("ответ")
    async with post.resources.unit() as unit:
        speak.erase_messages(unit, Address(anna.id), [typed.id])
    await post.show(anna.id, "текст")
    await post.deliver()
    said = await texts(anna)
    assert said.count("текст") == 1
    assert len(said) <= 2
    assert all(view.from_bot for view in await anna.messages())


async def test_flood_control_is_obeyed_per_chat(post: Post, anna: Person) -> None:
    """A chat told to wait waits; another does not."""
    boris = await post.town.person("Boris")
    await boris.send("/start")
    await post.town.fault("retry_after", "sendMessage", seconds=1, chat=anna.id)
    await post.show(anna.id, "ей")
    await post.show(boris.id, "ему")
    await post.deliver()
    calls = await post.town.calls()
    told = [(call["chat"], call["code"]) for call in calls if call["method"] == "sendMessage"]
    assert sorted(told[:2]) == sorted([(anna.id, 429), (boris.id, 200)])
    assert told[2:] == [(anna.id, 200)]


async def test_a_blocked_bot_gives_up_until_the_person_is_back(post: Post, anna: Person) -> None:
    """What was meant for who has blocked the bot fails, all of it; what comes after their return arrives."""
    await anna.block()
    await post.show(anna.id, "раз", slot="notice:1")
    await post.show(anna.id, "два", slot="notice:2")
    await post.deliver()
    failed = await post.effects()
    assert [(effect.status, effect.error) for effect in failed] == [(EffectStatus.FAILED, "ChatClosed")] * 2
    assert all(effect.payload is None for effect in failed)
    await anna.unblock()
    await post.show(anna.id, "три")
    await post.deliver()
    assert await texts(anna) == ["три"]


async def test_a_wrong_call_does_not_stop_its_lane(post: Post, anna: Person) -> None:
    """A text that Telegram finds too long fails alone."""
    await post.show(anna.id, "x" * 5000, slot="notice:1")
    await post.show(anna.id, "дальше", slot="notice:2")
    await post.deliver()
    assert [effect.status for effect in await post.effects()] == [EffectStatus.FAILED, EffectStatus.DONE]
    assert "дальше" in await texts(anna)


async def test_protection_is_set_when_the_message_is_sent(post: Post, anna: Person) -> None:
    """Protected content never stands in a message that can be forwarded: such a one is replaced."""
    await post.show(anna.id, "открыто")
    await post.deliver()
    await post.show(anna.id, "закрыто", protect=True)
    await post.deliver()
    [view] = await anna.messages()
    assert (view.text, view.protected) == ("закрыто", True)


async def test_a_picture_is_put_in_and_taken_out(post: Post, anna: Person) -> None:
    """A page of a document takes the place of the text, and a text the page's."""
    content = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(content, "JPEG")
    page = uuid4()
    post.pictures[page] = content.getvalue()
    await post.show(anna.id, "страница", picture=page, protect=True)
    await post.deliver()
    [view] = await anna.messages()
    assert view.photo
    assert view.protected
    await post.show(anna.id, "снова текст")
    await post.deliver()
    [view] = await anna.messages()
    assert (view.text, view.photo) == ("снова текст", None)
    await post.show(anna.id, "пропала", picture=uuid4())
    await post.deliver()
    assert (await post.effects())[-1].error == "PictureGone"


@pytest.mark.parametrize("before", ["text", "picture", None])
async def test_a_picture_that_telegram_refuses_is_left_out(post: Post, anna: Person, before: str | None) -> None:
    """What stood there gives way to the text and its buttons, with a line about the picture: nobody is cut off."""
    good, bad = uuid4(), uuid4()
    for page, size in ((good, (40, 30)), (bad, (30, 900))):
        content = io.BytesIO()
        Image.new("RGB", size, "teal").save(content, "JPEG")
        post.pictures[page] = content.getvalue()
    if before is not None:
        await post.show(anna.id, "раньше", picture=good if before == "picture" else None, protect=True)
        await post.deliver()
    await post.show(anna.id, "страница 2", picture=bad, protect=True)
    await post.deliver()
    line = post.resources.texts.render("pipeline.no-picture", "ru")
    [view] = await anna.messages()
    assert (view.text, view.labels, view.photo) == (f"страница 2\n\n{line}", ["Дальше"], None)
    assert view.protected
    assert {effect.status for effect in await post.effects()} == {EffectStatus.DONE}
    await post.show(anna.id, "страница 3", picture=good, protect=True)
    await post.deliver()
    [view] = await anna.messages()
    assert view.photo
    assert view.text == "страница 3"


@pytest.mark.parametrize("press", ["unknown", "12345"])
async def test_an_answer_to_an_old_press_is_done(post: Post, anna: Person, press: str) -> None:
    """A press that Telegram has forgotten needs no answer."""
    async with post.resources.unit() as unit:
        speak.answer(unit, Address(anna.id), press, "поздно")
    await post.deliver()
    assert (await post.effects())[0].status is EffectStatus.DONE


async def test_a_press_is_answered_within_telegrams_length(post: Post, anna: Person) -> None:
    """A pop-up has at most 200 characters, and a link into the private chat works."""
    await post.show(anna.id, "экран")
    await post.deliver()
    for start in (None, "b_token-0"):
        await anna.press("Дальше")
        query = post.server.telegram.queue.recent[-1].body["callback_query"]["id"]
        async with post.resources.unit() as unit:
            speak.answer(unit, Address(anna.id), query, "я" * 300, alert=True, start=start)
        await post.deliver()
    plain, link = await anna.popups()
    assert (plain.text, plain.alert) == ("я" * 200, True)
    assert link.url == f"https://t.me/{post.server.telegram.bot.username}?start=b_token-0"


async def test_order_holds_in_a_chat_and_urgent_goes_first(post: Post, anna: Person) -> None:
    """Notices arrive as they were said, but danger before everything."""
    for number in range(3):
        await post.show(anna.id, f"весть {number}", slot=f"notice:{number}")
    await post.show(anna.id, "срочно", slot="notice:9", urgent=True)
    await post.deliver()
    assert await texts(anna) == ["срочно", "весть 0", "весть 1", "весть 2"]


async def test_an_urgent_text_does_not_overtake_the_erasure_of_its_slot(post: Post, anna: Person) -> None:
    """A call that is taken back and made again stands, and in a new message that makes itself heard."""
    await post.show(anna.id, "в первый раз", slot="notice:1", urgent=True)
    await post.deliver()
    [old] = await anna.messages()
    async with post.resources.unit() as unit:
        lane = lane_of(unit, Address(anna.id))
        await speak.clear_slot(unit, lane, "notice:1")
        await speak.show(unit, To(Address(anna.id), "ru"), Screen("во второй"), slot="notice:1", urgent=True)
    await post.deliver()
    [new] = await anna.messages()
    assert (new.text, new.id > old.id) == ("во второй", True)


async def test_a_card_is_edited_once_for_many_changes(post: Post, anna: Person) -> None:
    """While a chat has to wait, later texts of a slot replace the one that waits."""
    post.rates = Rates(overall_per_second=0, chat_per_second=1e-6, chat_burst=1)
    async with post.sending() as (_, recorded), asyncio.timeout(60):
        await post.show(anna.id, "карточка 0", slot="card:1")
        while await post.pending():
            await recorded.wait(1)
        for number in range(1, 20):
            await post.show(anna.id, f"карточка {number}", slot="card:1")
            while b'lanes_paused_total{reason="rate"}' not in post.metrics.text():
                await recorded.wait(0.1)
        assert await post.pending() == 1
    post.rates = Rates.loose()
    await post.deliver()
    assert await texts(anna) == ["карточка 19"]
    assert await post.methods(anna.id) == ["sendMessage", "editMessageText", "editMessageText"]


async def test_a_group_that_moved_is_followed(post: Post, anna: Person) -> None:
    """When Telegram says that a group has another number, what was to be said is said there."""
    group = await post.town.group("Щит", anna, kind="group")
    await group.add_bot(admin=True)
    moved = await group.migrate()
    await post.show(group.id, "карточка", slot="card:1")
    await post.deliver()
    assert await texts(anna, moved) == ["карточка"]


async def test_the_bot_leaves_when_told(post: Post, anna: Person) -> None:
    """Leaving twice is as good as once."""
    group = await post.town.group("Чужие", anna)
    await group.add_bot()
    for _ in range(2):
        async with post.resources.unit() as unit:
            speak.leave(unit, Address(group.id))
        await post.deliver()
    assert (await post.effects())[0].status is EffectStatus.DONE
    assert post.server.telegram.world.chats[group.id].members[post.server.telegram.bot.id].status == "left"


async def test_one_sender_at_a_time(resources: Resources, database: str) -> None:
    """On PostgreSQL a second process waits until the first one lets go; SQLite serves one process."""
    first, second = SenderLock(resources.engine), SenderLock(resources.engine)
    assert await first.hold()
    assert await first.hold()
    assert await second.hold() is (database == "sqlite")
    await first.release()
    assert await second.hold()
    await second.release()
