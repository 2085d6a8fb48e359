"""Differences are told: once each, and anew when they come back or change; a debt once while it lasts."""

import pytest
from sqlmodel import select

from bot.database import Resources
from models.grant import Grant
from models.reconciliation import KnownDifference
from payments import breaker, executor
from payments.ledger import EntryKind, Purpose, transfer
from payments.money import Money
from services import reconciling
from tests.unit.payments.carrier import Carrier
from tests.unit.services.desk import Desk, make_desk
from tests.unit.services.fund import SMALL

DIFFERS, DEBT = "do not agree somewhere", "The account at Stripe is"


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


async def told(desk: Desk, words: str) -> int:
    """How often Till was told this, after a look."""
    await desk.run(reconciling.JOBS)
    return sum(words in text for text in await desk.notices("Till"))


async def test_the_same_subject_with_other_figures_is_told_anew(desk: Desk) -> None:
    """A second hole in the reserve does not hide behind the first one, nor one that comes back."""
    await desk.approved()
    counts = []
    for amount in (SMALL + 1, SMALL + 1, SMALL + 2, SMALL, SMALL + 2):
        async with desk.resources.unit() as unit:
            (await unit.session.exec(select(Grant))).one().amount = amount
        counts.append(await told(desk, DIFFERS))
    once = counts[0]
    assert counts == [once, once, 2 * once, 2 * once, 3 * once]


async def test_a_debt_at_a_provider_is_told_once_while_it_lasts(desk: Desk) -> None:
    """More was taken back than a provider holds, and nothing is free: that is told, and not each change."""
    counts = []
    for number, amount in enumerate((-SMALL, -1, SMALL + 1, -SMALL)):
        async with desk.resources.unit() as unit:
            await transfer(
                unit, EntryKind.REFUND, f"test:{number}", Money(abs(amount), "EUR"), actor="system",
                source=Purpose.STRIPE if amount < 0 else Purpose.CONTRIBUTIONS,
                target=Purpose.CONTRIBUTIONS if amount < 0 else Purpose.STRIPE,
            )  # fmt: skip
        counts.append(await told(desk, DEBT))
    once = counts[0]
    assert once
    assert counts == [once, once, once, 2 * once]
    assert "The account at Stripe is 10,000\xa0€ below zero" in (await desk.notices("Till"))[0]
    async with desk.resources.unit() as unit:
        known = (await unit.session.exec(select(KnownDifference.kind))).all()
    assert list(known) == ["debt"]


async def test_a_rail_opens_with_the_word_of_it_or_not_at_all(desk: Desk) -> None:
    """Whoever dies while telling leaves the rail shut: the next probe opens it and tells."""
    rails, carrier = desk.resources.rails, Carrier()
    desk.resources.rails = {**rails, "carrier": carrier}
    async with desk.resources.unit() as unit:
        for _ in range(desk.resources.policy.limits.rail_failures):
            await breaker.failed(unit, "carrier")

    async def dies(_: object) -> None:
        raise ConnectionError

    heard: list[object] = []

    async def hears(unit: object) -> None:
        heard.append(unit)

    with pytest.raises(ConnectionError):
        await executor.probe(desk.resources.unit, "carrier", dies)
    assert await executor.probe(desk.resources.unit, "carrier", hears)
    assert not await executor.probe(desk.resources.unit, "carrier", hears)
    assert len(heard) == 1


@pytest.mark.parametrize("again", [False, True])
async def test_what_changes_between_the_search_and_the_word_is_looked_at_again(desk: Desk, *, again: bool) -> None:
    """Mended before it is told: nobody hears of it. Back before it is forgotten: it is not told twice."""
    await desk.approved()

    async def hole(amount: int) -> None:
        async with desk.resources.unit() as unit:
            (await unit.session.exec(select(Grant))).one().amount = SMALL + amount

    await hole(1)
    heard = await told(desk, DIFFERS) if again else 0
    await hole(0 if again else 1)
    async with desk.resources.glance() as unit:
        found = await reconciling.new_differences(unit)
    assert found
    await hole(1 if again else 0)
    [job] = reconciling.JOBS
    for one in found:
        async with desk.resources.unit() as unit:
            await job.handle(unit, one)
    assert sum(DIFFERS in text for text in await desk.notices("Till")) == heard
    assert await told(desk, DIFFERS) == heard
