"""`/gifts`: what somebody gave, what became of it, and how to stop, take back or be forgotten.

Only the giver's own chat leads to a gift, or its token. What is told of where money went is told of the books, in
groups too large to point at a person (`payments.trace`).
"""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Final
from uuid import UUID

from babel.dates import format_skeleton
from sqlmodel import col, select

from models import audit
from models.donation import (
    PAID_SINCE,
    Donation,
    DonationStatus,
    MonthlyGift,
    MonthlyStatus,
    Provider,
    RefundReason,
)
from models.errors import BadInput, ButtonGone, Refused
from models.unit import Unit
from payments.donations import advance
from payments.screening.givers import refuse_held
from payments.trace import Spent, follow
from services.access import Actor
from services.donate_settle import ask_refund, stop_monthly
from services.donors import find_by_token, forget_donor, is_donor, make_token
from services.screens import Rows
from services.speak import Button, Screen, show
from texts.formats import day, money

SHOWN: Final = PAID_SINCE | {DonationStatus.PROCESSING}
"""What somebody gave, or has done their part of."""

MOST_SHOWN: Final = 8
"""Gifts on the screen, newest first."""

DONOR: Final = "donor"
"""How the audit log names whoever gave: it must not join gifts of one person."""


async def show_gifts(unit: Unit, actor: Actor) -> None:
    """The person's gifts and monthly gifts."""
    gifts = await _gifts(unit, actor)
    monthly = await _monthly(unit, actor)
    say = unit.texts.render
    lines = [say("donate.gifts.some" if gifts or monthly else "donate.gifts.none", actor.language)]
    rows: Rows = [[Button(_line(unit, actor, gift), "donate.gift", {"gift": str(gift.id)})] for gift in gifts]
    for each in monthly:
        amount = money(each.amount, each.currency, actor.language)
        key = "donate.gifts.failing" if each.failing else "donate.gifts.monthly"
        lines.append(say(key, actor.language, amount=amount))
        label = say("donate.button.stop", actor.language, amount=amount)
        rows.append([Button(label, "donate.stop", {"monthly": str(each.id)})])
    if gifts or monthly:
        rows.append([Button(say("donate.button.forget", actor.language), "donate.forget")])
    rows.append([Button(say("donate.button.give", actor.language), "donate.home")])
    await show(unit, actor.to, Screen("\n\n".join(lines), rows))


async def ask_forgetting(unit: Unit, actor: Actor) -> None:
    """Ask before somebody is forgotten, and say what ends with it and what goes on."""
    say, monthly = unit.texts.render, await _monthly(unit, actor)
    lines = [say("donate.forget.ask", actor.language)]
    if monthly:
        lines.append(say("donate.forget.monthly", actor.language))
    lines.append(say("donate.forget.key", actor.language))
    rows = [
        [Button(say("donate.button.forget-sure", actor.language), "donate.forget_sure")],
        [Button(say("donate.button.gifts", actor.language), "donate.gifts")],
    ]
    await show(unit, actor.to, Screen("\n\n".join(lines), rows))


async def show_gift(unit: Unit, actor: Actor, donation_id: UUID) -> None:
    """One gift: where it stands, its token, where its money went; taking it back while that is possible."""
    donation = await _own(unit, actor, donation_id)
    lines = [
        _line(unit, actor, donation),
        unit.texts.render("donate.token", actor.language, token=make_token(unit, donation.id)),
    ]
    lines += await trace_lines(unit, donation, actor.language)
    rows: Rows = []
    if may_take_back(unit, donation):
        label = unit.texts.render("donate.button.take-back", actor.language)
        rows.append([Button(label, "donate.take_back", {"gift": str(donation.id)})])
    rows.append([Button(unit.texts.render("donate.button.gifts", actor.language), "donate.gifts")])
    await show(unit, actor.to, Screen("\n\n".join(lines), rows))


async def traced(unit: Unit, token: str, language: str) -> tuple[str, list[str]]:
    """What a token tells: the gift in a line, and where its money went. Raises `BadInput` for an unknown one."""
    donation = await find_by_token(unit, token)
    if donation is None or not (donation.status in SHOWN or await monthly_of(unit, token)):
        raise BadInput("donate.bad.token")
    return _described(unit, donation, language), await trace_lines(unit, donation, language)


async def monthly_of(unit: Unit, token: str) -> MonthlyGift | None:
    """The monthly gift that the gift of a token belongs to, while it goes on."""
    donation = await find_by_token(unit, token)
    if donation is None or donation.monthly_id is None:
        return None
    monthly = await unit.session.get(MonthlyGift, donation.monthly_id)
    return monthly if monthly is not None and monthly.status is MonthlyStatus.ACTIVE else None


async def stop_by_token(unit: Unit, token: str) -> None:
    """Stop the monthly gift of whoever has a token: the web page has no chat. Safe to repeat."""
    await audit.hold(unit)  # before the rows, as in `services.donate_settle.apply`
    monthly = await monthly_of(unit, token)
    if monthly is not None:
        await unit.session.refresh(monthly, with_for_update=True)
        await stop_monthly(unit, monthly, DONOR)


async def why_refused(unit: Unit, token: str, language: str) -> str | None:
    """Why the gift of a token is being paid back, or was; none unless its card was refused."""
    donation = await find_by_token(unit, token)
    if donation is None or not is_card_refused(donation):
        return None
    amount = money(donation.amount, donation.currency, language)
    return unit.texts.render("donate.told.card", language, amount=amount)


