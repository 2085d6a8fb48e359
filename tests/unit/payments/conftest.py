"""Cases and balances for the tests of money."""

from collections.abc import Awaitable, Callable

import pytest

from bot.database import Resources
from models.case import Case, CaseStatus
from models.unit import Unit
from payments import funding
from payments.ledger import Purpose, balance
from payments.money import Money
from vault.types import CaseCode

Balances = Callable[[], Awaitable[dict[Purpose, int]]]


async def make_case(unit: Unit, code: str, status: CaseStatus = CaseStatus.APPROVED) -> Case:
    """A case of nobody in particular."""
    case = Case(code=CaseCode(code), status=status, language="en", created_at=unit.now)
    unit.session.add(case)
    await unit.session.flush()
    return case


@pytest.fixture
def balances(resources: Resources) -> Balances:
    """Reads what stands on every account, in minor units of roubles."""

    async def read() -> dict[Purpose, int]:
        async with resources.unit() as unit:
            return {purpose: (await balance(unit, purpose, "RUB")).amount for purpose in Purpose}

    return read


@pytest.fixture
async def filled(resources: Resources) -> Resources:
    """A fund with 100 000 roubles."""
    async with resources.unit() as unit:
        await funding.add(unit, Money(100_000_00, "RUB"), "operator")
    return resources
