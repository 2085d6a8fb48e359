"""Asked of Telegram between two transactions, about stars: invoices, refunds, and the list of all transactions."""

from typing import Final
from uuid import UUID

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramNotFound
from aiogram.types import LabeledPrice, StarTransaction, TransactionPartnerUser

from bot.database import Resources
from bot.errands import Errand
from models.donation import Donation
from payments.ledger import Purpose
from payments.money import STARS, Money
from payments.reconcile import Difference
from services import donate_stars, reconciling_providers
from services.donate_stars import StarMove
from services.donate_stripe import try_later

PAGE: Final = 100
"""Transactions of one answer (Bot API, getStarTransactions)."""

REFUNDED_ALREADY: Final = "CHARGE_ALREADY_REFUNDED"
"""Telegram's own word (Bot API, refundStarPayment)."""


async def make_invoice(resources: Resources, bot: Bot, donation_id: UUID) -> None:
    """Have Telegram make the invoice of one gift. Asked twice it makes two, of which one can be paid."""
    async with resources.unit() as unit:
        invoice = await donate_stars.take_invoice(unit, donation_id)
    if invoice is None:
        return
    try:
        url = await bot.create_invoice_link(
            invoice.title,
            invoice.description,
            str(invoice.donation),
            STARS,
            [LabeledPrice(label=invoice.title, amount=invoice.stars)],
        )
    except (AiogramError, OSError):
        async with resources.unit() as unit:
            await try_later(unit, Donation, donation_id)
        return
    async with resources.unit() as unit:
        await donate_stars.invoice_made(unit, donation_id, url)


async def refund(resources: Resources, bot: Bot, donation_id: UUID) -> None:
    """Have Telegram pay one gift back; one that is paid back already is fine."""
    async with resources.unit() as unit:
        taken = await donate_stars.take_refund(unit, donation_id)
    if taken is None:
        return
    user, charge = taken
    try:
        await bot.refund_star_payment(user, charge)
    except TelegramBadRequest as refused:
        if REFUNDED_ALREADY not in refused.message:
            async with resources.unit() as unit:
                await donate_stars.refund_refused(unit, donation_id)
            return
    except (AiogramError, OSError):
        async with resources.unit() as unit:
            await try_later(unit, Donation, donation_id)
        return
    async with resources.unit() as unit:
        await donate_stars.paid_back(unit, charge)


async def reconcile(resources: Resources, bot: Bot, _: UUID | None = None) -> int:
    """Read the whole list of transactions and record what was missed; returns how much that was."""
    offset, missed = 0, 0
    while True:
        page = (await bot.get_star_transactions(offset=offset, limit=PAGE)).transactions
        moves = [move for each in page if (move := _move(each)) is not None]
        async with resources.unit() as unit:
            missed += await donate_stars.reconcile(unit, moves)
            if len(page) < PAGE:
                await donate_stars.reconciled(unit)
        if len(page) < PAGE:
            return missed
        offset += len(page)


async def compare(resources: Resources, bot: Bot) -> list[Difference]:
    """Compare what Telegram holds with the books; a Bot API server that knows no such question is left alone."""
    try:
        held = await bot.get_my_star_balance()
    except (TelegramBadRequest, TelegramNotFound):
        return []
    async with resources.unit() as unit:
        return await reconciling_providers.compare_held(unit, Purpose.STARS, [Money(held.amount, STARS)])


async def _reconcile(resources: Resources, bot: Bot, key: UUID) -> None:
    try:
        await reconcile(resources, bot, key)
        await compare(resources, bot)
    except (AiogramError, OSError):
        async with resources.unit() as unit:
            await donate_stars.reconciled(unit, whole=False)


def _move(transaction: StarTransaction) -> StarMove | None:
    """A gift or its refund; none for withdrawals and whatever else moves stars."""
    payer, payee = transaction.source, transaction.receiver
    partner = payer or payee
    if not isinstance(partner, TransactionPartnerUser):
        return None
    return StarMove(
        transaction.id, transaction.amount, partner.user.id, partner.invoice_payload or "", refund=payer is None
    )


ERRANDS: Final = (
    Errand("stars.invoices", donate_stars.due_invoices, make_invoice),
    Errand("stars.refunds", donate_stars.due_refunds, refund),
    Errand("stars.reconcile", donate_stars.due_reconciliation, _reconcile),
)
