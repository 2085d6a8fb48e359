"""A fund with treasurers and approved cases, for the tests of the payout desk."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from bot.database import Resources
from models.case import Case, CaseStatus
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.mail import Effect, EffectKind, EffectStatus
from models.unit import Unit
from models.volunteer import Role
from payments import attempts, executor, funding, grants, reconcile
from payments.attempts import Now
from payments.ledger import Purpose, balance
from payments.money import Money
from services import treasury, treasury_machine
from services.access import Actor
from services.contact import Address, lane_of
from services.speak import SCREEN, effect_place
from tests.unit.payments.carrier import Carrier
from tests.unit.services.founding import founded
from tests.unit.services.fund import SMALL, Fund

Step = Callable[[Unit, Actor, UUID], Awaitable[object]]
"""What somebody does about a payout."""

RUB = "RUB"
PLENTY = 100_000_000
"""A million roubles, in kopecks."""


@dataclass
class Desk(Fund):
    """People by call sign; the treasurers are Till, Coin and Purse."""

    async def open(self, money: int = PLENTY) -> "Desk":
        """Three treasurers, and money in the fund."""

        async def make(desk: Desk) -> None:
            await desk.coordinators()
            for sign in ("Till", "Coin", "Purse"):
                await desk.confirmed(sign, Role.TREASURER)
            if money:
                await desk.add(money)

        return await founded(self, f"desk {money}", make)

    async def add(self, money: int) -> None:
        """The operator puts money in, in kopecks."""
        async with self.resources.unit() as unit:
            await funding.add(unit, Money(money, RUB), "operator")

    async def approved(self, owner: str = "Applicant", amount: int = SMALL) -> UUID:
        """An approved case, as the review leaves it."""
        case_id = await self.case(owner, amount=amount, begin=False)
        async with self.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            case.status = CaseStatus.APPROVED
            await treasury.offer(unit, await grants.approve(unit, case, amount, "system"))
        return case_id

    async def queued(self, owner: str = "Applicant", amount: int = SMALL) -> UUID:
        """The id of a payout that its person has agreed to."""
        return await self.agreed(await self.approved(owner, amount), owner)

    async def agreed(self, case_id: UUID, owner: str = "Applicant", rail: str | None = None) -> UUID:
        """The person confirms how the money reaches them; the id of the payout."""
        async with self.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            return (await treasury.agree(unit, await self.actor(unit, owner), case, rail)).id

    async def ordered(self, rail: str, owner: str = "Applicant") -> UUID:
        """The id of a payout that a machine is to make."""
        payout_id = await self.agreed(await self.approved(owner), owner, rail)
        await self.do("Till", payout_id, treasury.claim, treasury_machine.order)
        return payout_id

    async def do(self, sign: str, payout_id: UUID, *steps: Step) -> None:
        """Let somebody take steps, one transaction each."""
        for step in steps:
            async with self.resources.unit() as unit:
                await step(unit, await self.actor(unit, sign), payout_id)

    async def tick(self, minutes: int = 0) -> list[Now | None]:
        """Ask for every payout that is due at a machine, as the errands do."""
        self.later(minutes=minutes)
        async with self.resources.unit() as unit:
            found = await attempts.due(unit)
        return [await executor.work(self.resources.unit, each, treasury_machine.told) for each in found]

    async def agrees(self) -> None:
        """Books, payouts and attempts agree."""
        async with self.resources.unit() as unit:
            assert await reconcile.compare(unit) == []

    async def paid(self, owner: str = "Applicant", amount: int = SMALL) -> UUID:
        """The id of a payout that Till paid and, above the tier, Coin confirmed."""
        payout_id = await self.queued(owner, amount)
        async with self.resources.unit() as unit:
            till = await self.actor(unit, "Till")
            await treasury.claim(unit, till, payout_id)
            if await treasury.pay(unit, till, payout_id, "R-1") == PayoutStatus.SENT:
                await treasury.confirm(unit, await self.actor(unit, "Coin"), payout_id)
        return payout_id

    async def stands(self, payout_id: UUID) -> tuple[PayoutStatus, GrantStatus, CaseStatus | None]:
        """How payout, grant and case stand."""
        async with self.resources.unit() as unit:
            payout = await unit.session.get_one(Payout, payout_id)
            grant = await unit.session.get_one(Grant, payout.grant_id)
            case = await unit.session.get(Case, grant.case_id) if grant.case_id else None
            return payout.status, grant.status, case.status if case else None

    async def books(self) -> tuple[int, int, int]:
        """Free, reserved and granted money, in kopecks."""
        async with self.resources.unit() as unit:
            fund, reserved, granted = [
                (await balance(unit, purpose, RUB)).amount
                for purpose in (Purpose.FUND, Purpose.RESERVED, Purpose.GRANTED)
            ]
            return fund, reserved, granted

    async def deliver(self) -> None:
        """Take what is about to be shown as shown: nothing later replaces it."""
        async with self.resources.unit() as unit:
            for effect in (await unit.session.exec(select(Effect))).all():
                effect.status = EffectStatus.DONE

    async def screen(self, sign: str) -> dict[str, Any]:
        """What the one screen of a person's chat is about to show."""
        return (await self.said(sign, SCREEN))[-1]

    async def notices(self, sign: str) -> list[str]:
        """The texts of the notices to a person, oldest first."""
        return [payload["text"] for payload in await self.said(sign, "notice:")]

    async def said(self, sign: str, slot: str) -> list[dict[str, Any]]:
        """Payloads that are about to be shown to a person."""
        async with self.resources.unit() as unit:
            lane = lane_of(unit, Address(self.people[sign]))
            found = await unit.session.exec(
                select(Effect)
                .where(Effect.lane == lane, Effect.kind == EffectKind.SHOW, col(Effect.slot).startswith(slot))
                .order_by(col(Effect.id))
            )
            return [_opened(unit, effect) for effect in found.all()]


async def make_desk(resources: Resources, money: int = PLENTY) -> Desk:
    """An open desk."""
    return await Desk(resources).open(money)


async def carried_desk(resources: Resources, carrier: Carrier) -> Desk:
    """A desk whose policy opens the carrier beside the transfer by hand."""
    resources.rails = {**resources.rails, "carrier": carrier}
    resources.policy = resources.policy.model_copy(update={"rails": ("carrier", "manual")})
    return await make_desk(resources)


def _opened(unit: Unit, effect: Effect) -> dict[str, Any]:
    assert effect.payload is not None
    opened: dict[str, Any] = json.loads(unit.vault.open_server(effect.payload, effect_place(effect)))
    return opened
