"""Rows of the chain: wallets, transfers and their transactions, read and written within a unit.

A wallet's row is locked before a nonce is taken or a cap is counted; that makes the wallet one sender, over all
processes. What leads to the chain is sealed here and opened here.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, func, or_, select, update

from models import audit
from models.attempt import Attempt
from models.base import new_id
from models.chain import (
    TRANSFER_ALLOWED,
    ChainStray,
    ChainTransaction,
    ChainTransfer,
    ChainWallet,
    TransferStatus,
    Trouble,
)
from models.states import move
from models.unit import Unit
from payments.chain.values import Event, Fees, Moved, Signed
from vault.seal import Place
from vault.types import BlindIndex, IndexName

ACTOR: Final = "chain"
"""How the audit log names what the chain did."""

DAY: Final = timedelta(hours=24)
OUT: Final = frozenset({TransferStatus.ISSUED, TransferStatus.DONE, TransferStatus.ODD})
"""Has a nonce and is still watched."""
MAY_LEAVE: Final = frozenset({TransferStatus.PREPARED, TransferStatus.ISSUED, TransferStatus.ODD})
"""Its money may leave at any moment, or has left nobody knows when."""
_TRANSACTION: Final = "chain_transaction"
NEVER: Final = frozenset({TransferStatus.FAILED, TransferStatus.CANCELLED})
OVER: Final = NEVER | {TransferStatus.FINAL}

PAID_BEFORE: Final = "PaidBefore"
"""The chain has a payment of the same amount to the same destination that this database did not make."""
PAID_AFTER_ALL: Final = "PaidAfterAll"
"""The same, of a transfer that had failed or was cancelled."""
LISTED: Final = "Listed"
"""Before it was signed its address came to be on a sanctions list."""
TOKEN_CHANGED: Final = "TokenChanged"  # noqa: S105 - the token on the chain
"""Before it was signed the policy came to name another token, or other decimals."""
FOR_PEOPLE: Final = frozenset({PAID_BEFORE, PAID_AFTER_ALL})
"""Errors of odd transfers that no later answer of the chain puts right."""
STANDS_STILL: Final = frozenset({Trouble.ODD, Trouble.FOREIGN})
"""Troubles in which a wallet signs nothing until people have looked."""


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


async def cold_ones(unit: Unit, chain_id: int) -> list[str]:
    """Addresses of the hardware wallets of this chain that have something waiting or out."""
    open_ones = select(ChainTransfer).where(
        col(ChainTransfer.wallet).is_not(None), col(ChainTransfer.status).not_in(OVER)
    )
    found: dict[str, UUID] = {}
    for row in (await unit.session.exec(open_ones)).all():
        if row.wallet is not None:
            found[unit.vault.open_server(row.wallet, _place(row, "wallet")).decode()] = row.wallet_id
    purses = {address: await peek(unit, chain_id, address) for address in found}
    return sorted(address for address, purse in purses.items() if purse and purse.id == found[address])


async def add(
    unit: Unit,
    purse: ChainWallet,
    attempt: UUID,
    amount: int,
    asked: Moved,
    decimals: int,
    cold: str | None = None,
) -> ChainTransfer:
    """A new transfer: prepared, or odd when the chain has a payment of this kind that nobody had asked for.

    `decimals`: the token's. `cold`: the address of the wallet when its key is elsewhere.
    """
    made = ChainTransfer(
        attempt=attempt, wallet_id=purse.id, amount=amount, token=asked.token, decimals=decimals,
        tokens=str(asked.tokens), created_at=unit.now,
    )  # fmt: skip
    made.destination = unit.vault.seal_server(asked.to.encode(), _place(made))
    made.wallet = unit.vault.seal_server(cold.encode(), _place(made, "wallet")) if cold else None
    unit.session.add(made)
    await unit.session.flush()
    if (stray := await stray_like(unit, purse, asked)) is not None:
        await paid_before(unit, purse, made, stray, PAID_BEFORE)
    return made


async def paid_before(unit: Unit, purse: ChainWallet, row: ChainTransfer, event: BlindIndex, error: str) -> None:
    """The chain has a payment that this transfer asks or asked for: it is odd, and the wallet stands still."""
    row.event, row.error, row.told_at = event, error, None
    await move(unit, row, TransferStatus.ODD, TRANSFER_ALLOWED, ACTOR)
    await in_trouble(unit, purse, Trouble.ODD)
    await unit.session.flush()


async def decide(unit: Unit, row: ChainTransfer, *, paid: bool) -> None:
    """People have found out whether an odd transfer was paid: nothing that the chain says changes it any more."""
    await move(unit, row, TransferStatus.FINAL if paid else TransferStatus.FAILED, TRANSFER_ALLOWED, ACTOR)


async def transfer(unit: Unit, attempt: UUID, *, lock: bool = False) -> ChainTransfer | None:
    """The transfer of an attempt."""
    asked = select(ChainTransfer).where(ChainTransfer.attempt == attempt)
    if lock:
        await audit.hold(unit)
        asked = asked.with_for_update()
    return (await unit.session.exec(asked.execution_options(populate_existing=True))).first()


async def is_held_back(unit: Unit, row: ChainTransfer) -> bool:
    """Whether nobody signs a prepared transfer any more.

    People decide about it, since its grant may be paid already; or its case was withdrawn or erased, and the
    executor has yet to cancel it.
    """
    found = await unit.session.exec(
        select(Attempt.id).where(
            Attempt.id == row.attempt, or_(col(Attempt.doubted), col(Attempt.case_id).is_(None))
        )
    )
    return found.first() is not None


async def tokens(unit: Unit, purse: ChainWallet, current: str) -> list[str]:
    """Every token whose events are a wallet's to read: the policy's and, for good, whatever it was asked for."""
    found = await unit.session.exec(
        select(ChainTransfer.token).where(ChainTransfer.wallet_id == purse.id).distinct()
    )
    return sorted({current, *found.all()})


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
    """What may leave at any moment or left within 24 hours, in minor units of the token's currency.

    What waits counts however long it does: nobody saves the cap up by paying later.
    """
    return await _sum(unit, purse, NEVER)


async def left(unit: Unit, purse: ChainWallet) -> int:
    """The same without what has no nonce yet."""
    return await _sum(unit, purse, NEVER | {TransferStatus.PREPARED})


async def _sum(unit: Unit, purse: ChainWallet, but: frozenset[TransferStatus]) -> int:
    went = func.coalesce(ChainTransfer.done_at, ChainTransfer.issued_at, ChainTransfer.created_at)
    found = await unit.session.exec(
        select(func.coalesce(func.sum(ChainTransfer.amount), 0)).where(
            ChainTransfer.wallet_id == purse.id,
            col(ChainTransfer.status).not_in(but),
            or_(col(ChainTransfer.status).in_(MAY_LEAVE), went > unit.now - DAY),
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


async def signed(unit: Unit, purse: ChainWallet) -> dict[bytes, ChainTransfer]:
    """The wallet's transfers by what the chain calls their transactions, as far as that is not forgotten."""
    found = await unit.session.exec(
        select(ChainTransaction, ChainTransfer)
        .join(ChainTransfer, col(ChainTransfer.id) == ChainTransaction.transfer_id)
        .where(ChainTransfer.wallet_id == purse.id)
    )
    return {hash_of(unit, one): row for one, row in found.all()}


