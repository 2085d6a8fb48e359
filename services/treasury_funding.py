"""A treasurer's entry of money: typed, checked on a screen, confirmed by a second treasurer, then in the books.

It came by hand (bank transfer, cash), or out of what a provider or a partner holds: then what has left there is
asked for first.
"""

from uuid import UUID, uuid4

from models import audit
from models.audit import about, record
from models.errors import BadInput, ButtonGone
from models.funding import Funding, FundingSource, FundingStatus
from models.unit import Unit
from models.volunteer import Role
from payments import funding
from payments.money import Money, parse_amount
from payments.screening.givers import refuse_held
from services import givers, treasury
from services.access import Act, Actor, require
from services.contact import volunteer_recipient
from services.donate_hand import record_hand_gift
from services.roles import holders, on_duty
from services.screens import Rows
from services.speak import Button, Screen, notify, show
from texts.formats import money


async def ask_source(unit: Unit, actor: Actor) -> bool:
    """Ask from where money has come. Where nobody else holds any, ask how much; tells whether that was asked."""
    require(actor, Act.ENTER_MONEY)
    held = await funding.held(unit)
    if not held:
        await ask_amount(unit, actor)
        return True
    by_hand = Button(unit.texts.render("donate.button.by-hand", actor.language), "treasury.fund_hand")
    rows: Rows = [
        [by_hand],
        *([_source_button(unit, actor, source, there)] for source, there in held),
        [_desk(unit, actor)],
    ]
    await show(unit, actor.to, Screen(unit.texts.render("donate.funding.which", actor.language), rows))
    return False


async def ask_taken(unit: Unit, actor: Actor, currency: str) -> None:
    """Ask how much has left the source."""
    require(actor, Act.ENTER_MONEY)
    text = unit.texts.render("donate.asked.taken", actor.language, currency=currency)
    await show(unit, actor.to, Screen(text, [[_desk(unit, actor)]]))


def read_taken(actor: Actor, typed: str, currency: str) -> Money:
    """A typed amount in the source's currency. Raises `BadInput`."""
    require(actor, Act.ENTER_MONEY)
    return parse_amount(typed, currency)


async def ask_amount(unit: Unit, actor: Actor, taken: Money | None = None) -> None:
    """Ask how much has come in, or how much of what was `taken` has arrived."""
    require(actor, Act.ENTER_MONEY)
    say, currency = unit.texts.render, unit.policy.currency
    if taken is None:
        text = say("treasury.fund.ask", actor.language, currency=currency)
    else:
        left = money(taken.amount, taken.currency, actor.language)
        text = say("donate.asked.arrived", actor.language, taken=left, currency=currency)
    await show(unit, actor.to, Screen(text, [[_desk(unit, actor)]]))


async def check_amount(
    unit: Unit,
    actor: Actor,
    typed: str,
    source: FundingSource = FundingSource.HAND,
    taken: Money | None = None,
) -> None:
    """Show what was typed and ask whether it is right. Raises `BadInput`."""
    require(actor, Act.ENTER_MONEY)
    read = parse_amount(typed, unit.policy.currency)
    args: dict[str, str | int] = {"funding": str(uuid4()), "amount": read.amount, "source": str(source)}
    if taken is not None:
        args |= {"taken": taken.amount, "taken_currency": taken.currency}
    rows = [
        [Button(unit.texts.render("treasury.button.fund-enter", actor.language), "treasury.fund_enter", args)],
        [Button(unit.texts.render("treasury.button.retype", actor.language), "treasury.fund")],
        [_desk(unit, actor)],
    ]
    amount = _said(unit, read, source, taken, actor.language)
    await show(
        unit, actor.to, Screen(unit.texts.render("treasury.fund.check", actor.language, amount=amount), rows)
    )


