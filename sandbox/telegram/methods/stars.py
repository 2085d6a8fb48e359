"""How the bot takes Telegram Stars: invoices, the answer before a payment, refunds, the list of transactions."""

from typing import Final

from aiogram.methods import (
    AnswerPreCheckoutQuery,
    CreateInvoiceLink,
    GetMyStarBalance,
    GetStarTransactions,
    RefundStarPayment,
)

from sandbox.telegram import stars
from sandbox.telegram.core import Telegram
from sandbox.telegram.state import StarInvoice
from sandbox.telegram.wire import JsonDict, bad_request

STARS: Final = "XTR"
TITLE, DESCRIPTION, PAYLOAD_BYTES, MOST_LISTED = 32, 255, 128, 100
MOST_STARS: Final = 100_000


def create_invoice_link(telegram: Telegram, call: CreateInvoiceLink) -> str:
    """Make a link that opens an invoice (core.telegram.org/bots/api#createinvoicelink)."""
    if call.currency != STARS:
        raise bad_request("PAYMENT_PROVIDER_INVALID")
    if not 1 <= len(call.title) <= TITLE or not 1 <= len(call.description) <= DESCRIPTION:
        raise bad_request("title and description must be 1-32 and 1-255 characters long")
    if not 1 <= len(call.payload.encode()) <= PAYLOAD_BYTES:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    if len(call.prices) != 1 or call.provider_token:
        raise bad_request("STARS_INVOICE_INVALID")
    if not 1 <= call.prices[0].amount <= MOST_STARS:
        raise bad_request("PRICE_TOTAL_AMOUNT_INVALID")
    return stars.make_link(
        telegram, StarInvoice(call.title, call.description, call.payload, call.prices[0].amount)
    )


def answer_pre_checkout_query(telegram: Telegram, call: AnswerPreCheckoutQuery) -> bool:
    """Answer before a payment (core.telegram.org/bots/api#answerprecheckoutquery)."""
    if not call.ok and not call.error_message:
        raise bad_request("error_message must be non-empty")
    stars.answer(telegram, call.pre_checkout_query_id, None if call.ok else call.error_message)
    return True


def refund_star_payment(telegram: Telegram, call: RefundStarPayment) -> bool:
    """Pay stars back (core.telegram.org/bots/api#refundstarpayment)."""
    stars.refund(telegram, call.user_id, call.telegram_payment_charge_id)
    return True


def get_my_star_balance(telegram: Telegram, _call: GetMyStarBalance) -> JsonDict:
    """Tell what the bot holds (core.telegram.org/bots/api#getmystarbalance)."""
    return {"amount": stars.balance(telegram)}


def get_star_transactions(telegram: Telegram, call: GetStarTransactions) -> JsonDict:
    """List transactions (core.telegram.org/bots/api#getstartransactions)."""
    limit = min(call.limit or MOST_LISTED, MOST_LISTED)
    return {"transactions": stars.transactions(telegram, call.offset or 0, limit)}
