"""Many payouts over all rails, each with something that goes wrong at a random step of it.

A step is what a person or the clock does in one go: agree, claim, order, execute, enter, report. What may happen
to one: the process dies before its commit or right after it (whoever pressed learns nothing, and presses again),
the step is made twice at once, the provider dies, is down, answers late, never, nonsense, twice, or says no.
Afterwards everybody simply goes on from what the rows say, as people and the clock do.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from sqlmodel import col, func, select

from bot.database import Resources
from models.attempt import OPEN_ATTEMPTS, Attempt
from models.case import Case, CaseStatus
from models.errors import Refused
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.policy import Partner
from models.unit import Unit
from models.volunteer import Volunteer
from models.voucher import Voucher, VoucherKind, VoucherStatus
from payments import attempts, executor, funding, grants, payouts, vouchers
from payments.attempts import Concluded
from payments.ledger import EntryKind, Purpose, balance, transfer
from payments.money import Money
from payments.rails import registry
from payments.rails.base import MachineRail
from payments.rails.stripe_transfer import StripeTransfer
from payments.stripe_objects import StripeAway, StripeRefused
from tests.unit.payments.carrier import Carrier, Crashed, Fault
from vault.types import BlindIndex, CallSign, CaseCode, SealedBytes

RUB = "RUB"
CODE = 50_000
"""What one code is worth: 500 roubles."""

PLENTY = 10**13
RAILS = ("manual", "carrier", "voucher-mobile", "stripe_transfer")
STEPS = ("agree", "claim", "order", "execute", "execute", "execute", "enter")
ROUNDS = 60
"""Steps after which a payout should long have been paid."""

AT_ONCE = 8


class Fate:
    """What happens to a transaction of a step."""

    BEFORE, AFTER, TWICE = "before its commit", "after its commit", "twice at once"
    ALL = (BEFORE, AFTER, TWICE)


@dataclass
class Plan:
    """What goes wrong with one payout: once, at one step."""

    step: str
    fate: str | None
    unit: int
    """Which transaction of the step it is."""
    fault: Fault
    used: bool = False


class Transfers:
    """A stand-in for Stripe's transfers at the seam, with the next fault of its queue for each call."""

    def __init__(self) -> None:
        self.moved: dict[str, Money] = {}
        self.moves = 0
        self.faults: dict[str, Fault] = {}
        """By key: an attempt meets its own fault, whoever else is under way."""

    async def transfer(self, key: str, money: Money, account: str) -> str:
        """Move once for a key."""
        assert account
        fault = self.faults.pop(key, Fault.NONE)
        if fault is Fault.DIES_BEFORE:
            raise Crashed
        if fault is Fault.DOWN:
            raise StripeAway
        if fault in {Fault.FAILS, Fault.REFUSES} and key not in self.moved:
            raise StripeRefused("balance_insufficient")
        if key not in self.moved:
            self.moves += 1
            self.moved[key] = money
        if fault is Fault.DIES_AFTER:
            raise Crashed
        if fault not in {Fault.NONE, Fault.TWICE}:
            raise StripeAway
        return f"tr_{key[:8]}"

    async def find_transfer(self, key: str) -> str | None:
        """What was moved under a key."""
        return f"tr_{key[:8]}" if key in self.moved else None


