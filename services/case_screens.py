"""The small pages around a case: asking for one thing, asking before an act, the receipt, what was erased."""

from dataclasses import replace
from datetime import datetime, timedelta

from models.case import Case, CaseStatus
from models.errors import BadInput
from models.unit import Unit
from payments import grants
from services import anew
from services.access import Actor
from services.attachments import files_of
from services.contact import To
from services.erasure import Erased
from services.receipt import Receipt, make_receipt
from services.recovery import Recovery
from services.screens import file_line
from services.speak import Button, Screen

MINUTE = timedelta(minutes=1)


def prompt(unit: Unit, to: To, key: str, problem: BadInput | None = None, *, home: bool = False) -> Screen:
    """Ask for one thing to be typed; what was wrong just now stands above."""
    lines = [] if problem is None else [_say(unit, to, problem.text_key, **problem.params)]
    lines.append(_say(unit, to, key))
    way = Button(_say(unit, to, "start.button.home"), "start.home")
    later = Button(_say(unit, to, "case.button.later"), "case.open")
    return Screen("\n\n".join(lines), [[way if home else later]])


def confirm(unit: Unit, to: To, key: str, label: str, act: str) -> Screen:
    """Ask once more before an act that cannot be undone."""
    no = Button(_say(unit, to, "case.button.no"), "start.open")
    return Screen(_say(unit, to, key), [[Button(_say(unit, to, label), act)], [no]])


async def confirm_erasing(unit: Unit, actor: Actor) -> Screen:
    """Ask before everything is erased; whoever would give up granted money by it is told so."""
    screen = confirm(unit, actor.to, "case.ask.erase", "case.button.erase", "case.erase_sure")
    return await _with_money(unit, actor, screen)


async def confirm_withdrawing(unit: Unit, actor: Actor) -> Screen:
    """Ask before a case is taken back, in the same way."""
    screen = confirm(unit, actor.to, "case.ask.withdraw", "case.button.withdraw", "case.withdraw_sure")
    return await _with_money(unit, actor, screen)


async def confirm_anew(unit: Unit, actor: Actor) -> Screen:
    """Ask before a case is closed to begin another. Raises `Stale` when it cannot be."""
    case = await anew.check(unit, actor)
    key = "case.ask.anew-declined" if case.status is CaseStatus.DECLINED else "case.ask.anew"
    return confirm(unit, actor.to, key, "case.button.anew_sure", "case.anew_sure")


async def adding(unit: Unit, to: To, case: Case, problem: BadInput | None = None) -> Screen:
    """What may be added, and the files that were sent."""
    lines = [] if problem is None else [_say(unit, to, problem.text_key, **problem.params)]
    lines.append(_say(unit, to, "intake.ask.added"))
    lines += [file_line(unit, to, number, file) for number, file in enumerate(await files_of(unit, case), 1)]
    return Screen("\n\n".join(lines), [[Button(_say(unit, to, "case.button.back"), "case.open")]])


def receipt(unit: Unit, to: To, case: Case) -> Screen:
    """The signed receipt."""
    back = Button(_say(unit, to, "case.button.back"), "case.open")
    return Screen(_say(unit, to, "case.receipt", receipt=make_receipt(unit, case)), [[back]])


def checking(unit: Unit, to: To) -> Screen:
    """What stands while code and phrase are checked."""
    return Screen(_say(unit, to, "case.checking"))


def proved(unit: Unit, to: To, proof: Receipt) -> Screen:
    """What a genuine receipt proves."""
    filed = proof.filed_at.strftime("%Y-%m-%d %H:%M UTC")
    home = Button(_say(unit, to, "start.button.home"), "start.home")
    return Screen(_say(unit, to, "case.genuine", code=proof.code, filed=filed), [[home]])


def not_recovered(done: Recovery, now: datetime) -> BadInput:
    """Why nothing was moved: one text for every wrong pair, another for an account that must wait."""
    if done.locked_until is None:
        return BadInput("case.bad.pair")
    return BadInput("case.bad.locked", minutes=max(1, -(-(done.locked_until - now) // MINUTE)))


def erased(unit: Unit, to: To, done: Erased) -> Screen:
    """Exactly what was removed, what could not be, and what stays in the books."""
    lines = [_say(unit, to, "case.erased.case" if done.cases else "case.erased.nothing")]
    lines.append(_say(unit, to, "case.erased.messages", n=done.messages))
    if done.too_old:
        lines.append(_say(unit, to, "case.erased.old", n=done.too_old))
    if done.grants:
        lines.append(_say(unit, to, "case.erased.books"))
        lines.append(_say(unit, to, "case.erased.mark", n=unit.policy.limits.destination_days))
    if done.money_let_go:
        lines.append(_say(unit, to, "case.erased.let-go"))
    if done.money_moving:
        lines.append(_say(unit, to, "case.erased.moving"))
    home = Button(_say(unit, to, "start.button.home"), "start.home")
    return Screen("\n\n".join(lines), [[home]])


async def _with_money(unit: Unit, actor: Actor, screen: Screen) -> Screen:
    if not await grants.may_let_go(unit, actor.chat):
        return screen
    return replace(screen, text=f"{screen.text}\n\n{_say(unit, actor.to, 'case.ask.money')}")


def _say(unit: Unit, to: To, key: str, **params: str | int) -> str:
    return unit.texts.render(key, to.language, **params)
