"""Both libraries understand the stand-in, and it understands them."""

import io

from aiogram import Bot
from aiogram.types import CallbackQuery, Update
from PIL import Image
from telegram import BotCommand, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.ext import ExtBot

from sandbox.telegram.client import Person, Town
from sandbox.telegram.server import TelegramServer

KEYBOARD = InlineKeyboardMarkup([[InlineKeyboardButton("Да", callback_data="yes")]])


def picture(size: tuple[int, int] = (320, 200)) -> bytes:
    """Return a small JPEG."""
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, "JPEG")
    return buffer.getvalue()


async def test_a_conversation_goes_through_both_libraries(
    ear: Bot, mouth: ExtBot[None], anna: Person, server: TelegramServer
) -> None:
    """A /start heard by aiogram is answered by python-telegram-bot, pressed, answered and edited."""
    [start] = await ear.get_updates(timeout=1)
    assert start.message
    assert start.message.text == "/start"
    assert start.message.entities
    assert start.message.entities[0].type == "bot_command"
    sent = await mouth.send_message(anna.id, "<b>Здравствуйте</b>", parse_mode="HTML", reply_markup=KEYBOARD)
    screen = await anna.wait_for("Здравствуйте")
    assert screen.labels == ["Да"]
    assert screen.entities == [{"type": "bold", "offset": 0, "length": 12}]
    await anna.press("Да")
    [pressed] = await ear.get_updates(offset=start.update_id + 1)
    query = pressed.callback_query
    assert isinstance(query, CallbackQuery)
    assert query.data == "yes"
    assert query.message
    assert query.message.message_id == sent.message_id
    assert await mouth.answer_callback_query(query.id, "Принято", show_alert=True)
    assert (await anna.popups())[0].text == "Принято"
    edited = await mouth.edit_message_text("Дальше", chat_id=anna.id, message_id=sent.message_id)
    assert not isinstance(edited, bool)
    assert edited.text == "Дальше"
    assert (await anna.wait_for("Дальше")).edited
    assert await mouth.delete_message(anna.id, sent.message_id)
    assert await anna.screen() is None
    assert server.url.startswith("http://127.0.0.1:")


async def test_files_go_both_ways(ear: Bot, mouth: ExtBot[None], anna: Person) -> None:
    """A photo and a document of a person are downloaded whole, and the bot's files arrive."""
    content = picture()
    await anna.upload_photo(content, caption="справка")
    await anna.upload_document(b"%PDF-1.7 test", name="a.pdf")
    updates: list[Update] = await ear.get_updates(offset=-2)
    photo, document = (update.message for update in updates)
    assert photo
    assert photo.photo
    assert (photo.photo[-1].width, photo.caption) == (320, "справка")
    downloaded = await ear.download(photo.photo[-1])
    assert downloaded
    assert downloaded.read() == content
    assert document
    assert document.document
    file = await mouth.get_file(document.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b"%PDF-1.7 test"
    sent = await mouth.send_photo(anna.id, content, caption="фото", protect_content=True)
    assert sent.has_protected_content
    await mouth.send_document(anna.id, b"receipt", filename="receipt.txt", reply_markup=KEYBOARD)
    seen = await anna.messages()
    assert (seen[-2].text, seen[-2].protected) == ("фото", True)
    assert seen[-1].document
    assert seen[-1].document["file_name"] == "receipt.txt"


async def test_groups_and_profile_parse(ear: Bot, mouth: ExtBot[None], anna: Person, town: Town) -> None:
    """What the bot asks about a group, and its own profile, parse in both libraries."""
    group = await town.group("Щит", anna)
    await group.add_bot()
    for bot in (ear, mouth):
        full = await bot.get_chat(group.id)
        assert (full.title, full.type) == ("Щит", "supergroup")
        assert (await bot.get_chat_member(group.id, anna.id)).status == "creator"
        assert len(await bot.get_chat_administrators(group.id)) == 2
        assert await bot.get_chat_member_count(group.id) == 2
    assert await mouth.set_my_commands([BotCommand("start", "Начать")], language_code="ru")
    assert [c.command for c in await ear.get_my_commands(language_code="ru")] == ["start"]
    assert await mouth.set_my_name("Плечо")
    assert (await ear.get_my_name()).name == "Плечо"
    assert await mouth.set_my_description("d")
    assert await mouth.set_my_short_description("s")
    assert (await ear.me()).username == (await mouth.get_me()).username
    sent = await mouth.send_message(group.id, "card")
    assert await mouth.pin_chat_message(group.id, sent.message_id)
    assert (await ear.get_chat(group.id)).pinned_message
    assert await mouth.send_chat_action(anna.id, "typing")
    assert await ear.leave_chat(group.id)
