"""Random acts in random order by random people, some crashing before the commit: the books hold after each."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import col, func, select

from bot.database import Resources, make_engine
from models.case import Case, CaseStatus
from models.donation import Donation, Provider
from models.errors import Refused
from models.funding import Funding, FundingSource
from models.grant import Grant, GrantStatus, Payout, PayoutStatus, ReturnReason
from models.ledger import JournalEntry, LedgerAccount, Posting
from models.policy import Policy
from models.unit import Unit
from models.volunteer import Volunteer
from payments import donations, funding, grants, payouts
from payments.funding import Why
from payments.ledger import EntryKind
from payments.money import Money
from payments.rails.manual import Manual
from payments.stripe_objects import Balance, Charge, Payment, PaymentState, Refund
from sandbox.clock import TravelClock
from tests.examples import examples
from texts.catalogue import Catalogue
from vault.types import BlindIndex, CallSign, CaseCode, SealedBytes
from vault.vault import Vault

Act = Callable[[Unit], Awaitable[object]]

TREASURERS = 3
LIVE = (
    PayoutStatus.QUEUED,
    PayoutStatus.CLAIMED,
    PayoutStatus.SENT,
    PayoutStatus.PAID,
    PayoutStatus.RETURNING,
)

PICK = st.integers(0, 10**6)
"""Chooses one of those that there are."""
AMOUNT = st.integers(1, 50_000_00)
CRASH = st.sampled_from([False, False, False, True])


class Crashed(Exception):
    """The process died before the commit."""


class Books(RuleBasedStateMachine):
    """Everything that can happen to money, on a database of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.withdrawn = 0
        self.resources = self.make()
        self.treasurers = self.runner.run(self._people())

    def make(self) -> Resources:
        """A process of the fund on an empty database."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Close the database."""
        self.runner.run(self.resources.engine.dispose())
        self.runner.close()

    @initialize(amount=st.integers(0, 500_000_00))
    def begin(self, amount: int) -> None:
        """The fund has something, or nothing."""
        if amount:
            self.add(amount, crash=False)

    @rule(amount=AMOUNT, crash=CRASH)
    def add(self, amount: int, crash: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        """The operator enters money."""
        self._act(lambda unit: funding.add(unit, Money(amount, "RUB"), "operator"), crash=crash)

    @rule(amount=AMOUNT, who=PICK)
    def enter(self, amount: int, who: int) -> None:
        """A treasurer enters money."""
        self._act(lambda unit: funding.enter(unit, uuid4(), Money(amount, "RUB"), self._treasurer(who)))

    @rule(amount=AMOUNT, who=PICK)
    def enter_withdrawal(self, amount: int, who: int) -> None:
        """A treasurer enters what Stripe has paid out."""
        money = Money(amount, "RUB")
        self._act(
            lambda unit: funding.enter(unit, uuid4(), money, self._treasurer(who), FundingSource.STRIPE, money)
        )

    @rule(amount=AMOUNT, why=st.sampled_from(Why), crash=CRASH)
    def leave(self, amount: int, why: Why, crash: bool) -> None:  # noqa: FBT001
        """Cash goes without a grant, or was never there."""
        self._act(lambda unit: funding.take(unit, Money(amount, "RUB"), why, "operator"), crash=crash)

    @rule(left=AMOUNT, arrived=AMOUNT, crash=CRASH)
    def top_up(self, left: int, arrived: int, crash: bool) -> None:  # noqa: FBT001
        """Cash goes to Stripe."""
        out, into = Money(left, "RUB"), Money(arrived, "RUB")
        self._act(lambda unit: funding.top_up(unit, out, into, "operator"), crash=crash)

    @rule(which=PICK, amount=AMOUNT, new=st.booleans(), taken=st.integers(0, 100), crash=CRASH)
    def give(self, which: int, amount: int, new: bool, taken: int, crash: bool) -> None:  # noqa: FBT001
        """Stripe tells of a gift, or of one known, with so many parts of a hundred of it paid back."""

        async def act(unit: Unit) -> None:
            gift = None if new else await _pick(unit, Donation, which)
            if gift is None:
                gift = Donation(
                    provider=Provider.STRIPE, amount=amount, currency="RUB", language="en", token=str(uuid4()),
                    asked_at=unit.now, due_at=unit.now,
                )  # fmt: skip
                unit.session.add(gift)
                await unit.session.flush()
            await donations.settle(unit, gift, _payment(unit, gift, taken))

        self._act(act, crash=crash)

    @rule(which=PICK, who=PICK, good=st.booleans(), crash=CRASH)
    def close_funding(self, which: int, who: int, good: bool, crash: bool) -> None:  # noqa: FBT001
        """A treasurer confirms or refuses an entry, perhaps their own, perhaps a closed one."""

        async def act(unit: Unit) -> None:
            pending = await _pick(unit, Funding, which)
            if pending is not None:
                await (funding.confirm if good else funding.refuse)(unit, pending, self._treasurer(who))

        self._act(act, crash=crash)

    @rule(amount=AMOUNT, agreed=st.booleans(), crash=CRASH)
    def approve(self, amount: int, agreed: bool, crash: bool) -> None:  # noqa: FBT001
        """A case is approved, and its person agrees at once or not."""

        async def act(unit: Unit) -> None:
            code = CaseCode(uuid4().hex)
            case = Case(code=code, status=CaseStatus.APPROVED, language="en", created_at=unit.now)
            unit.session.add(case)
            await unit.session.flush()
            grant = await grants.approve(unit, case, amount, "system")
            if agreed and grant.status == GrantStatus.RESERVED:
                await payouts.queue(unit, grant, case, Manual(), None, "system")

        self._act(act, crash=crash)

    @rule(crash=CRASH)
    def fund_waiting(self, crash: bool) -> None:  # noqa: FBT001
        """The clock ticks."""
        self._act(grants.fund_waiting, crash=crash)

    @rule(which=PICK, crash=CRASH)
    def queue(self, which: int, crash: bool) -> None:  # noqa: FBT001
        """A person agrees to how the money reaches them, as far as the desk lets them."""

        async def act(unit: Unit) -> None:
            grant = await _pick(unit, Grant, which, col(Grant.status) == GrantStatus.RESERVED)
            case = await unit.session.get(Case, grant.case_id) if grant and grant.case_id else None
            if grant is not None and case is not None and await grants.live_payout(unit, grant) is None:
                await payouts.queue(unit, grant, case, Manual(), None, "system")

        self._act(act, crash=crash)

    @rule(
        which=PICK,
        who=PICK,
        verb=st.sampled_from(
            ["claim", "give_back", "pay", "confirm", "came_back", "confirm_return", "deny_return"]
        ),
        crash=CRASH,
    )
    def press(self, which: int, who: int, verb: str, crash: bool) -> None:  # noqa: FBT001
        """A treasurer presses something, fitting or not."""

        async def act(unit: Unit) -> None:
            chosen = await _pick(unit, Payout, which)
            if chosen is None:
                return
            payout, grant, case = await payouts.load(unit, chosen.id)
            treasurer = self._treasurer(who)
            match verb:
                case "claim":
                    await payouts.claim(unit, payout, treasurer)
                case "give_back":
                    await payouts.give_back(unit, payout, grant, case, treasurer)
                case "pay":
                    await payouts.pay(unit, payout, grant, case, treasurer, "R-1")
                case "confirm":
                    await payouts.confirm(unit, payout, grant, case, treasurer)
                case "confirm_return":
                    await payouts.confirm_return(unit, payout, grant, case, treasurer)
                case "deny_return":
                    await payouts.deny_return(unit, payout, treasurer)
                case _:
                    await payouts.came_back(unit, payout, grant, case, treasurer, ReturnReason.OTHER)

        self._act(act, crash=crash)

    @rule(which=PICK, who=PICK, steps=st.integers(1, 4), crash=CRASH)
    def advance(self, which: int, who: int, steps: int, crash: bool) -> None:  # noqa: FBT001
        """The next steps that a live payout waits for, by those it waits for; the last one may crash."""

        async def act(unit: Unit) -> None:
            chosen = await _pick(unit, Payout, which, col(Payout.status).in_(LIVE))
            if chosen is None:
                return
            payout, grant, case = await payouts.load(unit, chosen.id)
            match payout.status:
                case PayoutStatus.QUEUED:
                    await payouts.claim(unit, payout, self._treasurer(who + 1))
                case PayoutStatus.CLAIMED:
                    await payouts.pay(unit, payout, grant, case, payout.claimed_by or uuid4(), "R-1")
                case PayoutStatus.SENT:
                    await payouts.confirm(unit, payout, grant, case, self._treasurer(who))
                case PayoutStatus.RETURNING:
                    await payouts.confirm_return(unit, payout, grant, case, self._treasurer(who))
                case _:
                    await payouts.came_back(unit, payout, grant, case, self._treasurer(who), ReturnReason.OTHER)

        for left in reversed(range(steps)):
            self._act(act, crash=crash and not left)

    @precondition(lambda self: self.withdrawn < 3)
    @rule(which=PICK, crash=CRASH)
    def withdraw(self, which: int, crash: bool) -> None:  # noqa: FBT001
        """A case is withdrawn."""
        self.withdrawn += 1

        async def act(unit: Unit) -> None:
            case = await _pick(unit, Case, which)
            if case is not None:
                case.status = CaseStatus.WITHDRAWN
                await grants.cancel_for_case(unit, case, "system")

        self._act(act, crash=crash)

    @invariant()
    def books_hold(self) -> None:
        """Sums, floors, reserves, and how often each grant was paid."""
        self.runner.run(self._check())

    def _act(self, act: Act, *, crash: bool = False) -> None:
        async def run() -> None:
            async with self.resources.unit() as unit:
                await act(unit)
                if crash:
                    raise Crashed

        try:
            self.runner.run(run())
        except (Refused, Crashed):
            return

    def _treasurer(self, who: int) -> UUID:
        return self.treasurers[who % TREASURERS]

    async def _people(self) -> list[UUID]:
        async with self.resources.unit() as unit:
            people = [
                Volunteer(
                    chat=BlindIndex(f"chat-{number}"),
                    contact=SealedBytes(b""),
                    call_sign=CallSign(f"Till {number}"),
                    language="en",
                    reconfirm_at=unit.now,
                    created_at=unit.now,
                    since=unit.now,
                )
                for number in range(TREASURERS)
            ]
            unit.session.add_all(people)
            return [person.id for person in people]

    async def _check(self) -> None:
        async with self.resources.unit() as unit:
            accounts = (await unit.session.exec(select(LedgerAccount))).all()
            lines = (await unit.session.exec(select(Posting))).all()
            entries = (await unit.session.exec(select(JournalEntry))).all()
            promised = (await unit.session.exec(select(Grant))).all()
            live = await unit.session.exec(
                select(Payout.grant_id, func.count(col(Payout.id)))
                .where(col(Payout.status).in_([PayoutStatus.SENT, PayoutStatus.PAID, PayoutStatus.CLAIMED]))
                .group_by(col(Payout.grant_id))
            )
            assert all(count == 1 for _, count in live.all())
        posted, per_entry = Counter[UUID](), Counter[UUID]()
        for line in lines:
            posted[line.account_id] += line.amount
            per_entry[line.entry_id] += line.amount
        assert not any(per_entry.values())
        assert all(account.balance == posted[account.id] for account in accounts)
        assert all(account.balance >= 0 for account in accounts if account.floor_zero)
        stands = {account.name: account.balance for account in accounts}
        assert stands.get("reserved:RUB", 0) == _sum(promised, GrantStatus.RESERVED)
        assert stands.get("granted:RUB", 0) == _sum(promised, GrantStatus.PAID)
        assert sum(stands.values()) == 0
        assert stands.get("covered:RUB", 0) <= max(0, -stands.get("stripe:RUB", 0))
        times = Counter((entry.grant_number, entry.kind) for entry in entries)
        for grant in promised:
            paid = times[grant.number, EntryKind.SETTLE] - times[grant.number, EntryKind.RETURN]
            assert paid == (grant.status == GrantStatus.PAID)


def _payment(unit: Unit, gift: Donation, taken: int) -> Payment:
    """The newest state of a gift's payment, with a fee; what is paid back is one refund of it at most."""
    whole, part = Money(gift.amount, "RUB"), gift.amount * taken // 100
    balance = Balance(f"txn_{gift.id}", whole, Money(gift.amount // 40, "RUB"))
    charge = Charge(f"ch_{gift.id}", whole, "DE", balance, unit.now)
    back = Money(part, "RUB")
    moved = Balance(f"txn_{gift.id}_{part}", -back, Money(0, "RUB"))
    refunds = (Refund(f"re_{gift.id}", back, moved, None),) if part else ()
    return Payment(f"pi_{gift.id}", PaymentState.PAID, gift.id, charge, refunds)


def _sum(promised: Any, status: GrantStatus) -> int:  # noqa: ANN401 - rows
    return sum(grant.amount for grant in promised if grant.status == status)


async def _pick(unit: Unit, table: Any, which: int, *wanted: Any) -> Any:  # noqa: ANN401 - any of the tables
    """One of the rows, in the order of their ids; none when there are none."""
    ids = (await unit.session.exec(select(table.id).where(*wanted).order_by(table.id))).all()
    return await unit.session.get(table, ids[which % len(ids)]) if ids else None


@pytest.fixture
def make_resources(
    vault: Vault, policy: Policy, catalogue: Catalogue, files: Path, clock: TravelClock
) -> Callable[[str], Resources]:
    """Makes what a process holds, on a database by its address."""
    return lambda url: Resources(make_engine(url), vault, policy, catalogue, files, clock, asyncio.Lock())


def test_books_hold_on_sqlite(
    sqlite_template: Path, tmp_path: Path, make_resources: Callable[[str], Resources]
) -> None:
    """No sequence of acts breaks the books."""

    class OnSqlite(Books):
        def make(self) -> Resources:
            path = tmp_path / f"{uuid4().hex}.db"
            shutil.copy(sqlite_template, path)
            return make_resources(f"sqlite+aiosqlite:///{path}")

    run_state_machine_as_test(OnSqlite, settings=_settings(40, 30))


def test_books_hold_on_postgresql(
    take_postgres: Callable[[], str], make_resources: Callable[[str], Resources]
) -> None:
    """The same rules hold on the other engine, whose triggers are written apart."""

    class OnPostgresql(Books):
        def make(self) -> Resources:
            return make_resources(take_postgres())

    run_state_machine_as_test(OnPostgresql, settings=_settings(10, 30))


def _settings(most: int, steps: int) -> settings:
    return settings(
        max_examples=examples(most),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
