"""Rows of the chain: wallets, transfers and their transactions, read and written within a unit.

A wallet's row is locked before a nonce is taken or a cap is counted; that makes the wallet one sender, over all
processes. What leads to the chain is sealed here and opened here.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, func, select

from models import audit
from models.base import new_id
from models.chain import (
    TRANSFER_ALLOWED,
    ChainTransaction,
    ChainTransfer,
    ChainWallet,
    TransferStatus,
    Trouble,
)
from models.states import move
from models.unit import Unit
from payments.chain.values import Event, Fees, Signed
from vault.seal import Place
from vault.types import BlindIndex, IndexName

ACTOR: Final = "chain"
"""How the audit log names what the chain did."""

DAY: Final = timedelta(hours=24)
OUT: Final = frozenset({TransferStatus.ISSUED, TransferStatus.DONE, TransferStatus.ODD})
"""Has a nonce and is still watched."""
_TRANSACTION: Final = "chain_transaction"
NEVER: Final = frozenset({TransferStatus.FAILED, TransferStatus.CANCELLED})
OVER: Final = NEVER | {TransferStatus.FINAL}


async def wallet(unit: Unit, chain_id: int, address: str) -> ChainWallet:
    """The row of a wallet, locked until the transaction ends; made when it is new."""
    await audit.hold(unit)
    name = unit.vault.index(IndexName.destination, f"wallet:{chain_id}:{address.lower()}")
    asked = select(ChainWallet).where(ChainWallet.address == name).with_for_update()
    found = (await unit.session.exec(asked.execution_options(populate_existing=True))).first()
    if found is None:
        found = ChainWallet(address=name)
        unit.session.add(found)
        await unit.session.flush()
    return found


async def peek(unit: Unit, chain_id: int, address: str) -> ChainWallet | None:
    """The row of a wallet, not locked; None while it was never used."""
    name = unit.vault.index(IndexName.destination, f"wallet:{chain_id}:{address.lower()}")
    return (await unit.session.exec(select(ChainWallet).where(ChainWallet.address == name))).first()


async def add(unit: Unit, purse: ChainWallet, attempt: UUID, amount: int, tokens: int, to: str) -> ChainTransfer:
    """A new transfer, prepared."""
    made = ChainTransfer(
        attempt=attempt, wallet_id=purse.id, amount=amount, tokens=str(tokens), created_at=unit.now
    )
    made.destination = unit.vault.seal_server(to.encode(), _place(made))
    unit.session.add(made)
    await unit.session.flush()
    return made


async def transfer(unit: Unit, attempt: UUID, *, lock: bool = False) -> ChainTransfer | None:
    """The transfer of an attempt."""
    asked = select(ChainTransfer).where(ChainTransfer.attempt == attempt)
    if lock:
        await audit.hold(unit)
        asked = asked.with_for_update()
    return (await unit.session.exec(asked.execution_options(populate_existing=True))).first()


async def with_status(
    unit: Unit, purse: ChainWallet, statuses: frozenset[TransferStatus]
) -> Sequence[ChainTransfer]:
    """A wallet's transfers in these states, in the order of their nonces, then of their asking."""
    found = await unit.session.exec(
        select(ChainTransfer)
        .where(ChainTransfer.wallet_id == purse.id, col(ChainTransfer.status).in_(statuses))
        .order_by(col(ChainTransfer.nonce).nulls_last(), col(ChainTransfer.created_at), col(ChainTransfer.id))
    )
    return found.all()


async def spent(unit: Unit, purse: ChainWallet) -> int:
    """What was asked for within 24 hours and has not failed, in minor units of the token's currency."""
    found = await unit.session.exec(
        select(func.coalesce(func.sum(ChainTransfer.amount), 0)).where(
            ChainTransfer.wallet_id == purse.id,
            col(ChainTransfer.created_at) > unit.now - DAY,
            col(ChainTransfer.status).not_in(NEVER),
        )
    )
    return int(found.one())


