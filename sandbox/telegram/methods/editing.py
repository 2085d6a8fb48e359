"""What the bot does to messages that exist: edits, deletions, answers to buttons."""

from typing import Final

from aiogram.methods import (
    AnswerCallbackQuery,
    DeleteMessage,
    DeleteMessages,
    EditMessageCaption,
    EditMessageMedia,
    EditMessageReplyMarkup,
    EditMessageText,
)
from aiogram.types import InputMediaDocument, InputMediaPhoto

from sandbox.telegram.core import Telegram
from sandbox.telegram.keyboard import checked_markup
from sandbox.telegram.methods.sending import (
    caption_fields,
    document_body,
    entity_bodies,
    file_given,
    given,
    photo_fields,
    text_fields,
)
from sandbox.telegram.state import Chat, Message, Popup
from sandbox.telegram.wire import JsonDict, bad_request

MOST_DELETED: Final = 100
_SAME: Final = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
_OLD_QUERY: Final = "query is too old and response timeout expired or query ID is invalid"
_CONTENT: Final = ("text", "entities", "caption", "caption_entities", "reply_markup")
_MEDIA: Final = ("photo", "document")


def edit_message_text(telegram: Telegram, call: EditMessageText) -> JsonDict:
    """Replace a text (core.telegram.org/bots/api#editmessagetext)."""
    chat, message = _editable(telegram, call.chat_id, call.message_id)
    if call.text is None:
        raise bad_request("message text is empty")
    if "text" not in message.body:
        raise bad_request("there is no text in the message to edit")
    fields = text_fields(telegram, call.text, given(call.parse_mode), entity_bodies(call.entities))
    markup = checked_markup(call.reply_markup, telegram.limits, private=chat.kind == "private")
    if markup:
        fields["reply_markup"] = markup
    return _amended(telegram, chat, message, fields)


def edit_message_caption(telegram: Telegram, call: EditMessageCaption) -> JsonDict:
    """Replace a caption (core.telegram.org/bots/api#editmessagecaption)."""
    chat, message = _editable(telegram, call.chat_id, call.message_id)
    if not {"photo", "document"} & message.body.keys():
        raise bad_request("there is no caption in the message to edit")
    fields = caption_fields(telegram, call.caption, given(call.parse_mode), entity_bodies(call.caption_entities))
    markup = checked_markup(call.reply_markup, telegram.limits, private=chat.kind == "private")
    if markup:
        fields["reply_markup"] = markup
    return _amended(telegram, chat, message, fields)


def edit_message_media(telegram: Telegram, call: EditMessageMedia) -> JsonDict:
    """Replace a photo or document, or add one to a text (core.telegram.org/bots/api#editmessagemedia)."""
    chat, message = _editable(telegram, call.chat_id, call.message_id)
    media = call.media
    if not isinstance(media, InputMediaPhoto | InputMediaDocument):
        raise bad_request("can't parse InputMedia: the stand-in takes photos and documents")
    fields = caption_fields(
        telegram, media.caption, given(media.parse_mode), entity_bodies(media.caption_entities)
    )
    markup = checked_markup(call.reply_markup, telegram.limits, private=chat.kind == "private")
    if markup:
        fields["reply_markup"] = markup
    if isinstance(media, InputMediaPhoto):
        photo = file_given(telegram, media.media, "photos", telegram.limits.photo_bytes)
        old = message.body.get("photo")
        same = old is not None and old[-1]["file_id"] == photo.id
        fields |= {"photo": old} if same else photo_fields(telegram, photo)
    else:
        document = file_given(telegram, media.media, "documents", telegram.limits.upload_bytes)
        fields["document"] = document_body(document)
    return _amended(telegram, chat, message, fields, _CONTENT + _MEDIA)