async def matched(unit: Unit, row: ChainTransfer, event: Event) -> None:
    """Write down which event on the chain a batch's transfer is: it is done."""
    row.event, name = event_index(unit, event), new_id()
    row.done_at, row.block, row.error = unit.now, event.block, None
    await move(unit, row, TransferStatus.DONE, TRANSFER_ALLOWED, ACTOR)
    sealed = unit.vault.seal_server(event.hash, Place(_TRANSACTION, "hash", name))
    unit.session.add(ChainTransaction(id=name, transfer_id=row.id, version=0, hash=sealed, made_at=unit.now))
    await unit.session.flush()


async def unmatched(unit: Unit, row: ChainTransfer) -> None:
    """The event that was a batch's transfer is no longer in the chain."""
    row.event = None
    await unit.session.flush()
    await unit.session.exec(delete(ChainTransaction).where(col(ChainTransaction.transfer_id) == row.id))


async def forget(unit: Unit, row: ChainTransfer) -> None:
    """Remove what leads from a transfer to the chain, once it is over and its outcome is in the fund's books.

    What was paid is kept until its event has been read as well: else that would be nobody's.
    """
    unread = row.status == TransferStatus.FINAL and row.event is None and row.error is None
    if not row.recorded or row.status not in OVER or unread:
        return
    row.destination = row.wallet = row.nonce = row.block = None
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


