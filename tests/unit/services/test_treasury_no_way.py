"""A grant that nothing open pays: treasurers hear, its person is written to in time, and its days stand still."""

from uuid import UUID

import pytest

from bot.database import Resources
from models.case import Case, CaseStatus
from models.panel import RailWait
from models.unit import Unit
from payments.money import Money
from payments.rails.base import DistantRail
from payments.rails.registry import NoRail
from services import reminders, submission, treasury_no_way, treasury_person, treasury_rails
from services.corridor import has_way
from services.desk import read_desk
from tests.unit.payments.carrier import Carrier
from tests.unit.services.codes import EACH, load, stock
from tests.unit.services.desk import RUB, Desk, make_desk
from tests.unit.services.fund import SMALL

ODD = SMALL + 230_000
"""Codes of 5,000 never come to it."""

NO_WAY = "no open way"

DAYS = 20
"""Before volunteers must confirm anew."""


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk whose policy opens codes alone, with twenty of them in stock."""
    rules = resources.policy
    retention = rules.retention.model_copy(update={"unclaimed_days": DAYS})
    resources.policy = rules.model_copy(update={"rails": ("voucher-mobile",), "retention": retention})
    desk = await make_desk(resources)
    await stock(desk, 20)
    return desk


async def passed(desk: Desk, **span: float) -> None:
    """So much time passes, and the clock sees to it."""
    desk.later(**span)
    for _ in range(2):
        await desk.run([*reminders.JOBS, *treasury_no_way.JOBS])


async def told(desk: Desk, sign: str, what: str = NO_WAY) -> int:
    """How many notices that say something stand in a chat, or are on their way."""
    return sum(what in text for text in await desk.notices(sign))


async def fitting(desk: Desk) -> None:
    """A code comes into stock with which there is a way."""
    async with desk.resources.unit() as unit:
        await load(unit, ["FIT-1\n"], ODD % EACH)


async def wait_of(desk: Desk, case_id: UUID) -> tuple[CaseStatus, RailWait | None]:
    """How a case stands, and its wait."""
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        return case.status, await unit.session.get(RailWait, case_id)


async def test_treasurers_hear_once_and_its_person_when_there_is_a_way(desk: Desk) -> None:
    """One notice for each treasurer, gone when a way opens; the person is told then, and not reminded before."""
    await desk.approved(amount=ODD)
    before = len(await desk.notices("Applicant"))
    for _ in range(12):
        await passed(desk, days=1)
    assert [await told(desk, sign) for sign in ("Till", "Coin", "Purse", "Alpha")] == [1, 1, 1, 0]
    assert len(await desk.notices("Applicant")) == before
    async with desk.resources.unit() as unit:
        applicant = await desk.actor(unit, "Applicant")
        assert applicant.case is not None
        with pytest.raises(NoRail, match="no-way"):
            await treasury_person.show_person(unit, applicant, applicant.case)
        assert (await read_desk(unit, await desk.actor(unit, "Alpha"))).silent == 0
    await fitting(desk)
    await passed(desk, minutes=1)
    assert await told(desk, "Till") == 0
    assert len(await desk.notices("Applicant")) == before + 1


async def test_treasurers_see_the_amount_and_what_is_in_the_way(desk: Desk) -> None:
    """Each amount once, whoever waits for it; nothing when everything has a way."""
    for owner, amount in (("Anna", ODD), ("Boris", ODD), ("Vera", SMALL)):
        await desk.approved(owner, amount)
    await passed(desk)
    assert (await ways(desk)).count("nothing that is open pays it:\nphone top-up: There are no codes") == 1
    await fitting(desk)
    await passed(desk)
    assert "nothing that is open" not in await ways(desk)


async def ways(desk: Desk) -> str:
    """What Till sees of the ways to pay."""
    async with desk.resources.unit() as unit:
        await treasury_rails.show_rails(unit, await desk.actor(unit, "Till"))
    return str((await desk.screen("Till"))["text"])


async def test_days_without_a_way_do_not_count(desk: Desk) -> None:
    """The grant stands for all its days from the moment on when it could be claimed."""
    case_id = await desk.approved(amount=ODD)
    await passed(desk)
    await passed(desk, days=DAYS - 1)
    await fitting(desk)
    await passed(desk, minutes=1)
    for days in (4, 8, DAYS - 14):
        await passed(desk, days=days)
    status, row = await wait_of(desk, case_id)
    assert status is CaseStatus.APPROVED
    assert row is not None
    assert row.reminded == len(reminders.PAUSES)
    await passed(desk, days=5)
    assert (await wait_of(desk, case_id))[0] is CaseStatus.WITHDRAWN


async def test_a_case_without_a_way_is_not_kept_for_ever(desk: Desk) -> None:
    """After twice as many days without any way it ends too: a coordinator reads why, nobody is called."""
    case_id = await desk.approved(amount=ODD)
    await passed(desk)
    await passed(desk, days=2 * DAYS - 1)
    assert (await wait_of(desk, case_id))[0] is CaseStatus.APPROVED
    await passed(desk, days=2)
    assert await wait_of(desk, case_id) == (CaseStatus.WITHDRAWN, None)
    assert await told(desk, "Alpha", "no open way could pay") == 1
    assert await told(desk, "Till") == 0


async def test_who_takes_their_request_back_calls_nobody(desk: Desk) -> None:
    """Nobody waits any more: what treasurers were told goes."""
    case_id = await desk.approved(amount=ODD)
    await passed(desk)
    assert await told(desk, "Till") == 1
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await submission.withdraw(unit, await desk.actor(unit, "Applicant"), case)
    await passed(desk)
    assert await told(desk, "Till") == 0


async def test_a_treasurer_is_not_called_to_their_own_grant(desk: Desk) -> None:
    """Whoever asked for it themselves hears as its person alone."""
    await desk.approved("Till", ODD)
    await passed(desk)
    assert (await told(desk, "Till"), await told(desk, "Coin")) == (0, 1)


class Far(Carrier):
    """A carrier that this process may not ask."""

    out_of_reach = True

    async def refuses(self, unit: Unit, money: Money) -> str | None:  # noqa: ARG002 - the interface of a rail
        """Nothing is known of it here."""
        return "treasury.refused.no-rail"


async def test_a_process_that_cannot_tell_says_nothing(desk: Desk) -> None:
    """With a rail that another process alone may ask nobody is alarmed, unless a way is open here."""
    far = Far()
    assert isinstance(far, DistantRail)
    desk.resources.rails = {**desk.resources.rails, "carrier": far}
    desk.resources.policy = desk.resources.policy.model_copy(update={"rails": ("voucher-mobile", "carrier")})
    await desk.approved(amount=ODD)
    await passed(desk)
    assert await told(desk, "Till") == 0
    async with desk.resources.unit() as unit:
        assert await has_way(unit, Money(ODD, RUB)) is None
        assert await has_way(unit, Money(SMALL, RUB)) is True
