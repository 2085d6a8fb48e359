"""Telegram Stars: invoices behind links, payments by people, refunds, and the list of transactions.

Rules of core.telegram.org/bots/payments-stars: currency XTR, one price, no provider token; the bot is asked before
the stars are taken and has ten seconds to answer; a payment is told by a service message; a charge is refunded
whole and once.
"""

import asyncio
import secrets
from typing import Final

from sandbox.telegram.core import Telegram
from sandbox.telegram.state import StarInvoice, StarPayment, User
from sandbox.telegram.wire import JsonDict, NotAllowed, bad_request

LINK: Final = "https://t.me/$"
ANSWER_SECONDS: Final = 10.0


def make_link(telegram: Telegram, invoice: StarInvoice) -> str:
    """Keep an invoice and return the link that opens it."""
    link = LINK + secrets.token_urlsafe(16)
    telegram.world.invoices[link] = invoice
    return link


async def pay(telegram: Telegram, person: User, link: str) -> str:
    """Pay the invoice behind a link and return the charge's id; raises what Telegram's app would show."""
    invoice = telegram.world.invoices.get(link)
    if invoice is None:
        raise NotAllowed("no such invoice")
    query = str(secrets.randbits(62))
    answered: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    telegram.checkouts[query] = answered
    asked: JsonDict = {
        "id": query,
        "from": person.body(),
        "currency": "XTR",
        "total_amount": invoice.stars,
        "invoice_payload": invoice.payload,
    }
    telegram.queue.push("pre_checkout_query", asked)
    try:
        refusal = await asyncio.wait_for(answered, ANSWER_SECONDS)
    except TimeoutError:
        raise NotAllowed("the bot did not answer in time") from None
    finally:
        del telegram.checkouts[query]
    if refusal is not None:
        raise NotAllowed(refusal)
    return take(telegram, person, invoice)


def take(telegram: Telegram, person: User, invoice: StarInvoice, *, told: bool = True) -> str:
    """Take the stars and, unless the message gets lost, tell the bot; return the charge's id."""
    charge = "stx" + secrets.token_urlsafe(60)
    telegram.world.payments.append(StarPayment(charge, person.id, invoice.stars, invoice.payload, telegram.now()))
    paid: JsonDict = {
        "currency": "XTR",
        "total_amount": invoice.stars,
        "invoice_payload": invoice.payload,
        "telegram_payment_charge_id": charge,
        "provider_payment_charge_id": "",
    }
    chat = telegram.private_chat(person)
    message = telegram.post(chat, person, {"successful_payment": paid})
    if told:
        telegram.tell_bot(chat, message)
    return charge


def answer(telegram: Telegram, query: str, refusal: str | None) -> None:
    """Let the payer go on, or tell them why not; raises the refusal for a question that nobody waits for."""
    waiting = telegram.checkouts.get(query)
    if waiting is None or waiting.done():
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    waiting.set_result(refusal)


def refund(telegram: Telegram, user: int, charge: str) -> None:
    """Give the stars back; raises Telegram's refusals."""
    payment = next((each for each in telegram.world.payments if each.charge == charge), None)
    if payment is None or payment.user != user:
        raise bad_request("CHARGE_NOT_FOUND")
    if payment.refunded is not None:
        raise bad_request("CHARGE_ALREADY_REFUNDED")
    payment.refunded = telegram.now()
    person = telegram.world.users[user]
    chat = telegram.private_chat(person)
    told: JsonDict = {
        "currency": "XTR",
        "total_amount": payment.stars,
        "invoice_payload": payment.payload,
        "telegram_payment_charge_id": charge,
    }
    telegram.tell_bot(chat, telegram.post(chat, telegram.bot, {"refunded_payment": told}))


def transactions(telegram: Telegram, offset: int, limit: int) -> list[JsonDict]:
    """List transactions in the order of their time, a refund under the id of its charge."""
    listed: list[JsonDict] = []
    for payment in telegram.world.payments:
        body = telegram.world.users[payment.user].body()
        partner = {"type": "user", "transaction_type": "invoice_payment", "user": body}
        partner["invoice_payload"] = payment.payload
        listed.append({"id": payment.charge, "amount": payment.stars, "date": payment.date, "source": partner})
        if payment.refunded is not None:
            moved = {"id": payment.charge, "amount": payment.stars, "date": payment.refunded}
            listed.append(moved | {"receiver": partner})
    listed.sort(key=lambda each: int(each["date"]))
    return listed[offset : offset + limit]


def balance(telegram: Telegram) -> int:
    """What the bot holds: everything that was paid and not paid back."""
    return sum(payment.stars for payment in telegram.world.payments if payment.refunded is None)
