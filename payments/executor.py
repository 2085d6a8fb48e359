"""Asks rails to pay: the one module with the network between its transactions.

The attempt is marked as sent, and committed; the rail is asked, with no transaction open; what it promises is
written down, and committed. A crash between two of these leaves an open attempt: the next look asks what the
provider knows of its key before anything is executed again, and then only the very same order. After a backup was
put back, or once its grant proves to be paid already, not even that: people decide.

Whatever is about to be executed is screened first, by the lists of that moment, and its row is read once more: it
may have come to be doubted while its provider was asked. What a provider may know of already is looked up all the
same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final
from uuid import UUID

from models import audit
from models.attempt import Attempt
from models.grant import Payout
from models.unit import Unit
from payments import attempts, breaker
from payments.attempts import CASE_GONE, Concluded, Now
from payments.rails import registry
from payments.rails.base import DistantRail, MachineRail, Order, Outcome, Result
from payments.rails.registry import NoRail
from payments.screening import State, Verdict
from payments.screening.paying import judge

PATIENCE: Final = 45.0
"""Seconds that a provider has for one answer. Later it counts as none, and the attempt is looked up."""

SCREENED: Final = "Screened"
"""Screening lets nothing go."""

OpenUnit = Callable[[], AbstractAsyncContextManager[Unit]]
"""Opens one transaction, committed when it ends."""

Tell = Callable[[Unit, Concluded], Awaitable[None]]
"""Says what an answer came to, in the transaction that writes it down."""

Screen = Callable[[], Awaitable[Verdict | None]]
"""What the lists say now of what is about to be paid; none when nothing of it is screened."""

Still = Callable[[], Awaitable[bool]]
"""Whether an order may still be executed."""


async def work(open_unit: OpenUnit, attempt_id: UUID, tell: Tell) -> Now | None:
    """Ask for one open attempt, and write down what comes of it; none when it is closed. Safe to repeat."""
    async with open_unit() as unit:
        rail = _machine(unit, await attempts.rail_of(unit, attempt_id))
        taken = await attempts.take(unit, attempt_id) if rail else None
    if taken is None or rail is None:
        return None
    attempt, order = taken
    wanted = attempt.case_id is not None and bool(order.destination or not rail.needs_destination)
    if attempts.only_looked_up(attempt):
        result = await look_up(rail, order)
    else:
        screen, still = partial(_screen, open_unit, rail, order), partial(_may_still_go, open_unit, order)
        result = await ask(rail, order, first=attempt.tries == 1, wanted=wanted, screen=screen, still=still)
    async with open_unit() as unit:
        concluded = await attempts.conclude(unit, attempt_id, rail, order, result)
        await tell(unit, concluded)
    return concluded.now


async def ask(
    rail: MachineRail,
    order: Order,
    *,
    first: bool,
    wanted: bool = True,
    screen: Screen | None = None,
    still: Still | None = None,
) -> Result:
    """Execute an order, or look it up first when it may have been executed. Whatever goes wrong is `UNKNOWN`.

    What nobody waits for any more is not executed: it is cancelled, where the rail can promise that.
    """
    if first and not wanted:
        return Result(Outcome.REFUSED, error=CASE_GONE)
    try:
        async with asyncio.timeout(PATIENCE):
            found = Result(Outcome.ABSENT) if first else await rail.look_up(order)
            if found.outcome != Outcome.ABSENT:
                return found
            if not wanted:
                return Result(Outcome.REFUSED, error=CASE_GONE) if await rail.cancel(order) else found
            verdict = await screen() if screen else None
            if verdict is not None and not verdict.clear:
                return await _hold_back(rail, order, verdict, first=first)
            return await rail.execute(order) if still is None or await still() else found
    except Exception as error:  # noqa: BLE001 - whatever a provider's library raises, the money may have moved
        return Result(Outcome.UNKNOWN, error=type(error).__name__[:64])


async def _hold_back(rail: MachineRail, order: Order, verdict: Verdict, *, first: bool) -> Result:
    """Nothing is executed. It waits for a fresh list; else it is the treasurers' again, where that is certain."""
    waits = verdict.state is State.STALE or not (first or await rail.cancel(order))
    return Result(Outcome.ABSENT if waits else Outcome.FAILED, error=SCREENED, hold=verdict.why)


async def _screen(open_unit: OpenUnit, rail: MachineRail, order: Order) -> Verdict | None:
    if not (rail.screened or order.destination):
        return None
    async with open_unit() as unit:
        await audit.hold(unit)  # before the rows, as everybody who moves money does
        attempt = await unit.session.get_one(Attempt, order.attempt, with_for_update=True)
        payout = await unit.session.get_one(Payout, attempt.payout_id)
        verdict = await judge(unit, rail, payout, attempt.case_id, order.destination, order)
        if verdict is not None and verdict.clear:
            attempt.lists, attempt.decided = verdict.lists, verdict.decided
    return verdict


async def _may_still_go(open_unit: OpenUnit, order: Order) -> bool:
    """Whether nobody has doubted or dropped an order since it was taken: the last look before it is executed.

    Behind the audit log's lock, so that whoever is just writing down that its grant is paid has done so.
    """
    async with open_unit() as unit:
        await audit.hold(unit)
        return not attempts.only_looked_up(await unit.session.get_one(Attempt, order.attempt))


async def look_up(rail: MachineRail, order: Order) -> Result:
    """What a provider knows of an order. Whatever goes wrong is `UNKNOWN`."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await rail.look_up(order)
    except Exception as error:  # noqa: BLE001 - as above
        return Result(Outcome.UNKNOWN, error=type(error).__name__[:64])


async def probe(open_unit: OpenUnit, name: str, tell_open: Callable[[Unit], Awaitable[None]]) -> bool:
    """Try whether a shut rail works again; who is told so is told in the same transaction. True when it opens."""
    async with open_unit() as unit:
        rail = _machine(unit, name)
    if rail is None:
        return False
    well = await _answers(rail)
    async with open_unit() as unit:
        opens = await breaker.worked(unit, name) if well else False
        if opens:
            await tell_open(unit)
        elif not well:
            await breaker.failed(unit, name)
    return opens


async def _answers(rail: MachineRail) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            return await rail.probe()
    except Exception:  # noqa: BLE001 - as above
        return False


def _machine(unit: Unit, name: str) -> MachineRail | None:
    """The machine rail of this name; none when the process has none, so that another process may ask."""
    try:
        rail = registry.find(unit, name)
    except NoRail:
        return None
    if isinstance(rail, DistantRail) and rail.out_of_reach:
        return None
    return rail if isinstance(rail, MachineRail) else None
