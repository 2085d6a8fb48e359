"""What the payout desk shows: to treasurers the work, to the person where their money is.

A treasurer sees number, amount, rail and waiting time; the destination only when they hold the payout; never a
case's code or story. Everything here is shown in the one screen of a private chat. Each look is on record.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from models.audit import about_money, record
from models.case import Case
from models.errors import NotAllowed
from models.funding import Funding, FundingStatus
from models.grant import PAYOUT_OVER, Grant, Payout, PayoutStatus, ReturnReason
from models.unit import Unit
from payments import doubts, grants, ledger, payouts
from payments.rails import registry
from services import treasury, treasury_differences, treasury_leaving
from services.access import Act, Actor, require
from services.speak import Button, Screen, for_copying, show
from services.treasury import read_destination
from services.treasury_doubt_screens import incident_rows, show_doubt
from services.treasury_machine import look, machine
from services.treasury_rails import price
from services.treasury_rights import held
from texts.formats import money, span

PAGE: Final = 8
"""Payouts on one screen of the desk."""

Stand = tuple[str, tuple[str, ...]]
"""What is said of a payout, and what may be done."""

Y = PayoutStatus

STANDS: Final[Mapping[tuple[PayoutStatus, bool], Stand]] = {
    (Y.ORDERED, True): ("ordered-mine", ("refuse_order",)),
    (Y.ORDERED, False): ("ordered", ("agree_order", "refuse_order")),
    (Y.PAYING, True): ("paying", ()),
    (Y.PAYING, False): ("paying", ()),
    (Y.SENT, True): ("sent-mine", ("returned",)),
    (Y.SENT, False): ("sent", ("confirm", "returned")),
    (Y.RETURNING, True): ("returning-mine", ("deny_return",)),
    (Y.RETURNING, False): ("returning", ("confirm_return", "deny_return")),
    (Y.PAID, True): ("paid", ("returned", "recheck")),
    (Y.PAID, False): ("paid", ("returned", "recheck")),
}
"""By status, and by whether this treasurer made the last step."""


async def show_desk(unit: Unit, actor: Actor, page: int = 0, *, done: bool = False) -> None:
    """The queue, what did not arrive first, then the oldest; or with `done` what has been paid, newest first."""
    require(actor, Act.CLAIM_PAYOUT)
    seen = "paid_payouts" if done else "payout_desk"
    await record(unit, actor.name, f"{seen}.read", seen)
    wanted = col(Payout.status) == PayoutStatus.PAID if done else treasury.is_open_work()
    order = col(Payout.paid_at).desc() if done else col(Payout.missing_at).is_(None)
    found = await unit.session.exec(
        select(Payout, Grant)
        .join(Grant, col(Grant.id) == Payout.grant_id)
        .where(wanted)
        .order_by(order, col(Payout.created_at), col(Payout.id))
        .offset(max(page, 0) * PAGE)
        .limit(PAGE + 1)
    )
    lines = found.all()
    rows = [[await _entry(unit, actor, payout, grant)] for payout, grant in lines[:PAGE]]
    happened = [] if done else [*await incident_rows(unit, actor), *await _differences(unit, actor)]
    rows = [*happened, *rows, *([] if done else await _fundings(unit, actor))]
    rows += _turning(unit, actor, page, done=done, more=len(lines) > PAGE)
    key = "treasury.desk.done" if done else "treasury.desk" if lines or happened else "treasury.desk.empty"
    text = f"{_say(unit, actor, key)}\n\n{await _books(unit, actor)}"
    await show(unit, actor.to, Screen(text, rows))


async def show_payout(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """One payout as this treasurer may see it; the destination when they hold it."""
    volunteer, payout, grant, case = await held(unit, actor, Act.CLAIM_PAYOUT, payout_id)
    mine = payout.claimed_by == volunteer.id
    facts = _facts(unit, actor, payout, grant)
    if await _is_for_two(unit, payout, case):
        await _note_look(unit, actor, payout)
        await show_doubt(unit, actor, payout, grant)
        return
    if payout.status == PayoutStatus.CLAIMED and mine and case is not None and payouts.is_wanted(case):
        await _show_destination(unit, actor, payout, grant, case)
        return
    await _note_look(unit, actor, payout)
    acted = payout.returned_by if payout.status == PayoutStatus.RETURNING else payout.claimed_by
    key, verbs = STANDS.get((payout.status, acted == volunteer.id), ("closed", ()))
    if payout.status == PayoutStatus.QUEUED:
        key, verbs = _queued(payout, volunteer.id)
    elif payout.status == PayoutStatus.CLAIMED:
        key, verbs = await _claimed(unit, payout, mine=mine)
    elif payout.status == PayoutStatus.SENT and machine(unit, payout):
        key, verbs = await _sent(unit, payout, case, mine=mine)
    reference = payouts.reference_of(unit, payout)
    text = _held_back(unit, actor, payout) + _say(
        unit, actor, f"treasury.payout.{key}", reference=reference, **facts
    )
    if payout.status == PayoutStatus.ORDERED:
        text = f"{text}\n\n{await price(unit, actor, payout, grant)}".rstrip()
    await show(unit, actor.to, Screen(text, _verbs(unit, actor, payout, verbs), protect=bool(reference)))


async def _note_look(unit: Unit, actor: Actor, payout: Payout) -> None:
    await record(unit, actor.name, "payout.read", about_money(unit, "payout", payout.id))


async def _is_for_two(unit: Unit, payout: Payout, case: Case | None) -> bool:
    """Whether two treasurers have to say what became of a payout before anything else is done with it.

    What is paid by hand and waited for, whoever takes it looks up by themselves, unless screening lets nobody
    take it.
    """
    kept = payout.status == Y.QUEUED and payout.hold is not None
    by_hand = machine(unit, payout) is None and payouts.is_wanted(case)
    return (kept or not by_hand) and await doubts.is_in_doubt(unit, payout)


def _held_back(unit: Unit, actor: Actor, payout: Payout) -> str:
    """What its person or screening says, above everything else."""
    if payout.missing_at and payout.status not in PAYOUT_OVER:
        return f"{_say(unit, actor, 'treasury.payout.missing')}\n\n"
    open_still = payout.status in {Y.QUEUED, Y.CLAIMED, Y.ORDERED, Y.PAYING}
    if payout.hold and payout.status in {Y.SENT, Y.PAID} and machine(unit, payout) is None:
        return f"{_say(unit, actor, 'treasury.payout.held-paid')}\n\n"
    return f"{_say(unit, actor, payout.hold)}\n\n" if payout.hold and open_still else ""


def _queued(payout: Payout, treasurer: UUID) -> Stand:
    """A payout to be taken; of a changed one by another than the one who looked at it."""
    if payout.changed and payout.looked_by is None:
        return "changed", ("look",)
    if payout.changed and payout.looked_by == treasurer:
        return "looked", ()
    return "unsure" if payout.unsure else "queued", ("claim",)


async def _claimed(unit: Unit, payout: Payout, *, mine: bool) -> Stand:
    """A claimed payout whose destination is not shown: nobody waits for it, or another holds it."""
    if mine:
        return (
            ("withdrawn-machine", ("give_back",))
            if machine(unit, payout)
            else ("withdrawn", ("give_back", "paid"))
        )
    if await treasury_leaving.is_abandoned(unit, payout):
        return "abandoned", ("take_over",)
    return ("silent", ("take_over",)) if treasury_leaving.is_silent(unit, payout) else ("taken", ())


async def _sent(unit: Unit, payout: Payout, case: Case | None, *, mine: bool) -> Stand:
    """A payout that a partner passes on, of which one treasurer tells them where it goes."""
    if not payouts.is_wanted(case):
        return "report", ("report", "returned")
    if await treasury_leaving.lacks_teller(unit, payout):
        return "untold", ("take_telling", "report", "returned")
    return "report", ("report", "returned", *(["where"] if mine else []))


async def show_changed(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """Where a changed payout is to go now, for the one who looks at it before another may pay."""
    destination = await look(unit, actor, payout_id)
    _, payout, grant, case = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    facts = _facts(unit, actor, payout, grant)
    text = _say(unit, actor, "treasury.payout.look", destination=destination, **facts)
    rows = _verbs(unit, actor, payout, ("looked", "doubt"))
    await show(unit, actor.to, Screen(text, rows, protect=True), case=case, life=for_copying(unit))


async def ask_reference(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """Ask the holder to type the reference under which they paid."""
    volunteer, payout, grant, _ = await held(unit, actor, Act.CLAIM_PAYOUT, payout_id)
    if payout.status != PayoutStatus.SENT or not machine(unit, payout):
        payouts.only_holder(payout, volunteer.id)
        if payout.status != PayoutStatus.CLAIMED:
            raise NotAllowed("treasury.refused.nothing-to-pay")
    text = _say(unit, actor, "treasury.reference.ask", **_facts(unit, actor, payout, grant))
    await show(unit, actor.to, Screen(text, [[_button(unit, actor, "back", payout, act="open")]]))


async def check_reference(unit: Unit, actor: Actor, payout_id: UUID, reference: str) -> None:
    """Show what was typed and ask whether it is right, before anything is entered."""
    _, payout, grant, _ = await held(unit, actor, Act.CLAIM_PAYOUT, payout_id)
    text = _say(unit, actor, "treasury.reference.check", reference=reference, **_facts(unit, actor, payout, grant))
    rows = [
        [_button(unit, actor, "paid_sure", payout)],
        [_button(unit, actor, "retype", payout, act="paid"), _button(unit, actor, "back", payout, act="open")],
    ]
    await show(unit, actor.to, Screen(text, rows, protect=True))


async def ask_reason(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """Ask why the money came back."""
    _, payout, grant, _ = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    rows = [
        [
            Button(
                _say(unit, actor, f"treasury.reason.{reason}"),
                "treasury.return_reason",
                {"payout": str(payout.id), "reason": str(reason)},
            )
        ]
        for reason in ReturnReason
    ]
    rows.append([_button(unit, actor, "back", payout, act="open")])
    text = _say(unit, actor, "treasury.reason.ask", **_facts(unit, actor, payout, grant))
    await show(unit, actor.to, Screen(text, rows))


async def show_where(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """Where a partner is to pass the money on, once more, for the one who ordered it and tells the partner."""
    destination = await read_destination(unit, actor, payout_id)
    _, payout, grant, case = await held(unit, actor, Act.CLAIM_PAYOUT, payout_id)
    facts = _facts(unit, actor, payout, grant)
    text = _say(unit, actor, "treasury.payout.where", destination=destination or "—", **facts)
    rows = [[_button(unit, actor, "back", payout, act="open")]]
    await show(unit, actor.to, Screen(text, rows, protect=True), case=case, life=for_copying(unit))


async def _show_destination(unit: Unit, actor: Actor, payout: Payout, grant: Grant, case: Case) -> None:
    """The one screen that says where to pay: protected, and gone after the policy's reading time.

    What screening holds back by now is not shown; whoever has paid already may still say so.
    """
    destination, facts = await read_destination(unit, actor, payout.id), _facts(unit, actor, payout, grant)
    by_machine = machine(unit, payout) is not None
    held_back = bool(payout.hold) and not by_machine
    if held_back or not registry.find(unit, payout.rail).needs_destination:  # else it is on record as a reading
        await _note_look(unit, actor, payout)
    by_hand = "treasury.payout.held" if held_back else "treasury.payout.destination"
    key = "treasury.payout.order" if by_machine else by_hand
    text = _held_back(unit, actor, payout) + _say(unit, actor, key, destination=destination or "—", **facts)
    if by_machine:
        text = f"{text}\n\n{await price(unit, actor, payout, grant)}".rstrip()
    verbs = ("order", "give_back") if by_machine else ("paid", "give_back")
    rows = _verbs(unit, actor, payout, verbs)
    await show(unit, actor.to, Screen(text, rows, protect=True), case=case, life=for_copying(unit))


async def _books(unit: Unit, actor: Actor) -> str:
    """What is free and what is promised, and what waits for more."""
    currency = unit.policy.currency
    free, reserved = [
        money((await ledger.balance(unit, purpose, currency)).amount, currency, actor.language)
        for purpose in (ledger.Purpose.FUND, ledger.Purpose.RESERVED)
    ]
    waiting = await grants.waiting(unit)
    line = _say(unit, actor, "treasury.books", free=free, reserved=reserved)
    suspended = await ledger.balance(unit, ledger.Purpose.SUSPENSE, currency)
    if suspended.amount:
        amount = money(suspended.amount, currency, actor.language)
        line = f"{line}\n{_say(unit, actor, 'treasury.books.suspense', amount=amount)}"
    if not waiting:
        return line
    short = money(sum(grant.amount for grant in waiting), currency, actor.language)
    return f"{line}\n{_say(unit, actor, 'treasury.books.waiting', n=len(waiting), amount=short)}"


async def _differences(unit: Unit, actor: Actor) -> list[list[Button]]:
    found = len(await treasury_differences.standing(unit))
    label = _say(unit, actor, "treasury.label.differences", count=found)
    return [[Button(label, "treasury.differences")]] if found else []


async def _fundings(unit: Unit, actor: Actor) -> list[list[Button]]:
    found = await unit.session.exec(
        select(Funding)
        .where(Funding.status == FundingStatus.PENDING)
        .order_by(col(Funding.entered_at))
        .limit(PAGE)
    )
    return [
        [
            Button(
                _say(
                    unit, actor, "treasury.label.funding", amount=money(row.amount, row.currency, actor.language)
                ),
                "treasury.fund_open",
                {"funding": str(row.id)},
            )
        ]
        for row in found.all()
    ]


def _turning(unit: Unit, actor: Actor, page: int, *, done: bool, more: bool) -> list[list[Button]]:
    act = "treasury.done" if done else "treasury.desk"
    turns = []
    if page > 0:
        turns.append(Button(_say(unit, actor, "treasury.button.newer"), act, {"page": page - 1}))
    if more:
        turns.append(Button(_say(unit, actor, "treasury.button.older"), act, {"page": page + 1}))
    other = ("queue", "treasury.desk") if done else ("done", "treasury.done")
    last = [Button(_say(unit, actor, f"treasury.button.{other[0]}"), other[1])]
    if not done:
        last.append(Button(_say(unit, actor, "treasury.button.fund"), "treasury.fund"))
        last.append(Button(_say(unit, actor, "treasury.button.ways"), "treasury.ways"))
    home = Button(_say(unit, actor, "treasury.button.back"), "volunteers.home")
    return [row for row in (turns, last, [home]) if row]


async def _entry(unit: Unit, actor: Actor, payout: Payout, grant: Grant) -> Button:
    mine = actor.volunteer is not None and payout.claimed_by == actor.volunteer.id
    state = "mine" if mine and payout.status == PayoutStatus.CLAIMED else str(payout.status)
    if await doubts.is_in_doubt(unit, payout):
        state = "doubt"
    elif payout.missing_at:
        state = "missing"
    facts = _facts(unit, actor, payout, grant)
    parts = (facts["number"], facts["amount"], facts["waiting"])
    label = f"{_say(unit, actor, f'treasury.state.{state}')} {' · '.join(parts)}"
    return Button(label, "treasury.open", {"payout": str(payout.id)})


def _facts(unit: Unit, actor: Actor, payout: Payout, grant: Grant) -> dict[str, str]:
    return {
        "number": grant.number,
        "amount": money(grant.amount, grant.currency, actor.language),
        "rail": _say(unit, actor, registry.find(unit, payout.rail).title),
        "waiting": span(unit.now - payout.created_at, actor.language),
    }


def _verbs(unit: Unit, actor: Actor, payout: Payout, verbs: tuple[str, ...]) -> list[list[Button]]:
    rows = [[_button(unit, actor, verb, payout)] for verb in verbs]
    return [*rows, [Button(_say(unit, actor, "treasury.button.desk"), "treasury.desk")]]


def _button(unit: Unit, actor: Actor, verb: str, payout: Payout, act: str | None = None) -> Button:
    label = _say(unit, actor, f"treasury.button.{verb.replace('_', '-')}")
    return Button(label, f"treasury.{act or verb}", {"payout": str(payout.id)})


def _say(unit: Unit, actor: Actor, key: str, **params: str | int) -> str:
    return unit.texts.render(key, actor.language, **params)
