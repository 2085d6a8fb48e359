"""The differences that reconciliation has found, as treasurers see them: what differs, since when, by how much.

A payout is named by its grant's number. Nothing is mended here: people find out which side is wrong, and correct
it with a new entry.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from models.attempt import Attempt
from models.audit import record
from models.grant import Grant, Payout
from models.reconciliation import KnownDifference
from models.unit import Unit
from payments.reconcile import Kind
from services.access import Act, Actor, require
from services.reconciling import TROUBLE_AGAIN
from services.speak import Button, Screen, show
from texts.formats import day, money

MOST: Final = 10
"""Differences on one screen: there should be none."""


async def standing(unit: Unit) -> Sequence[KnownDifference]:
    """What differs as far as is known, newest first."""
    found = await unit.session.exec(
        select(KnownDifference)
        .where(col(KnownDifference.kind).in_([str(kind) for kind in Kind]))
        .order_by(col(KnownDifference.found_at).desc(), KnownDifference.kind, KnownDifference.subject)
    )
    since = unit.now - TROUBLE_AGAIN
    return [row for row in found.all() if row.kind != Kind.PROVIDER_REFUSES or row.found_at > since]


async def show_differences(unit: Unit, actor: Actor) -> None:
    """All that stand. Each look is on record."""
    require(actor, Act.CLAIM_PAYOUT)
    await record(unit, actor.name, "differences.read", "differences")
    rows = await standing(unit)
    lines = [await _line(unit, actor, row) for row in rows[:MOST]]
    title = _say(unit, actor, "treasury.differences" if rows else "treasury.differences.none")
    text = "\n\n".join([title, *lines])
    if len(rows) > MOST:
        text = f"{text}\n\n{_say(unit, actor, 'treasury.differences.more', count=len(rows) - MOST)}"
    back = Button(_say(unit, actor, "treasury.button.desk"), "treasury.desk")
    await show(unit, actor.to, Screen(text, [[back]]))


async def _line(unit: Unit, actor: Actor, row: KnownDifference) -> str:
    subject, ours, theirs = row.subject, str(row.ours), str(row.theirs)
    kind, _, name = row.subject.partition(":")
    if kind == "account":
        currency = name.rpartition(":")[2]
        ours, theirs = [money(amount, currency, actor.language) for amount in (row.ours, row.theirs)]
    elif kind in {"payout", "attempt"}:
        subject = await _number(unit, kind, UUID(name)) or subject
    return _say(
        unit, actor, "treasury.difference", what=_say(unit, actor, f"reconcile.{row.kind}"), subject=subject,
        ours=ours, theirs=theirs, day=day(row.found_at.date(), actor.language),
    )  # fmt: skip


async def _number(unit: Unit, kind: str, subject: UUID) -> str | None:
    of = Payout.id == subject if kind == "payout" else Attempt.id == subject
    found = await unit.session.exec(
        select(Grant.number)
        .join(Payout, col(Payout.grant_id) == Grant.id)
        .join(Attempt, col(Attempt.payout_id) == Payout.id, isouter=True)
        .where(of)
        .limit(1)
    )
    return found.first()


def _say(unit: Unit, actor: Actor, key: str, **params: str | int) -> str:
    return unit.texts.render(key, actor.language, **params)
