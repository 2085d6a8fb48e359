"""The chat page without the fund: what it shows of Telegram, driven by a bare bot."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.ext import ExtBot

from sandbox.telegram.client import Person, Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import BOT_USERNAME, TelegramServer
from tests.flows.page import ChatPage, open_page

pytestmark = pytest.mark.browser

KEYBOARD = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="yes")]])


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    """A stand-in without rates."""
    async with TelegramServer(limits=Limits.unthrottled()) as running:
        yield running


@pytest.fixture
async def town(server: TelegramServer) -> AsyncIterator[Town]:
    """Its client API."""
    async with Town(server.url) as opened:
        yield opened


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[ExtBot[None]]:
    """A bot that does what the test says."""
    base = f"{server.url}/bot"
    made: ExtBot[None] = ExtBot(server.token, base_url=base, base_file_url=f"{server.url}/file/bot")
    async with made:
        yield made


@pytest.fixture
async def anna(town: Town) -> Person:
    """Somebody who has started the bot."""
    person = await town.person("Anna", language_code="en", part="applicant")
    await person.send("/start")
    return person


@pytest.fixture
async def page(server: TelegramServer, anna: Person, chromium: str) -> AsyncIterator[ChatPage]:
    """The page with Anna's phone; no script may fail on it."""
    async with open_page(server.url, chromium) as opened:
        await opened.phone(anna.name).wait_for()
        yield opened
        assert opened.errors == []


async def press_yes(page: ChatPage, bot: ExtBot[None], anna: Person) -> str:
    """Let Anna press a button of the bot; returns the query to answer."""
    await bot.send_message(anna.id, "Question", reply_markup=KEYBOARD)
    await page.press("Anna", "Yes")
    await expect(page.phone("Anna").locator(".key")).to_have_attribute("aria-busy", "true")
    heard = 0
    while True:  # the page says that it waits before its call has arrived
        for update in await bot.get_updates(offset=heard, timeout=5):
            heard = update.update_id + 1
            if update.callback_query is not None:
                await bot.get_updates(offset=heard)
                return update.callback_query.id


async def test_a_toast_and_an_alert(page: ChatPage, bot: ExtBot[None], anna: Person) -> None:
    """A toast is said and goes by itself; an alert waits for an OK and has the keyboard."""
    query = await press_yes(page, bot, anna)
    toast = expect(page.phone("Anna").get_by_role("status")).to_have_text("Saved")
    await asyncio.gather(toast, bot.answer_callback_query(query, "Saved"))  # it is looked for before it comes
    await expect(page.phone("Anna").locator(".key")).not_to_have_attribute("aria-busy", "true")
    await bot.delete_message(anna.id, 2)
    await expect(page.phone("Anna").locator(".key")).to_have_count(0)
    await bot.answer_callback_query(await press_yes(page, bot, anna), "Not yours", show_alert=True)
    alert = page.phone("Anna").get_by_role("alertdialog")
    await expect(alert.get_by_role("button")).to_be_focused()
    await page.page.keyboard.press("Enter")
    await expect(alert).to_have_count(0)


async def test_a_link_in_an_answer_leads_to_start(page: ChatPage, bot: ExtBot[None], anna: Person) -> None:
    """An answer that opens the bot's chat waits for START and then sends what the link says."""
    url = f"https://t.me/{BOT_USERNAME}?start=b_123"
    await bot.answer_callback_query(await press_yes(page, bot, anna), url=url)
    await page.start("Anna")
    await page.reads("Anna", "/start b_123")
    await expect(page.phone("Anna").locator("textarea")).to_be_visible()


async def test_messages_are_edited_protected_and_vanish(page: ChatPage, bot: ExtBot[None], anna: Person) -> None:
    """Marks are shown, text cannot be selected, and a deleted message goes."""
    sent = await bot.send_message(anna.id, "first", protect_content=True)
    await page.reads("Anna", "first")
    await bot.edit_message_text("second", anna.id, sent.message_id)
    await page.reads("Anna", "second")
    message = page.phone("Anna").locator(".message.protected")
    await expect(message).to_contain_text("edited")
    await expect(message).to_have_css("user-select", "none")
    await bot.delete_messages(anna.id, [sent.message_id, 1])
    await expect(message).to_have_count(0)
    await expect(page.phone("Anna").locator(".empty")).to_contain_text("Nothing is left")


