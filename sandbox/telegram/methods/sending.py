"""Messages that the bot sends: text, photos, documents, chat actions, pins."""

import io
import mimetypes
from typing import Any, Protocol

from aiogram.client.default import Default
from aiogram.methods import PinChatMessage, SendChatAction, SendDocument, SendMessage, SendPhoto
from aiogram.types import BufferedInputFile, InputFile, MessageEntity, ReplyMarkupUnion, ReplyParameters
from PIL import Image, UnidentifiedImageError

from sandbox.telegram.core import Telegram
from sandbox.telegram.keyboard import checked_markup
from sandbox.telegram.state import Chat, StoredFile
from sandbox.telegram.text import parsed, utf16
from sandbox.telegram.wire import JsonDict, bad_request

THUMBNAIL = 90


class Sending(Protocol):
    """What all sending methods have in common."""

    chat_id: int | str
    reply_markup: ReplyMarkupUnion | None
    reply_parameters: ReplyParameters | None
    reply_to_message_id: int | None
    protect_content: Any


def given(value: object) -> Any:  # noqa: ANN401 - aiogram's models put Default in place of many types
    """Return the value of a parameter that aiogram may have left to the bot's defaults."""
    return None if isinstance(value, Default) else value


def entity_bodies(entities: list[MessageEntity] | None) -> list[JsonDict] | None:
    """Return entities as JSON."""
    return None if entities is None else [entity.model_dump(exclude_none=True) for entity in entities]


def send_message(telegram: Telegram, call: SendMessage) -> JsonDict:
    """Send a text (core.telegram.org/bots/api#sendmessage)."""
    chat = telegram.reach(call.chat_id)
    fields = text_fields(telegram, call.text, given(call.parse_mode), entity_bodies(call.entities))
    return deliver(telegram, chat, call, fields)


def send_photo(telegram: Telegram, call: SendPhoto) -> JsonDict:
    """Send a photo (core.telegram.org/bots/api#sendphoto)."""
    chat = telegram.reach(call.chat_id)
    fields = caption_fields(telegram, call.caption, given(call.parse_mode), entity_bodies(call.caption_entities))
    file = file_given(telegram, call.photo, "photos", telegram.limits.photo_bytes)
    return deliver(telegram, chat, call, photo_fields(telegram, file) | fields)


def send_document(telegram: Telegram, call: SendDocument) -> JsonDict:
    """Send a file as it is (core.telegram.org/bots/api#senddocument)."""
    chat = telegram.reach(call.chat_id)
    fields = caption_fields(telegram, call.caption, given(call.parse_mode), entity_bodies(call.caption_entities))
    file = file_given(telegram, call.document, "documents", telegram.limits.upload_bytes)
    return deliver(telegram, chat, call, {"document": document_body(file)} | fields)


def send_chat_action(telegram: Telegram, call: SendChatAction) -> bool:
    """Show "typing…" (core.telegram.org/bots/api#sendchataction)."""
    telegram.reach(call.chat_id)
    if call.action not in {"typing", "upload_photo", "upload_document", "find_location", "choose_sticker"}:
        raise bad_request("wrong parameter action in request")
    return True


def pin_chat_message(telegram: Telegram, call: PinChatMessage) -> bool:
    """Pin a message (core.telegram.org/bots/api#pinchatmessage)."""
    chat = telegram.reach(call.chat_id)
    message = chat.messages.get(call.message_id)
    if message is None:
        raise bad_request("message to pin not found")
    if chat.kind != "private" and not chat.has_right(telegram.bot.id, "can_pin_messages"):
        raise bad_request("not enough rights to manage pinned messages in the chat")
    chat.pinned = message.id
    pinned = {name: value for name, value in message.body.items() if name != "reply_to_message"}
    telegram.post(chat, telegram.bot, {"pinned_message": pinned})
    return True


