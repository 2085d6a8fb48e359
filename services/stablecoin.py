"""Telling treasurers of the chain: a wallet that cannot send, and a transfer that is not what it seemed.

Each trouble is told once, by the clock. A text names a grant's number and never an address.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, or_
from sqlmodel import col, select

from models.attempt import Attempt
from models.chain import ChainTransfer, ChainWallet, TransferStatus, Trouble
from models.grant import Grant, Payout
from models.unit import Unit
from models.volunteer import Role
from payments.chain import costs
from services.jobs import Job
from services.roles import tell_role

WALLET = {
    Trouble.TOKEN: "stablecoin.told.token",
    Trouble.GAS: "stablecoin.told.gas",
    Trouble.FEE: "stablecoin.told.fee",
    Trouble.FOREIGN: "stablecoin.told.foreign",
    Trouble.STRAY: "stablecoin.told.stray",
}
TRANSFER = {
    TransferStatus.ODD: "stablecoin.told.odd",
    TransferStatus.ISSUED: "stablecoin.told.taken-back",
    TransferStatus.FAILED: "stablecoin.told.lost",
}
BACK = frozenset({TransferStatus.ISSUED, TransferStatus.FAILED})
"""What a transfer that a reorganisation took back may have become, other than done again."""


async def troubled_wallets(unit: Unit) -> Sequence[UUID]:
    """Wallets in a trouble that nobody was told of."""
    found = await unit.session.exec(
        select(ChainWallet.id).where(
            col(ChainWallet.trouble).in_(WALLET.keys()), col(ChainWallet.told_at).is_(None)
        )
    )
    return found.all()


async def tell_wallet(unit: Unit, wallet: UUID) -> None:
    """Tell treasurers why a wallet cannot send."""
    row = await unit.session.get_one(ChainWallet, wallet, with_for_update=True, populate_existing=True)
    if row.told_at is None and row.trouble in WALLET:
        row.told_at = unit.now
        await tell_role(unit, Role.TREASURER, WALLET[row.trouble], urgent=True)


async def odd_transfers(unit: Unit) -> Sequence[UUID]:
    """Transfers that did something else than was asked, or that were taken back, and nobody was told."""
    taken_back = col(ChainTransfer.taken_back_at).is_not(None)
    found = await unit.session.exec(
        select(ChainTransfer.id).where(
            or_(
                col(ChainTransfer.status) == TransferStatus.ODD,
                and_(taken_back, col(ChainTransfer.status).in_(BACK)),
            ),
            col(ChainTransfer.told_at).is_(None),
        )
    )
    return found.all()


async def tell_transfer(unit: Unit, transfer: UUID) -> None:
    """Tell treasurers what has become of a transfer, by its grant's number."""
    row = await unit.session.get_one(ChainTransfer, transfer, with_for_update=True, populate_existing=True)
    if row.told_at is not None or row.status not in TRANSFER:
        return
    row.told_at = unit.now
    found = await unit.session.exec(
        select(Grant.number)
        .join(Payout, col(Payout.grant_id) == Grant.id)
        .join(Attempt, col(Attempt.payout_id) == Payout.id)
        .where(Attempt.id == row.attempt)
    )
    await tell_role(unit, Role.TREASURER, TRANSFER[row.status], urgent=True, number=found.first() or "–")


JOBS: tuple[Job, ...] = (
    Job("stablecoin.enter_costs", timedelta(hours=1), costs.due, costs.enter),
    Job("stablecoin.tell_wallet", timedelta(minutes=1), troubled_wallets, tell_wallet),
    Job("stablecoin.tell_transfer", timedelta(minutes=1), odd_transfers, tell_transfer),
)