async def test_text_is_never_read_as_html(page: ChatPage, bot: ExtBot[None], anna: Person) -> None:
    """What looks like a script is shown as it is."""
    text = "<img src=x onerror=alert(1)><script>alert(1)</script> <b>x</b>"
    await bot.send_message(anna.id, text)
    await page.reads("Anna", text)
    assert await page.phone("Anna").locator(".text img, .text b, .text script").count() == 0


async def test_a_person_is_added_blocks_and_comes_back(page: ChatPage, town: Town) -> None:
    """Somebody new starts the bot, blocks it and unblocks it, with what Telegram shows for each."""
    await page.page.get_by_role("button", name="Add").click()
    await page.page.get_by_role("menuitem", name="A person").click()
    await page.page.get_by_label("First name").fill("Nina")
    await page.page.get_by_role("button", name="Create").click()
    await page.start("Nina")
    await page.reads("Nina", "/start")
    await page.phone("Nina").get_by_role("button", name="More").first.click()
    await page.page.get_by_role("menuitem", name="Block the bot").click()
    await expect(page.phone("Nina").locator(".wide")).to_have_text("UNBLOCK")
    await page.start("Nina")
    await expect(page.phone("Nina").locator("textarea")).to_be_visible()
    nina = (await town.call("GET", "/people"))[-1]
    assert nina["part"] == "applicant"
    assert not nina["blocked"]


async def test_a_file_is_attached(page: ChatPage, anna: Person) -> None:
    """The samples arrive as a photo and as a document."""
    for label, kind in (("A sample photo", "photo"), ("A sample PDF", "document")):
        await page.phone("Anna").get_by_role("button", name="Attach a file").click()
        await page.page.get_by_role("menuitem", name=label).click()
        await page.phone("Anna").locator(".picture" if kind == "photo" else ".file").wait_for()
    photo, document = (await anna.messages())[-2:]
    assert photo.photo is not None
    assert document.document is not None


async def test_a_caption_shows_who_acts(page: ChatPage, town: Town, anna: Person) -> None:
    """A story's caption is read out, brings its people on the page and marks them."""
    vera = await town.person("Vera", part="reviewer")
    await page.show("Anna")
    await town.narrate("Vera reads.", [vera], step=1, steps=2)
    await expect(page.page.locator("#caption")).to_contain_text("Vera reads.")
    await expect(page.phone("Vera")).to_have_class("phone acting")
    await expect(page.phone(anna.name)).to_have_class("phone")


async def test_a_small_screen_holds_a_whole_phone(page: ChatPage, town: Town, anna: Person) -> None:
    """At 390 px nothing is wider than the screen, however many there are: what sends stays in sight."""
    for name in ("Vera", "Gleb", "Hanna", "Dora", "Egor", "Faina"):
        await town.person(name, part="reviewer")
    await page.page.set_viewport_size({"width": 390, "height": 844})
    await page.chip("Faina").wait_for()
    await page.show(anna.name)
    await expect(page.phone(anna.name).get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)
    assert await page.page.evaluate("document.documentElement.scrollWidth") <= 390
    await town.narrate("Anna asks for help, and a panel is drawn.", [anna], step=12, steps=40)
    for language in ("en", "ru"):
        await page.page.evaluate("language => localStorage.setItem('plecho.language', language)", language)
        await page.page.reload()
        await expect(page.page.locator("#caption progress")).to_be_visible()
        assert await page.page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_a_newcomer_learns_how_to_give(page: ChatPage, town: Town) -> None:
    """How to play names the donor and the command that begins their part."""
    await town.person("Dora", part="donor")
    await page.chip("Dora").wait_for()
    await page.page.get_by_role("button", name="How to play").click()
    await expect(page.page.locator(".lessons")).to_contain_text("Dora: send /donate")
