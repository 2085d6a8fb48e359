"""Transfers of a token on a public chain: wallets, transfers, and every transaction that was made for each.

- A transfer has one nonce of one wallet, given once. Whatever is signed for it has that nonce, so that of all its
  transactions the chain can take one only.
- What is signed is a row, committed, before anybody outside sees it.
- The chain is public. Whatever would lead from this database to it (addresses, hashes, signed transactions) is
  sealed under the server's key, or a blind index, and goes when the transfer can no longer be taken back.
"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from vault.types import BlindIndex, SealedBytes


class TransferStatus(StrEnum):
    """Where one transfer stands."""

    PREPARED = "prepared"
    """Asked for; no nonce, nothing signed or exported."""
    ISSUED = "issued"
    """It has a nonce, and a transaction that may be anywhere: to be sent again, never to be made anew."""
    DONE = "done"
    """In a block that is deep enough, and the token says that the whole amount has arrived."""
    FINAL = "final"
    """So deep that it is no longer watched."""
    ODD = "odd"
    """Something happened that was not asked, or is not certain enough: people decide, nothing is tried again."""
    FAILED = "failed"
    """For good: nothing has moved, and nothing that was signed for it can be taken by the chain any more."""
    CANCELLED = "cancelled"
    """Before anything was signed."""


S = TransferStatus

TRANSFER_ALLOWED: dict[TransferStatus, frozenset[TransferStatus]] = {
    S.PREPARED: frozenset({S.ISSUED, S.DONE, S.ODD, S.FAILED, S.CANCELLED}),
    S.ISSUED: frozenset({S.DONE, S.ODD, S.FAILED}),
    S.DONE: frozenset({S.FINAL, S.ISSUED, S.PREPARED}),
    S.ODD: frozenset({S.ISSUED, S.FINAL, S.FAILED}),
    S.FINAL: frozenset(),
    S.FAILED: frozenset({S.ODD}),
    S.CANCELLED: frozenset({S.ODD}),
}
"""`DONE -> ISSUED` and `ODD -> ISSUED`: the chain was reorganised, and the block is gone.

`PREPARED -> DONE` and back, `PREPARED -> ODD`: a backup was put back, and the chain knows of a payment that this
database has yet to make. `FAILED -> ODD`, `CANCELLED -> ODD`: it was paid after all. `ODD -> FINAL` and
`ODD -> FAILED`: people have decided.
"""


class Trouble(StrEnum):
    """Why a wallet cannot send; treasurers are told once."""

    TOKEN = "token"  # noqa: S105 - the token on the chain
    """It holds less of the token than it has to pay."""
    GAS = "gas"
    """It holds too little of the chain's coin for the fee."""
    FEE = "fee"
    """The chain asks more for a transaction than the policy pays."""
    FOREIGN = "foreign"
    """The chain knows transactions of the wallet that this database does not."""
    ODD = "odd"
    """A transfer did something else than was asked."""
    STRAY = "stray"
    """The token left the wallet without a payout that asked for it."""