async def is_known(unit: Unit, event: Event) -> bool:
    """Whether an event was found before, as a transfer or as a stray."""
    name = event_index(unit, event)
    strays = await unit.session.exec(select(ChainStray.id).where(ChainStray.event == name))
    return strays.first() is not None or await by_event(unit, event) is not None


async def add_stray(unit: Unit, purse: ChainWallet, event: Event) -> None:
    """Keep an event that no transfer asked for."""
    unit.session.add(
        ChainStray(
            wallet_id=purse.id,
            event=event_index(unit, event),
            moved=_moved_index(unit, event.moved),
            found_at=unit.now,
        )
    )
    if purse.trouble not in STANDS_STILL:
        purse.trouble, purse.told_at = Trouble.STRAY, None
    await unit.session.flush()


async def stray_like(unit: Unit, purse: ChainWallet, moved: Moved) -> BlindIndex | None:
    """The oldest stray of this amount to this destination that was not taken for a transfer."""
    taken = select(ChainTransfer.event).where(col(ChainTransfer.event).is_not(None))
    found = await unit.session.exec(
        select(ChainStray.event)
        .where(
            ChainStray.wallet_id == purse.id,
            ChainStray.moved == _moved_index(unit, moved),
            col(ChainStray.event).not_in(taken),
        )
        .order_by(col(ChainStray.found_at), col(ChainStray.id))
        .limit(1)
    )
    event = found.first()
    return BlindIndex(event) if event is not None else None


async def doubt(unit: Unit) -> None:
    """After a backup was put back: no wallet signs anything until people have compared it with the chain."""
    await unit.session.exec(update(ChainWallet).values(trouble=Trouble.FOREIGN, told_at=None))


def _moved_index(unit: Unit, moved: Moved) -> BlindIndex:
    # Of whatever token: what was paid in a former one and is asked for in the new one goes to people as well.
    return unit.vault.index(IndexName.destination, f"moved:{moved.to}:{moved.tokens}")


def event_index(unit: Unit, event: Event) -> BlindIndex:
    """The blind index of an event on the chain."""
    return unit.vault.index(IndexName.destination, f"event:{event.hash.hex()}:{event.moved.token}:{event.index}")


def destination_of(unit: Unit, row: ChainTransfer) -> str:
    """Where a transfer goes; empty once that is forgotten."""
    return unit.vault.open_server(row.destination, _place(row)).decode() if row.destination else ""


def moved_of(unit: Unit, row: ChainTransfer) -> Moved:
    """The event that a transfer asks for, in the token that it was asked for in."""
    return Moved(destination_of(unit, row), int(row.tokens), row.token)


def hash_of(unit: Unit, row: ChainTransaction) -> bytes:
    """What the chain calls a transaction."""
    return unit.vault.open_server(row.hash, Place(_TRANSACTION, "hash", row.id))


def raw_of(unit: Unit, row: ChainTransaction) -> bytes | None:
    """The signed bytes of a transaction; none when it was signed elsewhere."""
    return unit.vault.open_server(row.raw, Place(_TRANSACTION, "raw", row.id)) if row.raw else None


def _place(row: ChainTransfer, column: str = "destination") -> Place:
    return Place("chain_transfer", column, row.id)
