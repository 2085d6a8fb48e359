"""python-telegram-bot in use: calls of the Bot API, its errors in the sender's words. Its HTTP: `telegram_http`.

The sender asks for what it wants; here is known how Telegram says no. Its refusals are told apart by their
descriptions (the Bot API has no codes for them), always compared in lower case.

    CallFailed
    ├── MessageGone       there is no such message, or it cannot be edited: send anew
    ├── Undeletable       Telegram will not delete it (older than 48 hours, no right)
    ├── ChatClosed        blocked, kicked, deactivated, not found: nothing will arrive in this chat
    ├── ChatMoved         the group became a supergroup
    ├── SlowDown          flood control: wait so many seconds
    ├── NotNow            Telegram cannot be reached or does not work: try again later
    └── CallRefused       the call is wrong and will not get better by repeating
"""

import contextlib
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from telegram import InputMediaPhoto, LinkPreviewOptions, MessageEntity
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError
from telegram.ext import AIORateLimiter, ExtBot

from bot.rates import Rates
from bot.telegram_http import AiohttpRequest
from services.speak import OWN_NAME, units

ANSWER_LENGTH: Final = 200
"""Characters of an answer to a press (Bot API, answerCallbackQuery)."""

DELETED_AT_ONCE: Final = 100
"""Messages of one deleteMessages call (Bot API)."""

_GONE: Final = (
    "message to edit not found",
    "message can't be edited",
    "there is no text in the message to edit",
    "message_id_invalid",
    "message identifier is not specified",
)
_CLOSED: Final = (
    "chat not found",
    "peer_id_invalid",
    "user not found",
    "chat_write_forbidden",
    "group is deactivated",
)
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)  # Telegram's servers must not fetch what a text names


class CallFailed(Exception):
    """A call was not done, or nobody knows whether it was. Holds no text of Telegram's."""


class MessageGone(CallFailed):
    """The message to edit is not there, or cannot be edited."""


class Undeletable(CallFailed):
    """The message stays: too old, or no right to delete it."""


class ChatClosed(CallFailed):
    """Nothing will arrive in this chat until the person comes back."""


class ChatMoved(CallFailed):
    """The group has another number now."""

    def __init__(self, chat: int) -> None:
        super().__init__()
        self.chat = chat