async def transactions(unit: Unit, row: ChainTransfer) -> Sequence[ChainTransaction]:
    """Everything made for a transfer, the newest first."""
    found = await unit.session.exec(
        select(ChainTransaction)
        .where(ChainTransaction.transfer_id == row.id)
        .order_by(col(ChainTransaction.version).desc())
    )
    return found.all()


async def issue(unit: Unit, purse: ChainWallet, row: ChainTransfer, nonce: int) -> None:
    """Give a transfer its nonce, for good."""
    await move(unit, row, TransferStatus.ISSUED, TRANSFER_ALLOWED, ACTOR)
    row.nonce, row.issued_at, purse.next_nonce = nonce, unit.now, nonce + 1
    await unit.session.flush()


async def keep(
    unit: Unit, row: ChainTransfer, version: int, signed: Signed, paid: Fees, *, cancels: bool = False
) -> None:
    """Write a signed transaction down, before anybody outside sees it."""
    name = new_id()
    unit.session.add(
        ChainTransaction(
            id=name,
            transfer_id=row.id,
            version=version,
            cancels=cancels,
            hash=unit.vault.seal_server(signed.hash, Place(_TRANSACTION, "hash", name)),
            raw=unit.vault.seal_server(signed.raw, Place(_TRANSACTION, "raw", name)),
            max_fee=paid.most,
            priority_fee=paid.priority,
            made_at=unit.now,
        )
    )
    await unit.session.flush()


async def matched(unit: Unit, row: ChainTransfer, event: Event) -> None:
    """Write down which event on the chain a batch's transfer is."""
    row.event, name = event_index(unit, event), new_id()
    sealed = unit.vault.seal_server(event.hash, Place(_TRANSACTION, "hash", name))
    unit.session.add(ChainTransaction(id=name, transfer_id=row.id, version=0, hash=sealed, made_at=unit.now))
    await unit.session.flush()


async def unmatched(unit: Unit, row: ChainTransfer) -> None:
    """The event that was a batch's transfer is no longer in the chain."""
    row.event = None
    await unit.session.flush()
    await unit.session.exec(delete(ChainTransaction).where(col(ChainTransaction.transfer_id) == row.id))


async def forget(unit: Unit, row: ChainTransfer) -> None:
    """Remove what leads from a transfer to the chain, once it is over and its outcome is in the fund's books."""
    if not row.recorded or row.status not in OVER:
        return
    row.destination = row.nonce = row.block = None
    await unit.session.flush()
    await unit.session.exec(delete(ChainTransaction).where(col(ChainTransaction.transfer_id) == row.id))


async def in_trouble(unit: Unit, purse: ChainWallet, trouble: Trouble | None) -> None:
    """Note why a wallet cannot send, or that it can again; treasurers are told of a new trouble."""
    if purse.trouble != trouble:
        purse.trouble, purse.told_at = trouble, None
        await unit.session.flush()


async def by_event(unit: Unit, event: Event) -> ChainTransfer | None:
    """The transfer that an event was found to be."""
    name = event_index(unit, event)
    return (await unit.session.exec(select(ChainTransfer).where(ChainTransfer.event == name))).first()


def event_index(unit: Unit, event: Event) -> BlindIndex:
    """The blind index of an event on the chain."""
    return unit.vault.index(IndexName.destination, f"event:{event.hash.hex()}:{event.index}")


def destination_of(unit: Unit, row: ChainTransfer) -> str:
    """Where a transfer goes; empty once that is forgotten."""
    return unit.vault.open_server(row.destination, _place(row)).decode() if row.destination else ""


def hash_of(unit: Unit, row: ChainTransaction) -> bytes:
    """What the chain calls a transaction."""
    return unit.vault.open_server(row.hash, Place(_TRANSACTION, "hash", row.id))


def raw_of(unit: Unit, row: ChainTransaction) -> bytes | None:
    """The signed bytes of a transaction; none when it was signed elsewhere."""
    return unit.vault.open_server(row.raw, Place(_TRANSACTION, "raw", row.id)) if row.raw else None


def _place(row: ChainTransfer) -> Place:
    return Place("chain_transfer", "destination", row.id)
