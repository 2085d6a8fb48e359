"""A treasurer's entry of money: typed, checked on a screen, confirmed by a second treasurer, then in the books."""

from uuid import UUID, uuid4

from models.errors import ButtonGone
from models.funding import FundingStatus, PendingFunding
from models.unit import Unit
from models.volunteer import Role
from payments import funding
from payments.money import Money, parse_amount
from services import treasury
from services.access import Act, Actor, require
from services.contact import volunteer_recipient
from services.donate_hand import record_hand_gift
from services.roles import holders
from services.speak import Button, Screen, notify, show
from texts.formats import money


async def ask_amount(unit: Unit, actor: Actor) -> None:
    """Ask how much has come in."""
    require(actor, Act.ENTER_MONEY)
    text = unit.texts.render("treasury.fund.ask", actor.language, currency=unit.policy.currency)
    provider = Button(unit.texts.render("donate.button.withdraw", actor.language), "withdraw.home")
    await show(unit, actor.to, Screen(text, [[provider], [_desk(unit, actor)]]))


async def check_amount(unit: Unit, actor: Actor, typed: str) -> None:
    """Show the amount that was typed and ask whether it is right. Raises `BadInput`."""
    require(actor, Act.ENTER_MONEY)
    read = parse_amount(typed, unit.policy.currency)
    args: dict[str, str | int] = {"funding": str(uuid4()), "amount": read.amount}
    rows = [
        [Button(unit.texts.render("treasury.button.fund-enter", actor.language), "treasury.fund_enter", args)],
        [Button(unit.texts.render("treasury.button.retype", actor.language), "treasury.fund")],
        [_desk(unit, actor)],
    ]
    amount = money(read.amount, read.currency, actor.language)
    await show(
        unit, actor.to, Screen(unit.texts.render("treasury.fund.check", actor.language, amount=amount), rows)
    )


async def enter(unit: Unit, actor: Actor, funding_id: UUID, amount: int) -> PendingFunding:
    """Keep an entry (minor units of the policy's currency) and ask the other treasurers to confirm it."""
    volunteer = require(actor, Act.ENTER_MONEY)
    pending = await funding.enter(unit, funding_id, Money(amount, unit.policy.currency), volunteer.id)
    for other in await holders(unit, Role.TREASURER):
        if other.id != volunteer.id:
            to = await volunteer_recipient(unit, other)
            label = unit.texts.render("treasury.button.open", to.language)
            button = Button(label, "treasury.fund_open", {"funding": str(pending.id)})
            await notify(unit, to, Screen(unit.texts.render("treasury.told.funding", to.language), [[button]]))
    return pending


async def confirm(unit: Unit, actor: Actor, funding_id: UUID) -> None:
    """Count the money, and reserve what has waited for it. Raises `SamePerson`, and `MoveRefused` when closed."""
    volunteer = require(actor, Act.CONFIRM_MONEY)
    pending = await _pending(unit, funding_id)
    await funding.confirm(unit, pending, volunteer.id)
    await record_hand_gift(unit, pending)
    await treasury.fund_waiting(unit, actor.name)


async def refuse(unit: Unit, actor: Actor, funding_id: UUID) -> None:
    """Close an entry without counting it; the one who entered it may take it back so."""
    volunteer = require(actor, Act.ENTER_MONEY)
    await funding.refuse(unit, await _pending(unit, funding_id), volunteer.id)


async def show_funding(unit: Unit, actor: Actor, funding_id: UUID) -> None:
    """One entry and what this treasurer may do with it."""
    volunteer = require(actor, Act.CONFIRM_MONEY)
    pending = await _pending(unit, funding_id)
    mine = pending.entered_by == volunteer.id
    verbs: tuple[str, ...] = ()
    if pending.status == FundingStatus.PENDING:
        verbs = ("fund-take-back",) if mine else ("fund-confirm", "fund-refuse")
    acts = {"fund-take-back": "treasury.fund_refuse", "fund-refuse": "treasury.fund_refuse"}
    args = {"funding": str(pending.id)}
    rows = [
        [
            Button(
                unit.texts.render(f"treasury.button.{verb}", actor.language),
                acts.get(verb, "treasury.fund_confirm"),
                args,
            )
        ]
        for verb in verbs
    ]
    amount = money(pending.amount, pending.currency, actor.language)
    key = f"treasury.fund.{pending.status}-{'mine' if mine else 'other'}"
    text = unit.texts.render(key, actor.language, amount=amount)
    await show(unit, actor.to, Screen(text, [*rows, [_desk(unit, actor)]]))


async def _pending(unit: Unit, funding_id: UUID) -> PendingFunding:
    pending = await unit.session.get(PendingFunding, funding_id, with_for_update=True, populate_existing=True)
    if pending is None:
        raise ButtonGone
    return pending


def _desk(unit: Unit, actor: Actor) -> Button:
    return Button(unit.texts.render("treasury.button.desk", actor.language), "treasury.desk")