async def enter(
    unit: Unit,
    actor: Actor,
    funding_id: UUID,
    amount: int,
    source: FundingSource = FundingSource.HAND,
    taken: Money | None = None,
) -> Funding:
    """Keep an entry (minor units of the policy's currency) and ask the other treasurers to confirm it."""
    volunteer = require(actor, Act.ENTER_MONEY)
    arrived = Money(amount, unit.policy.currency)
    row = await funding.enter(unit, funding_id, arrived, volunteer.id, source, taken)
    others = [other for other in await holders(unit, Role.TREASURER) if other.id != volunteer.id]
    for other in on_duty(others):
        to = await volunteer_recipient(unit, other)
        label = unit.texts.render("treasury.button.open", to.language)
        button = Button(label, "treasury.fund_open", {"funding": str(row.id)})
        await notify(unit, to, Screen(unit.texts.render("treasury.told.funding", to.language), [[button]]))
    return row


async def confirm(unit: Unit, actor: Actor, funding_id: UUID) -> None:
    """Count the money, and reserve what has waited for it. Raises `SamePerson`, and `MoveRefused` when closed."""
    volunteer = require(actor, Act.CONFIRM_MONEY)
    row = await _row(unit, funding_id)
    await refuse_held(unit, row.id)
    await funding.confirm(unit, row, volunteer.id)
    if row.source is FundingSource.HAND:
        await record_hand_gift(unit, row)
    await treasury.fund_waiting(unit, actor.name)


async def refuse(unit: Unit, actor: Actor, funding_id: UUID) -> None:
    """Close an entry without counting it; the one who entered it may take it back so."""
    volunteer = require(actor, Act.ENTER_MONEY)
    await funding.refuse(unit, await _row(unit, funding_id), volunteer.id)


async def show_funding(unit: Unit, actor: Actor, funding_id: UUID) -> None:
    """One entry and what this treasurer may do with it. Each look is on record."""
    volunteer = require(actor, Act.CONFIRM_MONEY)
    row = await _row(unit, funding_id)
    await record(unit, actor.name, "funding.read", about("funding", row.id))
    mine = row.entered_by == volunteer.id
    verbs: tuple[str, ...] = ()
    if row.status == FundingStatus.PENDING:
        verbs = ("fund-take-back",) if mine else ("fund-confirm", "fund-refuse")
    acts = {"fund-take-back": "treasury.fund_refuse", "fund-refuse": "treasury.fund_refuse"}
    args = {"funding": str(row.id)}
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
    if await givers.may_name(unit, row):
        label = unit.texts.render("screening.button.giver", actor.language)
        rows.append([Button(label, "screening.giver", args)])
    arrived = Money(row.amount, row.currency)
    amount = _said(unit, arrived, row.source, funding.taken_of(row), actor.language)
    key = f"treasury.fund.{row.status}-{'mine' if mine else 'other'}"
    text = unit.texts.render(key, actor.language, amount=amount)
    await show(unit, actor.to, Screen(text, [*rows, [_desk(unit, actor)]]))


def source_of(named: str) -> FundingSource:
    """The source of a button that holds something. Raises `BadInput` for money by hand, of which none is held."""
    source = FundingSource(named)
    if source not in funding.HELD_BY:
        raise BadInput("donate.bad.held")
    return source


async def _row(unit: Unit, funding_id: UUID) -> Funding:
    await audit.hold(unit)  # before the row, as everybody who moves money does
    row = await unit.session.get(Funding, funding_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise ButtonGone
    return row


def _said(unit: Unit, arrived: Money, source: FundingSource, taken: Money | None, language: str) -> str:
    """What arrived; and out of what, where somebody else held it."""
    amount = money(arrived.amount, arrived.currency, language)
    if taken is None:
        return amount
    left = money(taken.amount, taken.currency, language)
    name = unit.texts.render(f"donate.source.{source}", language)
    return unit.texts.render("donate.funding.out-of", language, amount=amount, taken=left, source=name)


def _source_button(unit: Unit, actor: Actor, source: FundingSource, held: Money) -> Button:
    name = unit.texts.render(f"donate.source.{source}", actor.language)
    label = f"{name}: {money(held.amount, held.currency, actor.language)}"
    return Button(label, "treasury.fund_from", {"source": str(source), "currency": held.currency})


def _desk(unit: Unit, actor: Actor) -> Button:
    return Button(unit.texts.render("treasury.button.desk", actor.language), "treasury.desk")
