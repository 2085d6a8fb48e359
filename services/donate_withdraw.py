"""`/withdraw`: a treasurer enters what has left a provider and what arrived of it; a second treasurer confirms."""

from uuid import UUID, uuid4

from models.donation import Provider, Withdrawal, WithdrawalStatus
from models.errors import BadInput, ButtonGone
from models.unit import Unit
from models.volunteer import Role
from payments import withdrawals
from payments.money import Money, parse_amount
from services import treasury
from services.access import Act, Actor, require
from services.contact import volunteer_recipient
from services.roles import holders
from services.screens import Rows
from services.speak import Button, Screen, notify, show
from texts.formats import money


async def show_held(unit: Unit, actor: Actor) -> None:
    """What each provider holds."""
    require(actor, Act.ENTER_MONEY)
    rows: Rows = [
        [
            Button(
                _named(unit, provider, held, actor.language),
                "withdraw.from",
                {"provider": provider.value, "currency": held.currency},
            )
        ]
        for provider, held in await withdrawals.held(unit)
    ]
    key = "donate.withdraw.which" if rows else "donate.withdraw.nothing"
    await show(unit, actor.to, Screen(unit.texts.render(key, actor.language), [*rows, _desk(unit, actor)]))


async def ask_taken(unit: Unit, actor: Actor, currency: str) -> None:
    """Ask how much has left the provider."""
    require(actor, Act.ENTER_MONEY)
    text = unit.texts.render("donate.asked.taken", actor.language, currency=currency)
    await show(unit, actor.to, Screen(text, [_desk(unit, actor)]))


def read_taken(actor: Actor, typed: str, currency: str) -> Money:
    """A typed amount in the provider's currency. Raises `BadInput`."""
    require(actor, Act.ENTER_MONEY)
    return parse_amount(typed, currency)


async def ask_arrived(unit: Unit, actor: Actor, taken: Money) -> None:
    """Ask how much of it has arrived, in the fund's currency."""
    require(actor, Act.ENTER_MONEY)
    text = unit.texts.render(
        "donate.asked.arrived",
        actor.language,
        taken=money(taken.amount, taken.currency, actor.language),
        currency=unit.policy.currency,
    )
    await show(unit, actor.to, Screen(text, [_desk(unit, actor)]))


async def check(unit: Unit, actor: Actor, provider: Provider, taken: Money, typed: str) -> None:
    """Show both amounts, and ask whether they are right. Raises `BadInput`."""
    require(actor, Act.ENTER_MONEY)
    arrived = parse_amount(typed, unit.policy.currency)
    args: dict[str, str | int] = {
        "withdrawal": str(uuid4()),
        "provider": provider.value,
        "currency": taken.currency,
        "taken": taken.amount,
        "arrived": arrived.amount,
    }
    rows = [
        [Button(unit.texts.render("donate.button.withdraw-enter", actor.language), "withdraw.enter", args)],
        [Button(unit.texts.render("donate.button.withdraw-retype", actor.language), "withdraw.home")],
        _desk(unit, actor),
    ]
    await show(unit, actor.to, Screen(_both(unit, "check", taken, arrived, actor.language), rows))


async def enter(
    unit: Unit, actor: Actor, withdrawal_id: UUID, provider: Provider, taken: Money, arrived: int
) -> None:
    """Keep the entry and ask the other treasurers to confirm it."""
    volunteer = require(actor, Act.ENTER_MONEY)
    came = Money(arrived, unit.policy.currency)
    await withdrawals.enter(unit, withdrawal_id, provider, taken, came, volunteer.id)
    for other in await holders(unit, Role.TREASURER):
        if other.id != volunteer.id:
            to = await volunteer_recipient(unit, other)
            label = unit.texts.render("treasury.button.open", to.language)
            opener = Button(label, "withdraw.open", {"withdrawal": str(withdrawal_id)})
            await notify(unit, to, Screen(unit.texts.render("donate.withdraw.told", to.language), [[opener]]))


async def confirm(unit: Unit, actor: Actor, withdrawal_id: UUID) -> None:
    """Count the money, and reserve what has waited for it."""
    volunteer = require(actor, Act.CONFIRM_MONEY)
    await withdrawals.confirm(unit, await _row(unit, withdrawal_id), volunteer.id)
    await treasury.fund_waiting(unit, actor.name)


async def refuse(unit: Unit, actor: Actor, withdrawal_id: UUID) -> None:
    """Close the entry without counting it."""
    volunteer = require(actor, Act.ENTER_MONEY)
    await withdrawals.refuse(unit, await _row(unit, withdrawal_id), volunteer.id)


async def show_withdrawal(unit: Unit, actor: Actor, withdrawal_id: UUID) -> None:
    """One entry and what this treasurer may do with it."""
    volunteer = require(actor, Act.CONFIRM_MONEY)
    row = await _row(unit, withdrawal_id)
    args = {"withdrawal": str(row.id)}
    acts: tuple[str, ...] = ()
    if row.status is WithdrawalStatus.PENDING:
        acts = ("refuse",) if row.entered_by == volunteer.id else ("confirm", "refuse")
    rows: Rows = [
        [Button(unit.texts.render(f"donate.button.withdraw-{act}", actor.language), f"withdraw.{act}", args)]
        for act in acts
    ]
    taken, arrived = Money(row.taken, row.currency), Money(row.arrived, unit.policy.currency)
    text = _both(unit, row.status.value, taken, arrived, actor.language)
    await show(unit, actor.to, Screen(text, [*rows, _desk(unit, actor)]))


def provider_of(named: str) -> Provider:
    """The provider of a button. Raises `BadInput` for one that holds nothing."""
    provider = Provider(named)
    if provider not in withdrawals.HELD_BY:
        raise BadInput("donate.bad.held")
    return provider


async def _row(unit: Unit, withdrawal_id: UUID) -> Withdrawal:
    row = await unit.session.get(Withdrawal, withdrawal_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise ButtonGone
    return row


def _both(unit: Unit, state: str, taken: Money, arrived: Money, language: str) -> str:
    return unit.texts.render(
        f"donate.withdraw.{state}",
        language,
        taken=money(taken.amount, taken.currency, language),
        arrived=money(arrived.amount, arrived.currency, language),
    )


def _named(unit: Unit, provider: Provider, held: Money, language: str) -> str:
    name = unit.texts.render(f"donate.provider.{provider}", language)
    return f"{name}: {money(held.amount, held.currency, language)}"


def _desk(unit: Unit, actor: Actor) -> list[Button]:
    return [Button(unit.texts.render("treasury.button.desk", actor.language), "treasury.desk")]
