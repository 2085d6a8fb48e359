"""A message's photo or document is added and replaced as Telegram does it."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from PIL import Image
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, InputMediaDocument, InputMediaPhoto, Message
from telegram.error import BadRequest
from telegram.ext import ExtBot

from sandbox.telegram.client import Person, View

Api = Callable[..., Awaitable[dict[str, Any]]]


def picture(colour: str = "teal", side: int = 64) -> bytes:
    """Return a small JPEG."""
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, "JPEG")
    return buffer.getvalue()


async def shown(person: Person) -> View:
    """Return the bot's last message."""
    screen = await person.screen()
    assert screen is not None
    return screen


async def test_a_photo_is_added_to_a_text_and_replaced(mouth: ExtBot[None], anna: Person) -> None:
    """A protected text becomes a photo with a caption and buttons, then another one, and stays protected."""
    sent = await mouth.send_message(anna.id, "…", protect_content=True)
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Next", callback_data="next")]])
    first = await mouth.edit_message_media(
        InputMediaPhoto(picture(), caption="page 1"), anna.id, sent.message_id, reply_markup=keyboard
    )
    assert isinstance(first, Message)
    assert first.photo[-1].width == 64
    seen = await shown(anna)
    assert (seen.id, seen.text, seen.labels) == (sent.message_id, "page 1", ["Next"])
    assert seen.protected
    assert seen.edited
    await mouth.edit_message_media(InputMediaPhoto(picture("red", 32), caption="page 2"), anna.id, sent.message_id)
    seen = await shown(anna)
    assert (seen.text, seen.labels, seen.protected) == ("page 2", [], True)
    assert seen.photo is not None
    assert seen.photo["width"] == 32
    with pytest.raises(BadRequest, match="no text in the message"):
        await mouth.edit_message_text("text", anna.id, sent.message_id)


async def test_a_photo_gives_way_to_a_document(mouth: ExtBot[None], anna: Person) -> None:
    """The old kind of content does not remain beside the new one."""
    sent = await mouth.send_photo(anna.id, picture(), caption="photo")
    await mouth.edit_message_media(InputMediaDocument(b"%PDF-1.7", filename="a.pdf"), anna.id, sent.message_id)
    seen = await shown(anna)
    assert seen.photo is None
    assert seen.document is not None
    assert seen.document["file_name"] == "a.pdf"
    assert not seen.text


@pytest.mark.parametrize(
    ("size", "taken"),
    [((100, 2000), True), ((100, 2001), False), ((2001, 100), False), ((2500, 7500), True), ((7501, 2500), False)],
)
async def test_photos_have_telegrams_dimensions(
    mouth: ExtBot[None], anna: Person, size: tuple[int, int], *, taken: bool
) -> None:
    """A photo is at most twenty times as long as it is broad, and its sides are 10000 together, new or put in."""
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "PNG")
    content = buffer.getvalue()
    text = await mouth.send_message(anna.id, "text")
    if taken:
        assert (await mouth.send_photo(anna.id, content)).photo
        await mouth.edit_message_media(InputMediaPhoto(content), anna.id, text.message_id)
        return
    with pytest.raises(BadRequest, match=r"(?i)photo_invalid_dimensions"):
        await mouth.send_photo(anna.id, content)
    with pytest.raises(BadRequest, match=r"(?i)photo_invalid_dimensions"):
        await mouth.edit_message_media(InputMediaPhoto(content), anna.id, text.message_id)
    assert (await shown(anna)).text == "text"


@pytest.mark.parametrize(
    ("media", "description"),
    [
        ({"type": "photo", "media": "nothing"}, "wrong file identifier/HTTP URL specified"),
        ({"type": "photo", "media": "x", "caption": "я" * 1025}, "message caption is too long"),
        ({"type": "audio", "media": "x"}, "can't parse InputMedia: the stand-in takes photos and documents"),
        ({"type": "photo", "media": "x", "colour": "red"}, 'unknown parameter "colour"'),
    ],
)
async def test_a_bad_medium_is_refused(
    api: Api, anna: Person, mouth: ExtBot[None], media: dict[str, Any], description: str
) -> None:
    """What Telegram would not show is refused, and the message stays as it was."""
    sent = await mouth.send_message(anna.id, "text")
    answer = await api("editMessageMedia", chat_id=anna.id, message_id=sent.message_id, media=media)
    assert answer == {"ok": False, "error_code": 400, "description": f"Bad Request: {description}"}
    assert (await shown(anna)).text == "text"


async def test_the_same_medium_is_no_change(api: Api, anna: Person, mouth: ExtBot[None]) -> None:
    """Sending the id of the photo that is there already is answered as Telegram answers it."""
    sent = await mouth.send_photo(anna.id, picture())
    media = {"type": "photo", "media": sent.photo[-1].file_id}
    answer = await api("editMessageMedia", chat_id=anna.id, message_id=sent.message_id, media=media)
    assert "message is not modified" in answer["description"]


async def test_a_caption_at_the_limit_is_shown(mouth: ExtBot[None], anna: Person) -> None:
    """1024 characters fit under a photo."""
    sent = await mouth.send_message(anna.id, "text")
    await mouth.edit_message_media(InputMediaPhoto(picture(), caption="я" * 1024), anna.id, sent.message_id)
    assert len((await shown(anna)).text) == 1024
