"""Anything may happen in any order to payouts, restores of old backups too: what went twice stands on the desk.

An incident excuses what was under way before it was known. After that no machine is asked to pay its grant anew.
"""

import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import col, func, select

from bot.database import Resources
from bot.operations import doubt_payments
from models.attempt import Attempt
from models.case import Case, CaseStatus
from models.doubt import FindingStatus, Found, Ground, Incident
from models.errors import Refused
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.ledger import LedgerAccount
from models.unit import Unit
from models.volunteer import Volunteer
from payments import attempts, doubts, executor, funding, grants, payouts, reconcile
from payments.attempts import Concluded
from payments.money import Money
from payments.rails import registry
from payments.rails.base import MachineRail, Order, Result
from sandbox.clock import TravelClock
from tests.examples import examples
from tests.unit.payments.carrier import Carrier
from vault.types import BlindIndex, CallSign, CaseCode, SealedBytes

ACTS = (
    "ask", "ask", "agree", "agree", "claim", "claim", "give", "go", "go", "run", "run", "run", "hold", "deaf",
    "slow", "answer", "arrive", "backup", "restore", "restore", "doubt", "doubt", "withdraw", "later",
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 3)), min_size=8, max_size=30)
MISTAKEN = [
    ("agree", 1), ("claim", 0), ("go", 0), ("hold", 0), ("run", 0), ("later", 2), ("doubt", 0), ("hold", 3),
]  # fmt: skip
"""Two take an order that is on its way for never paid."""
ANEW = [("agree", 1), ("claim", 0), ("go", 0)]
KNOWN_BEFORE = [*MISTAKEN, ("arrive", 0), ("run", 0), *ANEW, ("later", 2), ("run", 0)]
"""It proves to be paid before its person agrees anew."""
KNOWN_WHILE_IT_WAITS = [
    *MISTAKEN, *ANEW, ("deaf", 0), ("run", 0), ("arrive", 0), ("later", 2), ("run", 0), ("deaf", 3), ("later", 2),
    ("run", 0),
]  # fmt: skip
"""It proves to be paid while the next order waits for a provider who does not hear."""
AMOUNT = 1_000_00
GONE = frozenset({PayoutStatus.RETURNED, PayoutStatus.CANCELLED})


