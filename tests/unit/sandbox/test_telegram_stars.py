"""The stand-in's stars: asked before the payment, paid, refunded once, listed; wrong calls are refused."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import LabeledPrice, Update

from sandbox.clock import TravelClock
from sandbox.telegram.client import Person, Refused, Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import TelegramServer

ONE = [LabeledPrice(label="a", amount=50)]


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    """A stand-in without rates."""
    async with TelegramServer(clock=TravelClock(), limits=Limits.unthrottled()) as running:
        yield running


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    """A bot of aiogram's on it."""
    made = Bot(server.token, session=AiohttpSession(api=TelegramAPIServer.from_base(server.url)))
    yield made
    await made.session.close()


@pytest.fixture
async def payer(server: TelegramServer) -> AsyncIterator[Person]:
    """Somebody with stars."""
    async with Town(server.url) as town:
        yield await town.person("Dora")


async def answer_next(bot: Bot, *, ok: bool) -> None:
    """Wait for the question before a payment and answer it."""
    update: Update = (await bot.get_updates(timeout=10, allowed_updates=["pre_checkout_query", "message"]))[0]
    assert update.pre_checkout_query is not None
    assert update.pre_checkout_query.total_amount == 50
    await bot.get_updates(offset=update.update_id + 1)
    await bot.answer_pre_checkout_query(update.pre_checkout_query.id, ok, None if ok else "not now")


async def test_stars_are_paid_refunded_and_listed(bot: Bot, payer: Person) -> None:
    """A yes takes the stars and tells the bot; a refund gives them back once; both stand in the list."""
    link = await bot.create_invoice_link("Support", "A gift", "payload", "XTR", ONE)
    charge, _ = await asyncio.gather(payer.pay(link), answer_next(bot, ok=True))
    (told,) = await bot.get_updates()
    assert told.message is not None
    assert told.message.successful_payment is not None
    assert told.message.successful_payment.telegram_payment_charge_id == charge
    assert await bot.refund_star_payment(payer.id, charge)
    with pytest.raises(TelegramBadRequest, match="CHARGE_ALREADY_REFUNDED"):
        await bot.refund_star_payment(payer.id, charge)
    listed = (await bot.get_star_transactions()).transactions
    assert [(each.id, each.amount, each.source is None) for each in listed] == [
        (charge, 50, False),
        (charge, 50, True),
    ]


async def test_no_takes_nothing(bot: Bot, payer: Person) -> None:
    """A no reaches the payer in the bot's words, and no stars move."""
    link = await bot.create_invoice_link("Support", "A gift", "payload", "XTR", ONE)
    paid, _ = await asyncio.gather(payer.pay(link), answer_next(bot, ok=False), return_exceptions=True)
    assert isinstance(paid, Refused)
    assert "not now" in str(paid)
    assert (await bot.get_star_transactions()).transactions == []


@pytest.mark.parametrize(
    ("title", "payload", "currency", "prices"),
    [
        ("", "p", "XTR", ONE),
        ("x" * 33, "p", "XTR", ONE),
        ("x", "", "XTR", ONE),
        ("x", "p" * 129, "XTR", ONE),
        ("x", "p", "EUR", ONE),
        ("x", "p", "XTR", ONE * 2),
        ("x", "p", "XTR", [LabeledPrice(label="a", amount=0)]),
    ],
)
async def test_wrong_invoice_is_refused(
    bot: Bot, title: str, payload: str, currency: str, prices: list[LabeledPrice]
) -> None:
    """What Telegram would not take is not taken here."""
    with pytest.raises(TelegramBadRequest):
        await bot.create_invoice_link(title, "A gift", payload, currency, prices)


async def test_answer_that_nobody_waits_for_is_too_old(bot: Bot) -> None:
    """An answer after ten seconds, or to nothing, is refused in Telegram's words."""
    with pytest.raises(TelegramBadRequest, match="query is too old"):
        await bot.answer_pre_checkout_query("1", ok=True)
