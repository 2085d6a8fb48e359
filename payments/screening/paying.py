"""Screening before money goes: what a rail's destination is, and the person themselves where the policy says so.

Asked when a payout is taken or ordered; of a payment by hand also each time its holder is shown where to pay, and
when they enter that they have paid; of an order once more when a machine rail is about to be asked. Days may lie
between (an empty wallet, a provider that is away), and the lists change. An order is screened for the partner whom
it pays: the policy may name another one by now.

A destination that names an exchange, or has a wallet's address in it, is screened for these by whatever rail.

A verdict that is not clear holds the payout back with the text that says why; it is asked anew at the next press.
Nothing is refused by an error here: the question that a human has to decide must be kept.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol, runtime_checkable
from uuid import UUID

from models.attempt import Attempt
from models.grant import Payout
from models.unit import Unit
from payments.rails.base import Order, Rail
from payments.screening import State, Subject, SubjectKind, Verdict, check
from payments.screening.checking import REFUSALS
from payments.screening.exchanges import named
from payments.screening.lists import stale
from payments.screening.shapes import has_address

WORSE: Final = (State.CLEAR, State.POSSIBLE, State.STALE, State.BLOCKED)
"""Each goes before the one before it."""


@runtime_checkable
class PartnerRail(Protocol):
    """A rail whose money goes through somebody named in the policy."""

    partner: str
    """Whom the next order goes through."""

    def through(self, order: Order) -> Sequence[str]:
        """Whom an order goes through, whoever the policy names by now: each name that is known of them."""
        ...


async def screen(unit: Unit, rail: Rail, payout: Payout, case_id: UUID, destination: str) -> Verdict | None:
    """The verdict on a payment, or none when nothing of it is screened. It is put on the payout."""
    verdict = await judge(unit, rail, payout, case_id, destination)
    payout.hold, payout.lists = (verdict.why, verdict.lists) if verdict else (None, None)
    payout.decided = verdict is not None and verdict.decided
    await unit.session.flush()
    return verdict


async def judge(
    unit: Unit, rail: Rail, payout: Payout, case_id: UUID | None, destination: str, order: Order | None = None
) -> Verdict | None:
    """The same, of an `order` where there is one already, and the payout stays as it is.

    Of a case that was let go meanwhile no person is screened.
    """
    involved = frozenset(who for who in (payout.claimed_by, payout.confirmed_by, payout.looked_by) if who)
    rules, subjects = unit.policy.screening, []
    through = _through(rail, order)
    if rail.screened:
        subjects += [Subject(SubjectKind.PARTNER, name, whose=rail.name, involved=involved) for name in through]
    if (rail.screened and not through) or has_address(destination):
        subjects.append(Subject(SubjectKind.WALLET, destination, case_id=case_id, involved=involved))
    subjects += [
        Subject(SubjectKind.EXCHANGE, exchange, whose=exchange, involved=involved)
        for exchange in named(destination, rules.exchanges, rules.spellings)
    ]
    if rules.beneficiaries and destination and case_id:
        subjects.append(Subject(SubjectKind.BENEFICIARY, destination, case_id=case_id, involved=involved))
    return _joined([await check(unit, subject) for subject in subjects])


def said(payout: Payout) -> Verdict | None:
    """What `screen` said of a payout last; none when nothing of it was screened."""
    if payout.lists is None:
        return None
    state = next((state for state, why in REFUSALS.items() if why == payout.hold), State.CLEAR)
    return Verdict(state, payout.lists, decided=payout.decided)


def said_of(attempt: Attempt) -> Verdict | None:
    """What was said of an attempt before its rail was asked; none when nothing of it was screened."""
    return None if attempt.lists is None else Verdict(State.CLEAR, attempt.lists, decided=attempt.decided)


async def why_stale(unit: Unit, rail: Rail) -> str | None:
    """The key of the text that says that a screened rail rests, because the lists are too old; none when not."""
    return "screening.refused.stale" if rail.screened and await stale(unit) else None


def _joined(verdicts: Sequence[Verdict]) -> Verdict | None:
    """One verdict on all subjects of a payment: the worst one, and whether a human had to decide about any."""
    if not verdicts:
        return None
    worst = max(verdicts, key=lambda verdict: WORSE.index(verdict.state))
    return replace(worst, decided=any(verdict.decided for verdict in verdicts))


def _through(rail: Rail, order: Order | None) -> Sequence[str]:
    if not isinstance(rail, PartnerRail):
        return ()
    if order is not None:
        return rail.through(order)
    return (rail.partner,) if rail.partner else ()