@dataclass
class Storm:
    """The fund, its providers and everybody who acts."""

    resources: Resources
    seed: int
    carrier: Carrier = field(default_factory=Carrier)
    transfers: Transfers = field(default_factory=Transfers)
    bank: dict[UUID, int] = field(default_factory=dict)
    """What treasurers paid by hand, by grant."""
    went_wrong: Counter[str] = field(default_factory=Counter)

    async def open(self, count: int) -> None:
        """Rails, people, money and codes for so many payouts."""
        resources = self.resources
        partner = Partner(name="Open Hands OU", account="acct_12345678", days=1, fee=0)
        rails = (self.carrier, StripeTransfer(self.transfers, partner.account, partner.name))
        resources.rails = {**resources.rails, **{rail.name: rail for rail in rails}}
        resources.policy = resources.policy.model_copy(update={"rails": RAILS, "partner": partner})
        async with resources.unit() as unit:
            self.treasurer, self.second = await self._treasurer(unit, 1), await self._treasurer(unit, 2)
            await funding.add(unit, Money(PLENTY, RUB), "operator")
            await transfer(
                unit, EntryKind.GIFT, "gift:storm", Money(PLENTY, RUB), source=Purpose.CONTRIBUTIONS,
                target=Purpose.STRIPE, actor="system",
            )  # fmt: skip
        for start in range(0, count * 2, 5000):
            async with resources.unit() as unit:
                lines = [f"C-{number}" for number in range(start, min(start + 5000, count * 2))]
                each = Money(CODE, RUB)
                await vouchers.load(unit, lines, VoucherKind.MOBILE, each, given=False, by="operator")

    async def blow(self, count: int) -> None:
        """All payouts, several at once."""
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                await self.one(random.Random(f"{self.seed}-{number}"))  # noqa: S311 - a replayable storm

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    async def one(self, chance: random.Random) -> None:
        """One person's grant, from the approval until it is paid."""
        rail = chance.choice(RAILS)
        fate = chance.choice((None, *Fate.ALL))
        plan = Plan(chance.choice(STEPS), fate, chance.randrange(2), chance.choice(list(Fault)))
        amount = CODE * chance.randint(1, 2) if rail.startswith("voucher") else chance.randint(1, 2_000_000)
        grant = await self._approved(amount)
        for _ in range(ROUNDS):
            due = await self._next(grant, rail, plan)
            if due is None:
                return
            await self._step(*due, plan)
        raise AssertionError(f"never paid: {rail}, {plan}")

    async def _next(self, grant_id: UUID, rail: str, plan: Plan) -> "tuple[str, Step] | None":
        """What the rows ask somebody to do next; none once the grant is paid."""
        async with self.resources.unit() as unit:
            grant = await unit.session.get_one(Grant, grant_id)
            payout = await grants.live_payout(unit, grant)
            found = await unit.session.exec(
                select(Attempt.id).where(
                    Attempt.payout_id == (payout.id if payout else None), col(Attempt.status).in_(OPEN_ATTEMPTS)
                )
            )
            attempt = found.first()
        if grant.status == GrantStatus.PAID:
            return None
        status = payout.status if payout else None
        payout_id = payout.id if payout else uuid4()
        if status == PayoutStatus.CLAIMED and rail == "manual":
            self.bank.setdefault(grant_id, grant.amount)
        if attempt is not None:
            self._provoke(plan, rail, attempt)
            getattr(self.resources.clock, "advance")(attempts.BUSY)  # noqa: B009 - as in the tests of services
        steps: dict[PayoutStatus | None, tuple[str, Step]] = {
            None: ("agree", lambda shaky: self._agree(shaky, grant_id, rail)),
            PayoutStatus.QUEUED: ("claim", lambda shaky: self._claim(shaky, payout_id)),
            PayoutStatus.CLAIMED: ("enter", lambda shaky: self._enter(shaky, payout_id))
            if rail == "manual"
            else ("order", lambda shaky: self._order(shaky, payout_id)),
            PayoutStatus.PAYING: ("execute", lambda shaky: executor.work(shaky.unit, attempt or uuid4(), _tell)),
            PayoutStatus.SENT: ("enter", lambda shaky: self._report(shaky, payout_id)),
        }
        return steps[status]

    def _provoke(self, plan: Plan, rail: str, attempt: UUID) -> None:
        """Let the provider do something wrong, once."""
        if plan.step != "execute" or plan.used or plan.fault is Fault.NONE:
            return
        if rail == "carrier":
            self.carrier.by_key[str(attempt)] = plan.fault
        elif rail == "stripe_transfer":
            self.transfers.faults[str(attempt)] = plan.fault
        else:
            return
        self.went_wrong[f"{rail} {plan.fault}"] += 1
        plan.used = True

    async def _step(self, name: str, step: "Step", plan: Plan) -> None:
        fate = plan.fate if plan.step == name and not plan.used else None
        if fate is None:
            await _survive(step(Shaky(self.resources)))
            return
        plan.used = True
        self.went_wrong[f"{name} {fate}"] += 1
        if fate == Fate.TWICE:
            await asyncio.gather(*(_survive(step(Shaky(self.resources))) for _ in range(2)))
        else:
            await _survive(step(Shaky(self.resources, fate, plan.unit)))

    async def _approved(self, amount: int) -> UUID:
        async with self.resources.unit() as unit:
            code = CaseCode(uuid4().hex)
            case = Case(code=code, status=CaseStatus.APPROVED, language="en", created_at=unit.now)
            await unit.vault.create(case.id)
            unit.session.add(case)
            await unit.session.flush()
            return (await grants.approve(unit, case, amount, "system")).id

    async def _agree(self, shaky: "Shaky", grant_id: UUID, rail: str) -> None:
        async with shaky.unit() as unit:
            grant = await unit.session.get_one(Grant, grant_id)
            case = await unit.session.get_one(Case, grant.case_id, with_for_update=True, populate_existing=True)
            if await grants.live_payout(unit, grant) is None:
                await payouts.queue(unit, grant, case, registry.find(unit, rail), None, "applicant")

    async def _claim(self, shaky: "Shaky", payout_id: UUID) -> None:
        async with shaky.unit() as unit:
            payout, _, _ = await payouts.load(unit, payout_id)
            await payouts.claim(unit, payout, self.treasurer)

    async def _enter(self, shaky: "Shaky", payout_id: UUID) -> None:
        async with shaky.unit() as unit:
            payout, grant, case = await payouts.load(unit, payout_id)
            await payouts.pay(unit, payout, grant, case, self.treasurer, "R-1")

    async def _order(self, shaky: "Shaky", payout_id: UUID) -> None:
        async with shaky.unit() as unit:
            payout, grant, case = await payouts.load(unit, payout_id)
            rail = registry.find(unit, payout.rail)
            assert isinstance(rail, MachineRail)
            assert case is not None
            await attempts.prepare(unit, rail, payout, grant, case, "Card 4111", str(self.treasurer))

    async def _report(self, shaky: "Shaky", payout_id: UUID) -> None:
        async with shaky.unit() as unit:
            payout, grant, case = await payouts.load(unit, payout_id)
            await payouts.report(unit, payout, grant, case, self.second, "P-1")

    async def _treasurer(self, unit: Unit, number: int) -> UUID:
        person = Volunteer(
            chat=BlindIndex(f"chat-{number}"), contact=SealedBytes(b""), call_sign=CallSign(f"Till {number}"),
            language="en", reconfirm_at=unit.now, created_at=unit.now, since=unit.now,
        )  # fmt: skip
        unit.session.add(person)
        await unit.session.flush()
        return person.id