class Post(Carrier):
    """A carrier that may hear nothing, or take an order, say nothing, and know nothing of it until it arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.holds = self.deaf = False
        self.on_its_way: dict[str, Order] = {}
        self.heard: set[str] = set()
        """Keys that it was ever asked to pay."""

    async def execute(self, order: Order) -> Result:
        """Pay, or keep it on its way."""
        if self.deaf:
            raise ConnectionError
        self.heard.add(order.key)
        if self.holds and order.key not in self.paid:
            self.on_its_way[order.key] = order
            raise TimeoutError
        return await super().execute(order)

    def arrive(self, key: str) -> None:
        """What was on its way is paid."""
        order = self.on_its_way.pop(key)
        if order.key not in self.closed:
            self._pay(order)


@dataclass
class Play:
    """One run. What is here is the world's, and outlives every restore."""

    resources: Resources
    clock: TravelClock
    post: Post
    people: tuple[UUID, UUID]
    whose: dict[str, UUID] = field(default_factory=dict)
    """Whose grant a key is for."""
    by_hand: Counter[UUID] = field(default_factory=Counter)
    backup: Path | None = None
    mistaken: set[UUID] = field(default_factory=set)
    """Grants that two people took for never paid while an order of theirs was on its way."""
    lost: set[UUID] = field(default_factory=set)
    """The same, when a restore has taken the rows that would have shown it: docs/THREATS.md says so."""
    unsaid: list[tuple[UUID, Order, Result]] = field(default_factory=list)
    """Answers that a slow process has not written down yet."""

    async def act(self, name: str, number: int) -> None:
        """Do one thing; what is refused changes nothing."""
        with suppress(Refused):
            await getattr(self, f"_{name}")(number)

    def moved(self, grant: UUID) -> int:
        """How often money has moved for a grant."""
        return self.by_hand[grant] + sum(self.whose.get(key) == grant for key in self.post.paid)

    async def check(self) -> None:
        """The books balance, and say what the payouts say."""
        async with self.resources.unit() as unit:
            found = await reconcile.compare(unit)
            total = await unit.session.exec(select(func.coalesce(func.sum(LedgerAccount.balance), 0)))
            assert total.one() == 0
        assert {one.kind for one in found} <= {reconcile.Kind.DEBT}, found

    async def calm_down(self) -> None:
        """Everything arrives, is looked up, and decided; then nothing went twice, or was freed, unseen."""
        self.post.holds = self.post.deaf = False
        for key in list(self.post.on_its_way):
            self.post.arrive(key)
        for _ in range(4):
            await self._answer(0)
            for number in range(4):
                await self.act("later", number)
                await self.act("run", number)
                await self.act("doubt", number)
        await self.check()
        async with self.resources.unit() as unit:
            incidents = await _with_incident(unit) | self.lost
            for grant in (await unit.session.exec(select(Grant))).all():
                moved = self.moved(grant.id)
                assert moved <= 1 or grant.id in incidents, f"paid {moved} times and nobody knows"
                if grant.status == GrantStatus.CANCELLED:
                    assert moved == 0 or grant.id in incidents, "money that is gone was called free"
                if grant.status == GrantStatus.PAID:
                    assert moved, "what was never paid counts as paid"

    async def _ask(self, _: int) -> None:
        async with self.resources.unit() as unit:
            case = Case(code=CaseCode(uuid4().hex), status=CaseStatus.APPROVED, language="en", created_at=unit.now)
            await unit.vault.create(case.id)
            unit.session.add(case)
            await unit.session.flush()
            await grants.approve(unit, case, AMOUNT, "system")

    async def _agree(self, number: int) -> None:
        async with self.resources.unit() as unit:
            case = await self._a_case(unit, number, CaseStatus.APPROVED)
            grant = await grants.grant_of(unit, case) if case else None
            if case and grant and await grants.live_payout(unit, grant) is None:
                rail = registry.find(unit, "manual" if number == 0 else "carrier")
                await payouts.queue(unit, grant, case, rail, None, "applicant")

    async def _claim(self, number: int) -> None:
        """A treasurer takes what is paid by hand or sure; of the rest two say first what became of it."""
        async with self.resources.unit() as unit:
            payout = await self._a_payout(unit, number, PayoutStatus.QUEUED)
            if payout is None:
                return
            payout, _, case = await payouts.load(unit, payout.id)
            if not payout.unsure or (payout.rail == "manual" and payouts.is_wanted(case)):
                await payouts.claim(unit, payout, self.people[0])

    async def _give(self, number: int) -> None:
        """A treasurer gives back what they have not paid; what is found to be paid by hand they would enter."""
        async with self.resources.unit() as unit:
            found = await self._a_payout(unit, number, PayoutStatus.CLAIMED)
            if found is None:
                return
            payout, grant, case = await payouts.load(unit, found.id)
            await self._wait_for_what_no_row_is_left_of(unit)
            if payout.rail != "manual" or not self.moved(grant.id):
                await payouts.give_back(unit, payout, grant, case, self.people[0])

    async def _go(self, number: int) -> None:
        """By hand: they pay unless it is paid, and enter it. By machine: they order it."""
        async with self.resources.unit() as unit:
            found = await self._a_payout(unit, number, PayoutStatus.CLAIMED)
            if found is None:
                return
            payout, grant, case = await payouts.load(unit, found.id)
            rail = registry.find(unit, payout.rail)
            if not isinstance(rail, MachineRail):
                await self._wait_for_what_no_row_is_left_of(unit)
                if not self.moved(grant.id):
                    self.by_hand[grant.id] += 1
                await payouts.pay(unit, payout, grant, case, self.people[0], f"H-{grant.id}")
            elif case is not None and payouts.is_wanted(case) and not payout.unsure:
                made = await attempts.prepare(unit, rail, payout, grant, case, "Card 4111", str(self.people[0]))
                self.whose[str(made.id)] = grant.id

    async def _run(self, _: int) -> None:
        async with self.resources.unit() as unit:
            due = await attempts.due(unit)
        for attempt in due:
            async with self._nothing_new():
                await executor.work(self.resources.unit, attempt, _tell)

    @asynccontextmanager
    async def _nothing_new(self) -> AsyncIterator[None]:
        """Nothing is begun for a grant of which an incident is known."""
        async with self.resources.unit() as unit:
            known = await _with_incident(unit)
        before = set(self.post.heard)
        yield
        begun = {self.whose[key] for key in self.post.heard - before}
        assert not begun & known, "what is known to be paid is paid by a machine again"

    async def _hold(self, number: int) -> None:
        """Orders that are sent now are on their way for long, or no longer."""
        self.post.holds = number < 3

    async def _deaf(self, number: int) -> None:
        """What is asked now is not heard, or it is again."""
        self.post.deaf = number < 2

    async def _slow(self, number: int) -> None:
        """A process asks, and does not write the answer down yet."""
        async with self.resources.unit() as unit:
            due = await attempts.due(unit)
            taken = await attempts.take(unit, due[number % len(due)]) if due else None
        if taken is None:
            return
        attempt, order = taken
        look = attempts.only_looked_up(attempt)
        asked = (
            executor.look_up(self.post, order)
            if look
            else executor.ask(self.post, order, first=attempt.tries == 1, wanted=bool(order.destination))
        )
        async with self._nothing_new():
            self.unsaid.append((attempt.id, order, await asked))

    async def _answer(self, _: int) -> None:
        """Whoever was slow writes their answers down."""
        for attempt, order, result in self.unsaid:
            async with self.resources.unit() as unit:
                await attempts.conclude(unit, attempt, self.post, order, result)
        self.unsaid.clear()

    async def _arrive(self, number: int) -> None:
        if keys := sorted(self.post.on_its_way):
            self.post.arrive(keys[number % len(keys)])

    async def _backup(self, _: int) -> None:
        self.backup = copied(self.resources, "backup")

    async def _restore(self, _: int) -> None:
        if self.backup is None:
            return
        await put_back(self.resources, self.backup)
        self.unsaid.clear()
        self.lost |= self.mistaken
        await doubt_payments(self.resources)

    async def _doubt(self, number: int) -> None:
        """Two treasurers find out what became of a payout: paid when it is, of what no row is left for sure.

        What is on its way and still has its row they may take for never paid.
        """
        async with self.resources.unit() as unit:
            live = select(Payout.id).where(col(Payout.status).not_in(GONE)).order_by(col(Payout.created_at))
            found = (await unit.session.exec(live)).all()
            if not found:
                return
            payout, grant, case = await payouts.load(unit, found[number % len(found)])
            if not await doubts.is_in_doubt(unit, payout):
                return
            await self._wait_for_what_no_row_is_left_of(unit)
            said, reference = Found.NEVER, ""
            if self.moved(grant.id):
                said, reference = Found.PAID, self._reference(grant.id)
            elif any(self.whose[key] == grant.id for key in self.post.on_its_way):
                self.mistaken.add(grant.id)
            await doubts.say(unit, payout, said, Ground.STATEMENT, self.people[0], reference)
            finding = await doubts.confirm(unit, payout, grant, case, self.people[1])
            assert finding.status == FindingStatus.CONFIRMED

    async def _wait_for_what_no_row_is_left_of(self, unit: Unit) -> None:
        """Whoever finds out after a restore waits until nothing can be on its way that the data does not know."""
        rows = {str(one) for one in (await unit.session.exec(select(Attempt.id))).all()}
        for key in [key for key in self.post.on_its_way if key not in rows]:
            self.post.arrive(key)

    async def _withdraw(self, number: int) -> None:
        async with self.resources.unit() as unit:
            case = await self._a_case(unit, number, CaseStatus.APPROVED, CaseStatus.PAYING)
            if case is not None:
                case.status = CaseStatus.WITHDRAWN
                await grants.cancel_for_case(unit, case, "applicant")

    async def _later(self, number: int) -> None:
        self.clock.advance(timedelta(minutes=(2, 10, 70, 200)[number]))

    async def _a_case(self, unit: Unit, number: int, *statuses: CaseStatus) -> Case | None:
        query = select(Case).where(col(Case.status).in_(statuses)).order_by(col(Case.created_at))
        found = (await unit.session.exec(query)).all()
        return found[number % len(found)] if found else None

    async def _a_payout(self, unit: Unit, number: int, status: PayoutStatus) -> Payout | None:
        query = select(Payout).where(Payout.status == status).order_by(col(Payout.created_at))
        found = (await unit.session.exec(query)).all()
        return found[number % len(found)] if found else None

    def _reference(self, grant: UUID) -> str:
        """Under which a payment for a grant is found."""
        keys = [key for key in self.post.paid if self.whose.get(key) == grant]
        return f"T-{keys[0][:8]}" if keys else f"H-{grant}"


