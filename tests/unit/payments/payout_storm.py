"""Many payouts over all rails, each with something that goes wrong at a random step of it.

A step is what a person or the clock does in one go: agree, claim, order, execute, enter, report. What may happen
to one: the process dies before a commit or right after it (whoever pressed learns nothing, and presses again),
the step is made twice at once, the provider dies, is down, answers late, never, nonsense, twice, or says no; the
chain is reorganised, forgets what waits, or one of its nodes lies.
Afterwards everybody simply goes on from what the rows say, as people and the clock do.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from sqlmodel import col, func, select

from bot.database import Resources
from models.attempt import OPEN_ATTEMPTS, Attempt
from models.case import Case, CaseStatus
from models.errors import Refused
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.policy import Partner
from models.screening import ListStatus, SanctionsList
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
from tests.unit.payments.carrier import Carrier, Crashed, Fault
from tests.unit.payments.storm_chain import Chains, person
from tests.unit.payments.storm_stripe import Transfers
from vault.types import BlindIndex, CallSign, CaseCode, SealedBytes

EUR = "EUR"
"""The currency of the account at Stripe, and so of this fund."""

CODE = 50_000
"""What one code is worth: 500 euros."""

FEE = 130
"""What the partner takes for passing money on."""

PLENTY = 10**13
VOUCHERS = tuple(f"voucher-{kind}" for kind in VoucherKind)
RAILS = ("manual", "carrier", *VOUCHERS, "stripe_transfer", "stablecoin")
STEPS = ("agree", "claim", "order", "execute", "execute", "execute", "enter")
ROUNDS = 60
"""Steps after which a payout should long have been paid."""

UNITS = {"stablecoin": 8}
"""Transactions of a step one of which the process does not survive; 2 where nothing is said."""

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


@dataclass
class Storm:
    """The fund, its providers and everybody who acts."""

    resources: Resources
    seed: int
    transfers: Transfers
    chains: Chains
    carrier: Carrier = field(default_factory=Carrier)
    bank: dict[UUID, int] = field(default_factory=dict)
    """What treasurers paid by hand, by grant."""
    people: dict[UUID, str] = field(default_factory=dict)
    """Addresses on the chain, by attempt."""
    went_wrong: Counter[str] = field(default_factory=Counter)

    async def open(self, count: int) -> None:
        """Rails, people, money and codes for so many payouts."""
        resources = self.resources
        partner = Partner(name="Open Hands OU", account=self.transfers.account, days=1, fee=FEE)
        transfers = StripeTransfer(self.transfers, partner.account, partner.name)
        rails = (self.carrier, transfers, self.chains.rail)
        resources.rails = {**resources.rails, **{rail.name: rail for rail in rails}}
        fresh = resources.policy.screening.model_copy(update={"loaded_days": 10**4, "dated_days": 10**4})
        resources.policy = resources.policy.model_copy(
            update={
                "currency": EUR, "rails": RAILS, "partner": partner, "stablecoin": self.chains.rules,
                "screening": fresh,
            }
        )  # fmt: skip
        async with resources.unit() as unit:
            self.treasurer, self.second = await self._treasurer(unit, 1), await self._treasurer(unit, 2)
            await funding.add(unit, Money(PLENTY, EUR), "operator")
            for source in fresh.lists:
                unit.session.add(
                    SanctionsList(
                        source=source, status=ListStatus.CURRENT, dated=unit.now, sha256="0" * 64,
                        loaded_at=unit.now,
                    )
                )  # fmt: skip
            await transfer(
                unit, EntryKind.GIFT, "gift:storm", Money(PLENTY, EUR), source=Purpose.CONTRIBUTIONS,
                target=Purpose.STRIPE, actor="system",
            )  # fmt: skip
        for kind in VoucherKind:
            async with resources.unit() as unit:
                lines = [f"C-{number}" for number in range(count // 2 + 40)]
                await vouchers.load(unit, lines, kind, Money(CODE, EUR), given=False, by="operator")

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
        unit = chance.randrange(UNITS.get(rail, 2))
        plan = Plan(chance.choice(STEPS), fate, unit, chance.choice(list(Fault)))
        amount = CODE * chance.randint(1, 2) if rail.startswith("voucher") else chance.randint(1, 2_000_000)
        grant = await self._approved(amount)
        for _ in range(ROUNDS):
            due = await self._next(grant, rail, plan, chance)
            if due is None:
                return
            await self._step(*due, plan)
            if rail == "stablecoin" and due[0] == "execute":
                await self.chains.go_on(chance)
        raise AssertionError(f"never paid: {rail}, {plan}")

    async def _next(
        self, grant_id: UUID, rail: str, plan: Plan, chance: random.Random
    ) -> "tuple[str, Step] | None":
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
            self.people[attempt] = person(grant_id)
            await self._provoke(plan, rail, attempt, chance)
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

    async def _provoke(self, plan: Plan, rail: str, attempt: UUID, chance: random.Random) -> None:
        """Let the provider do something wrong, once."""
        if plan.step != "execute" or plan.used or plan.fault is Fault.NONE:
            return
        if rail == "carrier":
            self.carrier.by_key[str(attempt)] = plan.fault
        elif rail == "stripe_transfer":
            self.transfers.faults[str(attempt)] = plan.fault
        elif rail == "stablecoin":
            await self.chains.provoke(plan.fault, chance)
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
            await attempts.prepare(unit, rail, payout, grant, case, person(grant.id), str(self.treasurer))

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


NOW: "ContextVar[Shaky]" = ContextVar("NOW")
"""The step that a task is at: a rail's own transactions are its too."""