def is_card_refused(donation: Donation) -> bool:
    """Whether a gift is paid back because the policy refuses its card."""
    back = donation.status in {DonationStatus.REFUNDING, DonationStatus.REFUNDED}
    return back and donation.refund_reason is RefundReason.CARD


async def show_traced(unit: Unit, actor: Actor, token: str) -> None:
    """The same in a chat, whoever asks."""
    line, lines = await traced(unit, token, actor.language)
    rows = [[Button(unit.texts.render("donate.button.gifts", actor.language), "donate.gifts")]]
    await show(unit, actor.to, Screen("\n\n".join([line, *lines]), rows))


async def trace_lines(unit: Unit, donation: Donation, language: str) -> list[str]:
    """Where the money of a gift went, in parts of a hundred, and what still waits."""
    if donation.status is not DonationStatus.GIVEN:
        return []
    spent = await follow(unit, donation)
    lines = [_part(unit, each, language) for each in spent]
    waiting = 1 - sum((each.share for each in spent), Fraction())
    if waiting > 0:
        lines.append(unit.texts.render("donate.trace.waits", language, percent=_percent(waiting)))
    return lines


async def stop(unit: Unit, actor: Actor, monthly_id: UUID) -> None:
    """Stop a monthly gift. Raises `ButtonGone` for anybody else's."""
    await audit.hold(unit)  # before the row, as in `services.donate_settle.apply`
    monthly = await unit.session.get(MonthlyGift, monthly_id, with_for_update=True, populate_existing=True)
    if monthly is None or not is_donor(monthly, actor.chat):
        raise ButtonGone
    await stop_monthly(unit, monthly, DONOR)


async def take_back(unit: Unit, actor: Actor, donation_id: UUID) -> None:
    """Have a gift paid back. Raises `ButtonGone` for anybody else's, `Refused` when it is too late."""
    await audit.hold(unit)  # before the row, as in `services.donate_settle.apply`
    donation = await _own(unit, actor, donation_id)
    if not may_take_back(unit, donation):
        raise Refused("donate.bad.late")
    await refuse_held(unit, donation.id)
    await ask_refund(unit, donation, RefundReason.ASKED, DONOR)


async def forget(unit: Unit, actor: Actor) -> None:
    """Stop every monthly gift, also one that nobody has heard of yet, and cut all gifts off from this chat."""
    await audit.hold(unit)  # before the rows, as in `services.donate_settle.apply`
    for donation in await _begun(unit, actor):
        await advance(unit, donation, DonationStatus.EXPIRED, DONOR)
    for monthly in await _monthly(unit, actor):
        await stop_monthly(unit, monthly, DONOR)
    await forget_donor(unit, actor)


def may_take_back(unit: Unit, donation: Donation) -> bool:
    """Whether the giver may still have a gift paid back."""
    if unit.policy.donations is None or donation.given_at is None or donation.provider is Provider.HAND:
        return False
    soon = donation.given_at + timedelta(days=unit.policy.donations.refund_days) > unit.now
    return soon and donation.status is DonationStatus.GIVEN and donation.refund_reason is None


def _part(unit: Unit, spent: Spent, language: str) -> str:
    percent = _percent(spent.share)
    if spent.month is None:
        return unit.texts.render("donate.trace.paid", language, percent=percent)
    month = format_skeleton("yMMMM", spent.month, locale=language)
    if spent.category is None:
        return unit.texts.render("donate.trace.month", language, percent=percent, month=month)
    kind = unit.texts.render(f"review.category.{spent.category}", language)
    return unit.texts.render("donate.trace.kind", language, percent=percent, month=month, kind=kind)


def _percent(share: Fraction) -> str:
    """Parts of a hundred; what is more than nothing never shows as nothing."""
    whole = round(share * 100)
    return str(whole) if whole or not share else "<1"


def _line(unit: Unit, actor: Actor, donation: Donation) -> str:
    return _described(unit, donation, actor.language)


def _described(unit: Unit, donation: Donation, language: str) -> str:
    amount = money(donation.amount, donation.currency, language)
    when = day((donation.given_at or donation.asked_at).date(), language)
    why = "card-" if is_card_refused(donation) else ""
    state = unit.texts.render(f"donate.state.{why}{donation.status}", language)
    return unit.texts.render("donate.gift.line", language, amount=amount, day=when, state=state)


async def _gifts(unit: Unit, actor: Actor) -> Sequence[Donation]:
    mine = select(Donation).where(Donation.chat == actor.chat, col(Donation.status).in_(SHOWN))
    return (await unit.session.exec(mine.order_by(col(Donation.asked_at).desc()).limit(MOST_SHOWN))).all()


async def _begun(unit: Unit, actor: Actor) -> Sequence[Donation]:
    """Monthly gifts that may still be begun on a page, or have been and nobody has heard of it yet."""
    waiting = (DonationStatus.ASKED, DonationStatus.OPEN)
    mine = select(Donation).where(Donation.chat == actor.chat, Donation.monthly, col(Donation.status).in_(waiting))
    return (await unit.session.exec(mine.with_for_update().execution_options(populate_existing=True))).all()


async def _monthly(unit: Unit, actor: Actor) -> Sequence[MonthlyGift]:
    mine = select(MonthlyGift).where(MonthlyGift.chat == actor.chat, MonthlyGift.status == MonthlyStatus.ACTIVE)
    return (await unit.session.exec(mine.order_by(col(MonthlyGift.started_at)))).all()


async def _own(unit: Unit, actor: Actor, donation_id: UUID) -> Donation:
    donation = await unit.session.get(Donation, donation_id, with_for_update=True, populate_existing=True)
    if donation is None or not is_donor(donation, actor.chat):
        raise ButtonGone
    return donation