class Shaky:
    """Opens transactions, one of which the process does not survive."""

    def __init__(self, resources: Resources, fate: str | None = None, which: int = 0) -> None:
        self._resources = resources
        self._fate = fate
        self._left = which

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """One transaction."""
        dies = self._fate is not None and self._left == 0
        self._left -= 1
        async with self._resources.unit() as unit:
            yield unit
            if dies and self._fate == Fate.BEFORE:
                raise Crashed
        if dies:
            raise Crashed


Step = Callable[[Shaky], Awaitable[object]]
"""A step, with the transactions that it opens."""


async def paid_by_rail(unit: Unit) -> dict[str, tuple[int, int]]:
    """How many payouts are paid by each rail, and how much that is."""
    rows = await unit.session.exec(
        select(Payout.rail, func.count(col(Payout.id)), func.sum(Grant.amount))
        .join(Grant, col(Grant.id) == Payout.grant_id)
        .where(Payout.status == PayoutStatus.PAID)
        .group_by(Payout.rail)
    )
    return {rail: (count, int(total)) for rail, count, total in rows.all()}


async def check(storm: Storm, count: int) -> None:
    """None paid twice, none lost, ledger and providers agree to the cent."""
    async with storm.resources.unit() as unit:
        by_rail = await paid_by_rail(unit)
        granted = (await balance(unit, Purpose.GRANTED, RUB)).amount
        reserved = (await balance(unit, Purpose.RESERVED, RUB)).amount
        stripe = (await balance(unit, Purpose.STRIPE, RUB)).amount
        partners = (await balance(unit, Purpose.PARTNERS, RUB)).amount
        given = await unit.session.exec(
            select(func.coalesce(func.sum(Voucher.amount), 0)).where(Voucher.status == VoucherStatus.GIVEN)
        )
        codes = int(given.one())
    assert sum(number for number, _ in by_rail.values()) == count
    assert granted == sum(total for _, total in by_rail.values())
    assert (reserved, partners) == (0, 0)
    providers = {
        "manual": (len(storm.bank), sum(storm.bank.values())),
        "carrier": (storm.carrier.moves, sum(money.amount for money in storm.carrier.paid.values())),
        "stripe_transfer": (storm.transfers.moves, sum(money.amount for money in storm.transfers.moved.values())),
        "voucher-mobile": (by_rail.get("voucher-mobile", (0, 0))[0], codes),
    }
    assert {rail: providers[rail] for rail in by_rail} == by_rail
    assert stripe == PLENTY - by_rail.get("stripe_transfer", (0, 0))[1]


async def _survive(step: Awaitable[object]) -> None:
    """What died is begun anew by whoever looks next; what is refused was done by somebody else."""
    try:
        await step
    except (Crashed, Refused):
        return


async def _tell(unit: Unit, concluded: Concluded) -> None:
    """Nobody is told in a storm."""