class Shaky:
    """Opens transactions, one of which the process does not survive."""

    def __init__(self, resources: Resources, fate: str | None = None, which: int = 0) -> None:
        self._resources = resources
        self._fate = fate
        self._left = which
        NOW.set(self)

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """One transaction, of the step or of the rail that it asks."""
        dies = self._fate is not None and self._left == 0
        self._left -= 1
        async with self._resources.unit() as unit:
            yield unit
            if dies and self._fate == Fate.BEFORE:
                raise Crashed
        if dies:
            raise Crashed


@asynccontextmanager
async def shaky_unit() -> AsyncIterator[Unit]:
    """A transaction of whatever step the task is at."""
    async with NOW.get().unit() as unit:
        yield unit


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
    Shaky(storm.resources)
    await storm.chains.calm_down()
    async with storm.resources.unit() as unit:
        by_rail = await paid_by_rail(unit)
        granted = (await balance(unit, Purpose.GRANTED, EUR)).amount
        reserved = (await balance(unit, Purpose.RESERVED, EUR)).amount
        stripe = (await balance(unit, Purpose.STRIPE, EUR)).amount
        partners = (await balance(unit, Purpose.PARTNERS, EUR)).amount
        given = await unit.session.exec(
            select(Voucher.kind, func.sum(Voucher.amount))
            .where(Voucher.status == VoucherStatus.GIVEN)
            .group_by(col(Voucher.kind))
        )
        codes = {f"voucher-{kind}": int(total) for kind, total in given.all()}
        chain = await storm.chains.check(unit, storm.people)
    assert sum(number for number, _ in by_rail.values()) == count
    assert granted == sum(total for _, total in by_rail.values())
    assert (reserved, partners) == (0, 0)
    moves, moved = storm.transfers.moved()
    providers = {
        "manual": (len(storm.bank), sum(storm.bank.values())),
        "carrier": (storm.carrier.moves, sum(money.amount for money in storm.carrier.paid.values())),
        "stripe_transfer": (moves, moved - moves * FEE),
        "stablecoin": chain,
        **{rail: (by_rail[rail][0], codes[rail]) for rail in VOUCHERS},
    }
    assert providers == by_rail
    assert stripe == PLENTY - moved == storm.transfers.server.stripe.funds["available"]


async def _survive(step: Awaitable[object]) -> None:
    """What died is begun anew by whoever looks next; what is refused was done by somebody else."""
    try:
        await step
    except (Crashed, Refused):
        return


async def _tell(unit: Unit, concluded: Concluded) -> None:
    """Nobody is told in a storm."""