def deliver(telegram: Telegram, chat: Chat, call: Sending, fields: JsonDict) -> JsonDict:
    """Post the bot's message after the checks that all of them share."""
    if chat.kind == "channel" and not chat.has_right(telegram.bot.id, "can_post_messages"):
        raise bad_request("need administrator rights in the channel chat")
    markup = checked_markup(call.reply_markup, telegram.limits, private=chat.kind == "private")
    if markup:
        fields["reply_markup"] = markup
    answered = _answered(chat, call)
    if answered:
        fields["reply_to_message"] = answered
    if given(call.protect_content):
        fields["has_protected_content"] = True
    telegram.flood.spend(chat.id)
    return telegram.post(chat, telegram.bot, fields).body


def text_fields(
    telegram: Telegram, text: str, parse_mode: str | None, entities: list[JsonDict] | None
) -> JsonDict:
    """Return a message's text and entities; raises Telegram's refusals for empty and long texts.

    How long a text is, Telegram says in characters; here it is UTF-16 units, the stricter reading.
    """
    bare, found = parsed(text, parse_mode, entities)
    if not bare:
        raise bad_request("message text is empty")
    if utf16(bare) > telegram.limits.text:
        raise bad_request("message is too long")
    return {"text": bare, "entities": found} if found else {"text": bare}


def caption_fields(
    telegram: Telegram, caption: str | None, parse_mode: str | None, entities: list[JsonDict] | None
) -> JsonDict:
    """Return a caption and its entities; raises Telegram's refusal for long ones."""
    if not caption:
        return {}
    bare, found = parsed(caption, parse_mode, entities)
    if utf16(bare) > telegram.limits.caption:
        raise bad_request("message caption is too long")
    return {"caption": bare, "caption_entities": found} if found else {"caption": bare}


def photo_fields(telegram: Telegram, file: StoredFile) -> JsonDict:
    """Return the sizes of a photo, a thumbnail first; raises Telegram's refusals for what is none, or too long."""
    try:
        with Image.open(io.BytesIO(file.content)) as picture:
            width, height = picture.size
            _check_dimensions(telegram, width, height)
            picture.thumbnail((THUMBNAIL, THUMBNAIL))
            small = io.BytesIO()
            picture.convert("RGB").save(small, "JPEG")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    thumbnail = telegram.keep_file(small.getvalue(), file.name, "image/jpeg", "thumbnails")
    sizes = [(thumbnail, *picture.size), (file, width, height)]
    return {"photo": [file_body(size) | {"width": wide, "height": high} for size, wide, high in sizes]}


def _check_dimensions(telegram: Telegram, width: int, height: int) -> None:
    limits = telegram.limits
    if width + height > limits.photo_sides or max(width, height) > limits.photo_ratio * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")


def document_body(file: StoredFile) -> JsonDict:
    """Return the Bot API's Document."""
    return file_body(file) | {"file_name": file.name, "mime_type": file.mime}


def file_body(file: StoredFile) -> JsonDict:
    """Return what every kind of file tells about itself."""
    return {"file_id": file.id, "file_unique_id": file.unique_id, "file_size": len(file.content)}


def file_given(telegram: Telegram, value: str | InputFile, folder: str, most_bytes: int) -> StoredFile:
    """Return an upload, or the stored file that an id names; raises Telegram's refusals."""
    if isinstance(value, BufferedInputFile):
        if not value.data:
            raise bad_request("file must be non-empty")
        if len(value.data) > most_bytes:
            raise bad_request("file is too big")
        name = value.filename or "file"
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return telegram.keep_file(value.data, name, mime, folder)
    file = telegram.world.files.get(value) if isinstance(value, str) else None
    if file is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    return file


def _answered(chat: Chat, call: Sending) -> JsonDict | None:
    wanted = call.reply_parameters.message_id if call.reply_parameters else call.reply_to_message_id
    if wanted is None:
        return None
    message = chat.messages.get(wanted)
    if message is None:
        if call.reply_parameters and given(call.reply_parameters.allow_sending_without_reply):
            return None
        raise bad_request("message to be replied not found")
    return {name: value for name, value in message.body.items() if name != "reply_to_message"}
