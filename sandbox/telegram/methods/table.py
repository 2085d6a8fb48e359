"""Every method of the Bot API that the stand-in knows, by its lower-case name; Telegram ignores case."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiogram import methods as api
from aiogram.methods import TelegramMethod

from sandbox.telegram.core import Telegram
from sandbox.telegram.methods import chats, editing, profile, receiving, sending, stars
from sandbox.telegram.validate import Parameters, Signature

M = TypeVar("M", bound=TelegramMethod[Any])


@dataclass(frozen=True, slots=True)
class Method:
    """A known method: its name as documented, and what runs a call of it."""

    name: str
    run: Callable[[Telegram, Parameters], object | Awaitable[object]]


def _method(model: type[M], act: Callable[[Telegram, M], object | Awaitable[object]]) -> Method:
    signature = Signature.of(model)

    def run(telegram: Telegram, parameters: Parameters) -> object | Awaitable[object]:
        return act(telegram, signature.read(parameters))

    return Method(model.__api_method__, run)


_ALL: Final = (
    _method(api.GetMe, receiving.get_me),
    _method(api.GetUpdates, receiving.get_updates),
    _method(api.SetWebhook, receiving.set_webhook),
    _method(api.DeleteWebhook, receiving.delete_webhook),
    _method(api.GetWebhookInfo, receiving.get_webhook_info),
    _method(api.GetFile, receiving.get_file),
    _method(api.SendMessage, sending.send_message),
    _method(api.SendPhoto, sending.send_photo),
    _method(api.SendDocument, sending.send_document),
    _method(api.SendChatAction, sending.send_chat_action),
    _method(api.PinChatMessage, sending.pin_chat_message),
    _method(api.EditMessageText, editing.edit_message_text),
    _method(api.EditMessageCaption, editing.edit_message_caption),
    _method(api.EditMessageMedia, editing.edit_message_media),
    _method(api.EditMessageReplyMarkup, editing.edit_message_reply_markup),
    _method(api.DeleteMessage, editing.delete_message),
    _method(api.DeleteMessages, editing.delete_messages),
    _method(api.AnswerCallbackQuery, editing.answer_callback_query),
    _method(api.GetChat, chats.get_chat),
    _method(api.GetChatMember, chats.get_chat_member),
    _method(api.GetChatAdministrators, chats.get_chat_administrators),
    _method(api.GetChatMemberCount, chats.get_chat_member_count),
    _method(api.LeaveChat, chats.leave_chat),
    _method(api.CreateInvoiceLink, stars.create_invoice_link),
    _method(api.AnswerPreCheckoutQuery, stars.answer_pre_checkout_query),
    _method(api.RefundStarPayment, stars.refund_star_payment),
    _method(api.GetMyStarBalance, stars.get_my_star_balance),
    _method(api.GetStarTransactions, stars.get_star_transactions),
    _method(api.SetMyCommands, profile.set_my_commands),
    _method(api.GetMyCommands, profile.get_my_commands),
    _method(api.DeleteMyCommands, profile.delete_my_commands),
    _method(api.SetMyName, profile.set_my_name),
    _method(api.GetMyName, profile.get_my_name),
    _method(api.SetMyDescription, profile.set_my_description),
    _method(api.GetMyDescription, profile.get_my_description),
    _method(api.SetMyShortDescription, profile.set_my_short_description),
    _method(api.GetMyShortDescription, profile.get_my_short_description),
)
METHODS: Final = {method.name.lower(): method for method in _ALL}
