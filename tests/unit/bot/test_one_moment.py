"""What is compared or verified is of one moment, whatever others commit meanwhile."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.util import await_only

from bot.database import Resources
from bot.money import reconcile_now
from bot.operations import check_audit
from models.audit import record
from models.grant import PayoutStatus
from payments.ledger import Purpose, balance
from services import audit, reconciling, treasury
from tests.unit.services.desk import RUB, Desk, make_desk
from tests.unit.services.fund import SMALL

on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
"""On SQLite a transaction that reads is of one moment anyway, and one that writes keeps others from it."""

in_between = pytest.mark.parametrize(
    "words", ["SELECT journal_entry.id, journal_entry.reference", "SELECT posting.entry_id, posting.account_id"]
)
"""The statements that read the entries of payouts, and what these posted."""


@contextmanager
def just_before(resources: Resources, words: str, act: Callable[[], Awaitable[object]]) -> Iterator[list[str]]:
    """Let somebody act just before the first statement with these words is run, which is yielded."""
    met: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if words in statement and not met:
            met.append(statement)
            await_only(act())

    engine = resources.engine.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield met
    finally:
        event.remove(engine, "before_cursor_execute", hear)


async def _paying(desk: Desk) -> Callable[[], Awaitable[object]]:
    payout_id = await desk.queued()

    async def pay() -> None:
        async with desk.resources.unit() as unit:
            till = await desk.actor(unit, "Till")
            await treasury.claim(unit, till, payout_id)
            assert await treasury.pay(unit, till, payout_id, "R-1") == PayoutStatus.PAID

    return pay


async def test_a_glance_is_of_one_moment(resources: Resources) -> None:
    """What others commit after its first statement is not seen by a later one; the next glance sees it."""
    desk = await make_desk(resources)
    pay = await _paying(desk)
    seen = []
    async with resources.glance() as unit:
        seen.append((await balance(unit, Purpose.RESERVED, RUB)).amount)
        await pay()
        seen.append((await balance(unit, Purpose.RESERVED, RUB)).amount)
    async with resources.glance() as unit:
        seen.append((await balance(unit, Purpose.RESERVED, RUB)).amount)
    assert seen == [SMALL, SMALL, 0]


@on_postgresql
@in_between
async def test_a_payment_while_the_operator_compares_is_no_difference(resources: Resources, words: str) -> None:
    """Payouts are read before the entries, and these before what they posted: a payment has all or nothing."""
    pay = await _paying(await make_desk(resources))
    with just_before(resources, words, pay) as met:
        lines, whole = await reconcile_now(resources, 1)
    assert met
    assert (lines, whole) == (["Everything agrees."], True)


@on_postgresql
@in_between
async def test_a_payment_while_the_clock_compares_is_told_to_nobody(resources: Resources, words: str) -> None:
    """Nobody is told of a difference that there never was."""
    desk = await make_desk(resources)
    pay = await _paying(desk)
    with just_before(resources, words, pay) as met:
        await desk.run(reconciling.JOBS)
    assert met
    assert not [text for text in await desk.notices("Till") if "do not agree" in text]


@on_postgresql
async def test_a_checkpoint_that_is_signed_while_the_log_is_verified_is_not_lost(resources: Resources) -> None:
    """Checkpoints are read before the entries that speak of them: one that is made in between is in neither."""
    async with resources.unit() as unit:
        await record(unit, "system", "test", "case:1")

    async def sign() -> None:
        async with resources.unit() as unit:
            assert await audit.checkpoint(unit) is not None

    with just_before(resources, "FROM audit_entry", sign) as met:
        lines, whole = await check_audit(resources)
    assert met
    assert (lines[-1], whole) == ("The log is whole.", True)