class SlowDown(CallFailed):
    """Flood control."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class NotNow(CallFailed):
    """No answer, or an answer that is none. The call may have been done."""


class CallRefused(CallFailed):
    """Telegram found the call wrong."""


@dataclass(frozen=True, slots=True)
class Face:
    """What a message shows: a text, rows of buttons (label, data or address), and bytes of a picture.

    A `covered` text is shown to who taps it: Telegram for Android puts an edited text into a notification that
    stands, and masks a spoiler there.
    """

    text: str
    rows: Sequence[Sequence[tuple[str, str]]] = ()
    picture: bytes | None = None
    covered: bool = False

    def markup(self) -> dict[str, Any]:
        """The buttons as Telegram takes them: plain, for objects would be built only to be taken apart again."""
        rows = [[_button(label, data) for label, data in row] for row in self.rows]
        return {"reply_markup": {"inline_keyboard": rows}} if rows else {}


def _button(label: str, data: str) -> dict[str, str]:
    """A button that reports its press, or opens an address; the data of a press has no colon in it."""
    return {"text": label, "url" if data.startswith(("https://", "http://")) else "callback_data": data}


class SpeakingBot(ExtBot[int]):
    """A bot whose edits answer only that they were made: nobody reads the message that Telegram sends back."""

    async def _do_post(self, endpoint: str, data: dict[str, Any], **timeouts: Any) -> Any:  # noqa: ANN401 - JSON
        answer = await super()._do_post(endpoint, data, **timeouts)
        return True if endpoint.startswith("editMessage") else answer


class TelegramCalls:
    """A bot that speaks: `async with TelegramCalls(...) as calls`."""

    def __init__(self, token: str, api_url: str, rates: Rates, proxy: str | None = None) -> None:
        """`api_url` is the base address of a Bot API server, without a slash at the end."""
        limiter = AIORateLimiter(
            overall_max_rate=0 if math.isinf(rates.overall_per_second) else rates.overall_per_second,
            group_max_rate=0 if math.isinf(rates.group_per_minute) else rates.group_per_minute,
        )
        self._request = AiohttpRequest(proxy)
        self._bot = SpeakingBot(
            token,
            base_url=f"{api_url}/bot",
            base_file_url=f"{api_url}/file/bot",
            request=self._request,
            rate_limiter=limiter,
        )
        self._username: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._request.shutdown()  # the bot's own does nothing without an `initialize`

    async def send(self, chat: int, text: str, *, protect: bool) -> int:
        """Send a text and return the message's number."""
        async with _translated():
            sent = await self._bot.send_message(
                chat, text, protect_content=protect, link_preview_options=_NO_PREVIEW
            )
            return sent.message_id
        raise AssertionError

    async def edit(self, chat: int, message: int, face: Face) -> None:
        """Let a message show something else; that it shows it already is fine."""
        async with _translated():
            try:
                await self._edit(chat, message, face)
            except BadRequest as error:
                if "message is not modified" not in error.message.lower():
                    raise

    async def delete(self, chat: int, messages: Sequence[int]) -> list[int]:
        """Delete messages; those already gone count as deleted. Returns those that Telegram will not delete."""
        left: list[int] = []
        for start in range(0, len(messages), DELETED_AT_ONCE):
            part = messages[start : start + DELETED_AT_ONCE]
            try:
                await self._delete(chat, part)
            except Undeletable:
                left += await self._delete_singly(chat, part)
        return left

    async def answer(self, press: str, text: str | None, *, alert: bool, start: str | None) -> None:
        """Answer a press; one that is too old or unknown to Telegram needs no answer any more."""
        async with _translated():
            url = f"https://t.me/{await self.username()}?start={start}" if start else None
            try:
                await self._bot.answer_callback_query(
                    press, text[:ANSWER_LENGTH] if text else None, show_alert=alert, url=url
                )
            except BadRequest as error:
                if not {"query is too old", "query id is invalid", "query_id_invalid"} & _phrases(error):
                    raise

    async def answer_checkout(self, query: str, refusal: str | None) -> None:
        """Say yes or no before a payment; a question that is too old has been answered by Telegram: with no."""
        async with _translated():
            try:
                await self._bot.answer_pre_checkout_query(query, ok=refusal is None, error_message=refusal)
            except BadRequest as error:
                if not {"query is too old", "query id is invalid", "query_id_invalid"} & _phrases(error):
                    raise

    async def leave(self, chat: int) -> None:
        """Leave a group; having left before is fine."""
        with contextlib.suppress(ChatClosed):
            async with _translated():
                await self._bot.leave_chat(chat)

    async def username(self) -> str:
        """The bot's own name, asked for once."""
        if self._username is None:
            async with _translated():
                self._username = (await self._bot.get_me()).username
        return self._username or ""

    async def _edit(self, chat: int, message: int, face: Face) -> None:
        if face.picture is not None:
            media = InputMediaPhoto(face.picture, caption=face.text)
            await self._bot.edit_message_media(media, chat_id=chat, message_id=message, api_kwargs=face.markup())
            return
        text = face.text.replace(OWN_NAME, await self.username()) if OWN_NAME in face.text else face.text
        cover = [MessageEntity(MessageEntity.SPOILER, 0, units(text))] if face.covered else None
        await self._bot.edit_message_text(
            text,
            chat_id=chat,
            message_id=message,
            entities=cover,
            api_kwargs=face.markup(),
            link_preview_options=_NO_PREVIEW,
        )

    async def _delete(self, chat: int, messages: Sequence[int]) -> None:
        async with _translated():
            try:
                if len(messages) == 1:
                    await self._bot.delete_message(chat, messages[0])
                else:
                    await self._bot.delete_messages(chat, messages)
            except BadRequest as error:
                if "not found" not in error.message.lower() or "chat not found" in error.message.lower():
                    raise

    async def _delete_singly(self, chat: int, messages: Sequence[int]) -> list[int]:
        if len(messages) == 1:
            return list(messages)
        left = []
        for message in messages:
            try:
                await self._delete(chat, [message])
            except Undeletable:
                left.append(message)
        return left


@contextlib.asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Turn python-telegram-bot's errors into ours. The original is not chained: it may quote what was sent."""
    try:
        yield
    except CallFailed:
        raise
    except TelegramError as error:
        raise _in_our_words(error) from None


def _in_our_words(error: TelegramError) -> CallFailed:
    if isinstance(error, RetryAfter):
        wait: Any = error.retry_after  # an int, or a timedelta with PTB_TIMEDELTA set
        return SlowDown(wait.total_seconds() if isinstance(wait, timedelta) else float(wait))
    if isinstance(error, ChatMigrated):
        return ChatMoved(error.new_chat_id)
    if isinstance(error, Forbidden):
        return ChatClosed()
    if isinstance(error, BadRequest):  # before NetworkError, of which it is a kind
        return _refusal(error.message.lower())
    return NotNow()


def _refusal(description: str) -> CallFailed:
    if any(phrase in description for phrase in _GONE):
        return MessageGone()
    if "can't be deleted" in description:
        return Undeletable()
    if any(phrase in description for phrase in _CLOSED):
        return ChatClosed()
    return CallRefused()


def _phrases(error: BadRequest) -> set[str]:
    description = error.message.lower()
    return {
        phrase
        for phrase in ("query is too old", "query id is invalid", "query_id_invalid")
        if phrase in description
    }