def edit_message_reply_markup(telegram: Telegram, call: EditMessageReplyMarkup) -> JsonDict:
    """Replace or remove the keyboard (core.telegram.org/bots/api#editmessagereplymarkup)."""
    chat, message = _editable(telegram, call.chat_id, call.message_id)
    fields: JsonDict = {name: message.body[name] for name in _CONTENT[:-1] if name in message.body}
    markup = checked_markup(call.reply_markup, telegram.limits, private=chat.kind == "private")
    if markup:
        fields["reply_markup"] = markup
    return _amended(telegram, chat, message, fields)


def delete_message(telegram: Telegram, call: DeleteMessage) -> bool:
    """Delete one message (core.telegram.org/bots/api#deletemessage)."""
    chat = telegram.find(call.chat_id)
    message = chat.messages.get(call.message_id)
    if message is None:
        raise bad_request("message to delete not found")
    _check_deletable(telegram, chat, message)
    telegram.remove(chat, message)
    return True


def delete_messages(telegram: Telegram, call: DeleteMessages) -> bool:
    """Delete up to 100 messages, skipping unknown ones (core.telegram.org/bots/api#deletemessages)."""
    chat = telegram.find(call.chat_id)
    if not call.message_ids:
        raise bad_request("message identifiers are not specified")
    if len(call.message_ids) > MOST_DELETED:
        raise bad_request("too many message identifiers specified")
    found = [chat.messages[number] for number in dict.fromkeys(call.message_ids) if number in chat.messages]
    for message in found:
        _check_deletable(telegram, chat, message)
    for message in found:
        telegram.remove(chat, message)
    return True


def answer_callback_query(telegram: Telegram, call: AnswerCallbackQuery) -> bool:
    """Show a pop-up to who pressed a button (core.telegram.org/bots/api#answercallbackquery)."""
    query = telegram.world.queries.get(call.callback_query_id)
    oldest = telegram.now() - telegram.limits.callback_lifetime.total_seconds()
    if query is None or query.date < oldest:
        raise bad_request(_OLD_QUERY)
    text = call.text or ""
    if len(text) > telegram.limits.callback_text:
        raise bad_request("MESSAGE_TOO_LONG")
    if query.answered:
        return True
    query.answered = True
    popup = Popup(query.person, text, bool(call.show_alert), telegram.now(), query.id, call.url)
    shown = telegram.world.popups.setdefault(query.person, [])
    shown.append(popup)
    del shown[: -telegram.limits.messages_per_chat]
    body = {"text": text, "alert": popup.alert, "query_id": query.id, "url": popup.url}
    popup.seq = telegram.hub.publish("popup", body, person=query.person)
    return True


def _editable(telegram: Telegram, chat_id: int | str | None, message_id: int | None) -> tuple[Chat, Message]:
    if chat_id is None:
        raise bad_request("chat_id is empty")
    chat = telegram.reach(chat_id)
    if message_id is None:
        raise bad_request("message identifier is not specified")
    message = chat.messages.get(message_id)
    if message is None:
        raise bad_request("message to edit not found")
    if message.sender != telegram.bot.id or "pinned_message" in message.body:
        raise bad_request("message can't be edited")
    return chat, message


def _amended(
    telegram: Telegram, chat: Chat, message: Message, fields: JsonDict, replaced: tuple[str, ...] = _CONTENT
) -> JsonDict:
    old = message.body
    if {name: old[name] for name in replaced if name in old} == fields:
        raise bad_request(_SAME)
    telegram.flood.spend(chat.id)
    kept = {name: value for name, value in old.items() if name not in replaced}
    body = kept | {"edit_date": telegram.now()} | fields
    telegram.amend(chat, message, body)
    return body


def _check_deletable(telegram: Telegram, chat: Chat, message: Message) -> None:
    age = telegram.now() - message.date
    if age >= telegram.limits.deletion_age.total_seconds():
        raise bad_request("message can't be deleted for everyone")
    own = message.sender == telegram.bot.id
    if own or chat.kind == "private" or chat.has_right(telegram.bot.id, "can_delete_messages"):
        return
    raise bad_request("message can't be deleted")
