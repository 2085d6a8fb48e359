"""The stock of codes that tests begin with: loaded as the operator does, and counted."""

from collections.abc import Sequence

from sqlmodel import col, func, select

from models.unit import Unit
from models.voucher import Voucher, VoucherKind, VoucherStatus
from payments import vouchers
from payments.money import Money
from tests.unit.services.desk import RUB, Desk

EACH = 500_000
"""Two of these are a small grant."""


async def load(unit: Unit, lines: Sequence[str], amount: int = EACH, *, free: bool = False) -> int:
    """Load a file of codes, each worth as much; returns how many there were."""
    return await vouchers.load(unit, lines, VoucherKind.MOBILE, Money(amount, RUB), given=free, by="operator")


async def stock(desk: Desk, count: int) -> None:
    """Put so many codes into stock."""
    async with desk.resources.unit() as unit:
        await load(unit, [f"CODE-{number}\n" for number in range(count)])


async def count_codes(desk: Desk) -> dict[VoucherStatus, int]:
    """How many codes stand where."""
    async with desk.resources.unit() as unit:
        rows = await unit.session.exec(
            select(Voucher.status, func.count(col(Voucher.id))).group_by(Voucher.status)
        )
        return {VoucherStatus(status): count for status, count in rows.all()}