def copied(resources: Resources, name: str) -> Path:
    """A copy of the database as it stands."""
    path = Path(resources.engine.url.database or "")
    copy = path.with_name(name)
    copy.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("VACUUM INTO ?", (str(copy),))
    connection.close()
    return copy


async def put_back(resources: Resources, copy: Path) -> None:
    """Put a copy in the place of the database."""
    await resources.engine.dispose()
    path = Path(resources.engine.url.database or "")
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    shutil.copy(copy, path)


@pytest.fixture
async def people(resources: Resources) -> tuple[UUID, UUID]:
    """Two treasurers, and money that suffices."""
    made = []
    async with resources.unit() as unit:
        await funding.add(unit, Money(10**11, "RUB"), "operator")
        for number in (1, 2):
            person = Volunteer(
                chat=BlindIndex(f"chat-{number}"), contact=SealedBytes(b""), call_sign=CallSign(f"Till {number}"),
                language="en", reconfirm_at=unit.now, created_at=unit.now, since=unit.now,
            )  # fmt: skip
            unit.session.add(person)
            await unit.session.flush()
            made.append(person.id)
    return made[0], made[1]


@pytest.fixture
def begun(resources: Resources, people: tuple[UUID, UUID]) -> Path:  # noqa: ARG001 - they are in it
    """The database with which each play begins."""
    return copied(resources, "begun")


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
@example(steps=KNOWN_BEFORE)
@example(steps=KNOWN_WHILE_IT_WAITS)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_whatever_happens(
    resources: Resources,
    clock: TravelClock,
    people: tuple[UUID, UUID],
    begun: Path,
    steps: list[tuple[str, int]],
) -> None:
    """Restores, answers that come late, slow processes, people who are wrong: no grant goes twice unseen."""
    await put_back(resources, begun)
    post = Post()
    resources.rails = {**resources.rails, "carrier": post}
    play = Play(resources, clock, post, people)
    await play.act("ask", 0)
    for name, number in steps:
        await play.act(name, number)
        await play.check()
    await play.calm_down()


async def _with_incident(unit: Unit) -> set[UUID]:
    """Grants of which an incident is known."""
    found = await unit.session.exec(select(Payout.grant_id).join(Incident, col(Incident.payout_id) == Payout.id))
    return set(found.all())


async def _tell(unit: Unit, concluded: Concluded) -> None:
    """Nobody is told in a play."""
