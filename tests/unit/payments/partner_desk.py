"""A desk that pays through a partner at Stripe, and what is looked at there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlmodel import select

from bot.database import Resources
from bot.provider_errands import StripeMoney
from bot.rails import partner_rail
from models.attempt import Attempt
from models.policy import Partner
from models.screening import ListStatus, SanctionsList
from payments import attempts, funding, reconcile
from payments.attempts import Now
from payments.ledger import EntryKind, Purpose, balance, transfer
from payments.money import Money
from payments.rails.base import MachineRail
from payments.stripe_gateway import StripeGateway
from sandbox.stripe.client import Bank
from sandbox.stripe.server import StripeServer
from services import treasury_doubts
from tests.unit.services.desk import PLENTY, Desk, make_desk
from tests.unit.services.doubting import never
from tests.unit.services.fund import SMALL

FEE = 250
"""What the partner takes for passing money on."""


CURRENCY = "EUR"
"""Of the account at Stripe, and so of this fund."""


@asynccontextmanager
async def partner_desk(resources: Resources, stripe_server: StripeServer, bank: Bank) -> AsyncIterator[Desk]:
    """A desk with a partner, fresh lists, and as much at Stripe as the books say."""
    account = await bank.connect("EE")
    partner = Partner(name="Open Hands OU", account=account, days=3, fee=FEE)
    resources.policy = resources.policy.model_copy(
        update={"rails": ("stripe_transfer",), "partner": partner, "currency": CURRENCY}
    )
    gateway = StripeGateway(stripe_server.key, stripe_server.url)
    rail = partner_rail(gateway, resources.policy)
    resources.rails = {**resources.rails, rail.name: rail}
    made = await make_desk(resources, 0)
    await bank.top_up(SMALL + FEE)
    async with resources.unit() as unit:
        await funding.add(unit, Money(PLENTY, CURRENCY), "operator")
        for source in resources.policy.screening.lists:
            unit.session.add(
                SanctionsList(
                    source=source, status=ListStatus.CURRENT, dated=unit.now, sha256="0" * 64, loaded_at=unit.now
                )
            )
        await transfer(
            unit, EntryKind.GIFT, "gift:1", Money(SMALL + FEE, CURRENCY), source=Purpose.CONTRIBUTIONS,
            target=Purpose.STRIPE, actor="system",
        )  # fmt: skip
    yield made
    await gateway.close()


async def books(desk: Desk) -> dict[Purpose, int]:
    """What the accounts hold that such a payment goes through; everything agrees."""
    async with desk.resources.unit() as unit:
        assert await reconcile.compare(unit) == []
        purposes = (Purpose.FUND, Purpose.RESERVED, Purpose.GRANTED, Purpose.STRIPE, Purpose.PARTNERS)
        return {purpose: (await balance(unit, purpose, CURRENCY)).amount for purpose in purposes}


async def held(desk: Desk, stripe_server: StripeServer) -> list[reconcile.Difference]:
    """Where Stripe holds something else than the books say, when it is asked now."""
    gateway = StripeGateway(stripe_server.key, stripe_server.url)
    found = await StripeMoney(gateway).ask(desk.resources)
    await gateway.close()
    return found


async def two_under_way(desk: Desk, bank: Bank) -> tuple[str, str, UUID]:
    """Two that are with the partner: what Stripe calls the transfers, and the second payout."""
    await bank.top_up(SMALL + FEE)
    async with desk.resources.unit() as unit:
        whole = Money(SMALL + FEE, CURRENCY)
        await transfer(
            unit,
            EntryKind.GIFT,
            "gift:2",
            whole,
            source=Purpose.CONTRIBUTIONS,
            target=Purpose.STRIPE,
            actor="system",
        )
    await desk.ordered("stripe_transfer")
    assert await desk.tick() == [Now.SENT]
    [first] = await bank.objects("transfer")
    payout_id = await desk.ordered("stripe_transfer", "Other")
    assert await desk.tick(1) == [Now.SENT]
    [second] = [made for made in await bank.objects("transfer") if made["id"] != first["id"]]
    return str(first["id"]), str(second["id"]), payout_id


async def paid_after_all(desk: Desk, bank: Bank) -> None:
    """A transfer that two treasurers have found to be never made, and that was only slow."""
    payout_id = await desk.ordered("stripe_transfer")
    await bank.fault("hang_up", "/v1/transfers", verb="POST")
    assert await desk.tick() == [Now.OPEN]
    desk.later(hours=2)
    await desk.do("Till", payout_id, never)
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
    async with desk.resources.unit() as unit:
        order = await attempts.order_of(unit, (await unit.session.exec(select(Attempt))).one())
    rail = desk.resources.rails["stripe_transfer"]
    assert isinstance(rail, MachineRail)
    await rail.execute(order)
