"""Many payouts over all rails, each with something that goes wrong at a random step of it.

A step is what a person or the clock does in one go: agree, claim, order, execute, enter, report. What may happen
to one: the process dies before a commit or right after it (whoever pressed learns nothing, and presses again),
the step is made twice at once, the provider dies, is down, hears or answers late, answers never, nonsense, twice,
or says no; the chain is reorganised, forgets what waits, or one of its nodes lies.
Each payout has a plan: one of the things that can go wrong at a step that its rail really has, dealt like cards,
so that each comes as often as any other. It stands until it has happened, and only then counts. Afterwards
everybody simply goes on from what the rows say, as people and the clock do.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
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
from tests.progress import Progress
from tests.unit.payments.carrier import Carrier, Crashed, Fault
from tests.unit.payments.storm_chain import Chains, person
from tests.unit.payments.storm_plans import RAILS, UNITS, VOUCHERS, Fate, Plan, kinds
from tests.unit.payments.storm_stripe import Transfers
from vault.types import BlindIndex, CallSign, CaseCode, SealedBytes

EUR = "EUR"
"""The currency of the account at Stripe, and so of this fund."""

CODE = 50_000
"""What one code is worth: 500 euros."""

FEE = 130
"""What the partner takes for passing money on."""

PLENTY = 10**13
ROUNDS = 60
"""Steps after which a payout should long have been paid."""

AT_ONCE = 8


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
    """What has really happened, by payouts."""
    spared: Counter[str] = field(default_factory=Counter)
    """What was to happen, and did not until the payout was paid."""

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
        numbers, cards, progress = iter(range(count)), self._dealt(), Progress("payouts", count)

        async def work() -> None:
            for number in numbers:
                chance = random.Random(f"{self.seed}-{number}")  # noqa: S311 - a replayable storm
                rail, step, what = next(cards)
                units = UNITS.get(rail, 2) if step == "execute" else 1
                await self.one(Plan(rail, step, what, chance.randrange(units)), chance)
                progress.tell(self.went_wrong.total() + self.spared.total())

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    def _dealt(self) -> Iterator[tuple[str, str, Fate | Fault]]:
        """What goes wrong with one payout after another."""
        dealer = random.Random(self.seed)  # noqa: S311 - as above
        while True:
            yield from dealer.sample(cards := kinds(), len(cards))

    async def one(self, plan: Plan, chance: random.Random) -> None:
        """One person's grant, from the approval until it is paid."""
        rail = plan.rail
        amount = CODE * chance.randint(1, 2) if rail.startswith("voucher") else chance.randint(1, 2_000_000)
        grant = await self._approved(amount)
        for _ in range(ROUNDS):
            due = await self._next(grant, rail)
            if due is None:
                (self.went_wrong if plan.met else self.spared)[str(plan)] += 1
                return
            await self._step(due, plan, chance)
            if rail == "stablecoin" and due.name == "execute":
                Shaky(self.resources)
                await self.chains.go_on(chance)
        raise AssertionError(f"never paid: {rail}, {plan}")

    async def _next(self, grant_id: UUID, rail: str) -> "Due | None":
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
        return Due(*steps[status], attempt)

    async def _step(self, due: "Due", plan: Plan, chance: random.Random) -> None:
        if plan.met or plan.step != due.name:
            await _survive(due.step(Shaky(self.resources)))
        elif isinstance(plan.what, Fault):
            assert due.attempt is not None
            async with self._provoked(plan, plan.what, due.attempt, chance):
                await _survive(due.step(Shaky(self.resources)))
        elif plan.what is Fate.TWICE:
            await asyncio.gather(*(_survive(due.step(Shaky(self.resources))) for _ in range(2)))
            plan.met = True
        else:
            await _survive(due.step(Shaky(self.resources, plan)))

    @asynccontextmanager
    async def _provoked(
        self, plan: Plan, fault: Fault, attempt: UUID, chance: random.Random
    ) -> AsyncIterator[None]:
        """Let the provider do wrong when it is asked, and see whether it did."""
        key, is_new, plan.asked = str(attempt), plan.asked != attempt, attempt
        if plan.rail == "stablecoin":
            async with self.chains.provoked(fault, self.people[attempt], chance) as aimed:
                yield
            plan.met = aimed.met
            return
        faults = self.carrier.by_key if plan.rail == "carrier" else self.transfers.faults
        if is_new:
            faults[key] = fault
        yield
        plan.met = key not in faults if plan.rail == "carrier" else self.transfers.met(key)

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

    def __init__(self, resources: Resources, plan: Plan | None = None) -> None:
        self._resources = resources
        self._plan = plan
        NOW.set(self)

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """One transaction, of the step or of the rail that it asks."""
        plan = self._plan
        dies = plan is not None and not plan.met and plan.left == 0
        if plan is not None:
            plan.left -= 1
        async with self._resources.unit() as unit:
            yield unit
            if plan is not None and dies and plan.what is Fate.BEFORE:
                plan.met = True
                raise Crashed
        if plan is not None and dies:
            plan.met = True
            raise Crashed


@asynccontextmanager
async def shaky_unit() -> AsyncIterator[Unit]:
    """A transaction of whatever step the task is at."""
    async with NOW.get().unit() as unit:
        yield unit


Step = Callable[[Shaky], Awaitable[object]]
"""A step, with the transactions that it opens."""


@dataclass(frozen=True)
class Due:
    """What somebody is to do next."""

    name: str
    step: Step
    attempt: UUID | None
    """The open attempt, if there is one."""


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