class ChainWallet(SQLModel, table=True):
    """One address of the fund on one chain, what it will use next, and what was last seen of its chain."""

    __tablename__ = "chain_wallet"
    __table_args__ = (CheckConstraint("next_nonce >= 0", name="nonce"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    address: BlindIndex = Field(sa_type=String, unique=True)
    """Blind index of chain and address: the address itself would lead to everybody who was paid."""
    next_nonce: int | None = Field(default=None, sa_type=BigInteger)
    """None until the chain was asked for the first one."""
    token: str | None = Field(default=None, max_length=42)
    """The token of which `expected` tells; its contract is everybody's and leads to nobody."""
    scanned_to: int | None = Field(default=None, sa_type=BigInteger)
    """The last block whose events need not be read again."""
    expected: str | None = Field(default=None, max_length=80)
    """What it must hold at that block, in the token's smallest units: what it held when it was first read, and
    what came in since, less what transfers moved. None: to be read anew."""
    fees: str = Field(default="0", max_length=80)
    """Wei that its transactions cost and that are not in the books yet."""
    booked_on: date | None = None
    """When fees were last entered."""
    base_fee: int | None = Field(default=None, sa_type=BigInteger)
    """Wei per gas, when last seen."""
    priority_fee: int | None = Field(default=None, sa_type=BigInteger)
    seen_at: datetime | None = Field(default=None, sa_type=UtcTime)
    watched_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When its transfers were last looked at."""
    trouble: Trouble | None = Field(default=None, sa_column=enum_column(Trouble, "trouble", nullable=True))
    told_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When treasurers were told of the trouble."""


class ChainTransfer(SQLModel, table=True):
    """One attempt to pay by the chain."""

    __tablename__ = "chain_transfer"
    __table_args__ = (UniqueConstraint("wallet_id", "nonce"), CheckConstraint("amount > 0", name="positive"))

    id: UUID = Field(default_factory=new_id, primary_key=True)
    attempt: UUID = Field(unique=True)
    wallet_id: UUID = Field(foreign_key="chain_wallet.id", index=True)
    status: TransferStatus = Field(default=S.PREPARED, sa_column=enum_column(TransferStatus, "transfer_status"))
    amount: int = Field(sa_type=BigInteger)
    """Minor units of the token's currency; counts for the daily cap."""
    token: str = Field(max_length=42)
    """The token's contract when it was asked for, with its checksum: the policy may name another one by now. The
    chain is its wallet's."""
    decimals: int
    """Of that token, as the policy had them: `tokens` was counted with them."""
    tokens: str = Field(max_length=80)
    """The token's smallest units as decimal text: more than 64 bits."""
    destination: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Place of the seal: (`chain_transfer`, `destination`, id)."""
    wallet: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Address of the hardware wallet that it was asked of, which the policy may name no longer; it goes with the
    destination. None: the wallet's key is in the keyring. Place of the seal: (`chain_transfer`, `wallet`, id)."""
    nonce: int | None = Field(default=None, sa_type=BigInteger)
    event: BlindIndex | None = Field(default=None, sa_type=String, unique=True)
    """Blind index of the event on the chain that is this transfer. One event is one transfer."""
    block: int | None = Field(default=None, sa_type=BigInteger)
    """Where it was when it was done."""
    recorded: bool = False
    """The attempt's outcome is in the fund's books: what leads to the chain may go once nothing can change it."""
    error: str | None = Field(default=None, max_length=64)
    """A name of ours for what went wrong."""
    cancel_asked: bool = False
    created_at: datetime = Field(sa_type=UtcTime)
    issued_at: datetime | None = Field(default=None, sa_type=UtcTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcTime)
    taken_back_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When a reorganisation last took it back; treasurers are told."""
    told_at: datetime | None = Field(default=None, sa_type=UtcTime)


class ChainStray(SQLModel, table=True):
    """The token left the wallet, and no transfer had asked for it.

    Kept for good: after a backup was put back, the transfer may be asked for only later, and is not paid again.
    """

    __tablename__ = "chain_stray"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    wallet_id: UUID = Field(foreign_key="chain_wallet.id", index=True)
    event: BlindIndex = Field(sa_type=String, unique=True)
    """Blind index of the event."""
    moved: BlindIndex = Field(sa_type=String, index=True)
    """Blind index of destination and amount."""
    found_at: datetime = Field(sa_type=UtcTime)


class ChainTransaction(SQLModel, table=True):
    """One transaction for a transfer, the newest with the highest fee. The chain takes at most one of them."""

    __tablename__ = "chain_transaction"
    __table_args__ = (UniqueConstraint("transfer_id", "version"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    transfer_id: UUID = Field(foreign_key="chain_transfer.id", index=True)
    version: int
    """0 is the first; each replacement counts on."""
    cancels: bool = False
    """Pays nothing, and only uses the nonce up."""
    hash: SealedBytes = Field(sa_type=Sealed)
    """Place of the seal: (`chain_transaction`, `hash`, id)."""
    raw: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """The signed bytes. None: signed elsewhere (a batch)."""
    max_fee: int = Field(default=0, sa_type=BigInteger)
    """Wei per gas."""
    priority_fee: int = Field(default=0, sa_type=BigInteger)
    made_at: datetime = Field(sa_type=UtcTime)
