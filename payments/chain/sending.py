"""Sending: a prepared transfer gets its nonce and a signed transaction, which is committed and only then sent.

    look at the chain (no transaction) -> lock the wallet, take the nonce, sign, commit -> send

Whatever is cut off in between finds the same bytes in the database and sends them again. A transfer that waits too
long is signed anew with the same nonce and a higher fee; one that is to be cancelled, with the same nonce and no
payment. Nothing is ever signed under a nonce that the chain counts differently than this database, or behind a
transfer that waits too long and for which the policy pays no more.

Cap and address are looked at once more in the transaction that gives the nonce: what was signed before is never
touched. What has no nonce when the policy's token changes fails, so that it is asked for anew in the new one; what
has one is signed anew in the token that it was asked for in.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from models.chain import TRANSFER_ALLOWED, ChainTransfer, ChainWallet, TransferStatus, Trouble
from models.policy import Stablecoin
from models.states import move
from models.unit import Unit
from payments.chain import rows
from payments.chain.node import Node
from payments.chain.signing import cancellation, fees, raised, sign
from payments.chain.signing import transfer as transfer_of
from payments.chain.values import Count, Fees, FeeTooHigh, Gauge, Moved, NodeFailed
from payments.screening import State, Subject, SubjectKind, check

OpenUnit = Callable[[], AbstractAsyncContextManager[Unit]]

ROOM: Final = 4
"""A call may use a quarter more gas than was estimated."""

SHORT: Final = frozenset({Trouble.TOKEN, Trouble.GAS, Trouble.FEE})
"""Troubles that end by themselves, when the wallet is filled or the chain asks less."""


class Stopping(StrEnum):
    """What came of cancelling a transfer."""

    NEVER = "never"
    """It is certain that it never happens."""
    RACES = "races"
    """A cancellation is signed, which the payment may outrun: the chain says which of both it took."""
    ASKED = "asked"
    """Nothing is signed against it yet."""
    LATE = "late"
    """It is done, or people decide."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One wallet on the chain, and whom to ask about it."""

    open_unit: OpenUnit
    nodes: tuple[Node, ...]
    rules: Stablecoin
    wallet: str
    """Its address, with checksum."""
    secret: bytes | None = field(default=None, repr=False)
    """None: a hardware wallet signs."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the chain says before a transfer is signed."""

    gauge: Gauge
    count: Count
    coins: int
    tokens: int
    is_contract: bool
    gas: int | None
    """None: the token would refuse the transfer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be signed, or why nothing is: a trouble of the wallet, or for good an error of this transfer."""

    fees: Fees | None = None
    gas: int = 0
    trouble: Trouble | None = None
    error: str | None = None


async def issue(chain: Chain, attempt: UUID) -> None:
    """Sign a prepared transfer and commit it, unless the wallet is in trouble or the chain would refuse it.

    It waits while the sanctions lists are too old or as much as may has left within a day, and fails when its
    address is listed by now, or it was asked for in another token than the policy's.

    Raises `NodeFailed`; nothing is signed then.
    """
    if await refuse_former(chain, attempt):
        return
    async with chain.open_unit() as unit:
        row = await rows.transfer(unit, attempt)
        if row is None or row.status != TransferStatus.PREPARED:
            return
        asked = rows.moved_of(unit, row)
    look = await look_at(chain, asked)
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        row = await rows.transfer(unit, attempt, lock=True)
        if row is None or row.status != TransferStatus.PREPARED or await rows.is_held_back(unit, row):
            return
        note_gauge(unit, purse, look.gauge)
        if purse.next_nonce is None:
            purse.next_nonce = look.count.mined
        out = await rows.with_status(unit, purse, rows.OUT)
        if look.count.mined < min([one.nonce for one in out if one.nonce is not None], default=purse.next_nonce):
            raise NodeFailed("Lagging")
        stuck = await _stuck(unit, chain, purse, look.count.mined)
        found = plan(look, purse, out, asked.tokens, chain.rules, stuck[1] if stuck else None)
        await _note(unit, purse, found.trouble)
        if found.error is not None:
            await refuse(unit, row, found.error)
        elif found.fees is not None and await may_go(unit, purse, row, chain.rules):
            await _sign(unit, chain, purse, row, found)


def is_former(row: ChainTransfer, rules: Stablecoin) -> bool:
    """Whether a transfer was asked for in another token than the policy names now, or with other decimals."""
    return (row.token, row.decimals) != (rules.token, rules.decimals)


async def refuse_former(chain: Chain, attempt: UUID) -> bool:
    """End a prepared transfer that was asked for in another token than the policy's; whether it was one."""
    async with chain.open_unit() as unit:
        row = await rows.transfer(unit, attempt, lock=True)
        if row is None or row.status != TransferStatus.PREPARED or not is_former(row, chain.rules):
            return False
        await refuse(unit, row, rows.TOKEN_CHANGED)
    return True


async def look_at(chain: Chain, asked: Moved) -> Look:
    """Ask every node for what must not be wrong, and the first one for the rest; for the policy's token.

    Raises `NodeFailed`.
    """
    count = await count_all(chain)
    node, rules = chain.nodes[0], chain.rules
    if await node.decimals(rules.token) != rules.decimals:
        raise NodeFailed("WrongDecimals")  # a slip in the policy would pay a power of ten too much
    gauge, held = await node.gauge(), await node.tokens(rules.token, chain.wallet)
    coins = await node.coins(chain.wallet)
    gas: int | None = rules.gas_limit
    # Some nodes refuse to estimate for a poor wallet.
    if held >= asked.tokens and coins >= rules.gas_limit * gauge.base:
        gas = await node.gas(chain.wallet, transfer_of(rules, 0, asked, 0, Fees(0, 0)))
    return Look(gauge, count, coins, held, await node.is_contract(asked.to), gas)


def plan(
    look: Look,
    purse: ChainWallet,
    asked: Sequence[ChainTransfer],
    tokens: int,
    rules: Stablecoin,
    stuck: Fees | None = None,
) -> Plan:
    """Whether a transfer of the policy's token can be signed now.

    `asked`: the wallet's other transfers; what the chain has mined of them is no longer in the wallet, and
    does not count, nor do tokens of another kind. `stuck`: what the one offers that waits too long.
    """
    if look.is_contract:
        return Plan(error="IsContract")
    if purse.trouble in rows.STANDS_STILL:
        return Plan(trouble=purse.trouble)
    if purse.next_nonce is not None and look.count.most > purse.next_nonce:
        return Plan(trouble=Trouble.FOREIGN)
    out = [one for one in asked if _is_still_there(one, look.count.mined)]
    if look.tokens < tokens + sum(int(one.tokens) for one in out if one.token == rules.token):
        return Plan(trouble=Trouble.TOKEN)
    if look.gas is None or look.gas > rules.gas_limit:
        return Plan(error="WouldRevert" if look.gas is None else "TooMuchGas")
    gas = min(look.gas + look.gas // ROOM, rules.gas_limit)
    return _priced(look, gas, len(out) + 1, rules, stuck)


def _is_still_there(row: ChainTransfer, mined: int) -> bool:
    """Whether the wallet still holds what a transfer moves: the chain has mined so many transactions of it."""
    return row.status == TransferStatus.PREPARED or (row.nonce is not None and row.nonce >= mined)


def _priced(look: Look, gas: int, transfers: int, rules: Stablecoin, stuck: Fees | None) -> Plan:
    """The fees, when the policy pays them and the wallet has the coins for so many transfers."""
    try:
        paid = fees(look.gauge.base, look.gauge.priority, rules)
        if stuck is not None:
            raised(stuck, paid, rules)  # what cannot be raised holds up whatever comes after it
    except FeeTooHigh:
        return Plan(trouble=Trouble.FEE)
    short = look.coins < gas * paid.most * transfers
    return Plan(trouble=Trouble.GAS) if short else Plan(paid, gas)


async def may_go(unit: Unit, purse: ChainWallet, row: ChainTransfer, rules: Stablecoin) -> bool:
    """Whether the cap and the lists of now let a transfer without a nonce go; one to a listed address fails."""
    if await rows.left(unit, purse) + row.amount > rules.daily_cap:
        return False
    verdict = await check(unit, Subject(SubjectKind.WALLET, rows.destination_of(unit, row)))
    if verdict.state is State.BLOCKED:
        await refuse(unit, row, rows.LISTED)
    return verdict.clear


async def refuse(unit: Unit, row: ChainTransfer, error: str) -> None:
    """End a transfer without a nonce that the chain would not do, or whose money nobody could spend."""
    row.error = error
    await move(unit, row, TransferStatus.FAILED, TRANSFER_ALLOWED, rows.ACTOR)


async def send(chain: Chain, attempt: UUID) -> bool:
    """Give the newest transaction of a transfer to every node; whether one said that it has it."""
    async with chain.open_unit() as unit:
        row = await rows.transfer(unit, attempt)
        made = await rows.transactions(unit, row) if row is not None else []
        if not made or (raw := rows.raw_of(unit, made[0])) is None:
            return False
        name = rows.hash_of(unit, made[0])
    taken = False
    for node in chain.nodes:
        try:
            taken = await node.send(raw, name) or taken
        except NodeFailed:
            continue
    return taken


async def replace_stuck(chain: Chain, attempt: UUID) -> bool:
    """Sign a transfer anew with a higher fee when it has waited too long and is its wallet's next; then send it.

    False when it is not its turn, or the policy pays no more (`recheck` notes that). Raises `NodeFailed`.
    """
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        stuck = await _stuck(unit, chain, purse)
        if stuck is None or stuck[0].attempt != attempt:
            return False
    gauge, mined = await chain.nodes[0].gauge(), await chain.nodes[0].count(chain.wallet)
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        stuck = await _stuck(unit, chain, purse, mined)
        if stuck is None or stuck[0].attempt != attempt:
            return False
        if not await _sign_again(unit, chain, stuck[0], gauge, cancels=stuck[0].cancel_asked):
            return False
    return await send(chain, attempt)


async def cancel(chain: Chain, attempt: UUID) -> Stopping:
    """Cancel a transfer; say how certain that is. What is asked for and not signed yet is tried again later."""
    async with chain.open_unit() as unit:
        asked = await _ask_to_cancel(unit, await rows.transfer(unit, attempt, lock=True))
    if asked is not Stopping.ASKED or chain.secret is None:
        return asked
    try:
        gauge = await chain.nodes[0].gauge()
    except NodeFailed:
        return asked
    async with chain.open_unit() as unit:
        row = await rows.transfer(unit, attempt, lock=True)
        if row is None or row.status != TransferStatus.ISSUED:
            return Stopping.LATE
        if not await _sign_again(unit, chain, row, gauge, cancels=True):
            return asked
    await send(chain, attempt)
    return Stopping.RACES


async def recheck(chain: Chain) -> None:
    """Note what the chain asks for now, and whether the wallet can pay. Raises `NodeFailed`.

    A wallet that was short may pay again; one whose next transfer is stuck above the policy's fees is in trouble.
    """
    node, rules = chain.nodes[0], chain.rules
    if await node.chain_id() != rules.chain_id:
        raise NodeFailed("WrongChain")
    gauge, coins, count = await node.gauge(), await node.coins(chain.wallet), await node.count(chain.wallet)
    held = await node.tokens(rules.token, chain.wallet)
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, rules.chain_id, chain.wallet)
        note_gauge(unit, purse, gauge)
        foreign = purse.next_nonce is not None and count > purse.next_nonce
        if foreign and purse.trouble not in rows.STANDS_STILL:
            await rows.in_trouble(unit, purse, Trouble.FOREIGN)
        stuck = await _stuck(unit, chain, purse, count)
        if purse.trouble in SHORT or stuck is not None:
            asked = await rows.with_status(unit, purse, rows.OUT | {TransferStatus.PREPARED})
            look = Look(gauge, Count(count, count), coins, held, is_contract=False, gas=rules.gas_limit)
            found = plan(look, purse, asked, 0, rules, stuck[1] if stuck else None)
            await _note(unit, purse, found.trouble)


def note_gauge(unit: Unit, purse: ChainWallet, gauge: Gauge) -> None:
    """Keep what the chain asks for now, for quotes."""
    purse.base_fee, purse.priority_fee, purse.seen_at = gauge.base, gauge.priority, unit.now


async def count_all(chain: Chain) -> Count:
    """How many transactions of the wallet the chain has. Raises `NodeFailed` when two nodes disagree."""
    mined, waiting = set(), set()
    for node in chain.nodes:
        if await node.chain_id() != chain.rules.chain_id:
            raise NodeFailed("WrongChain")
        mined.add(await node.count(chain.wallet))
        waiting.add(await node.waiting(chain.wallet))
    if len(mined) > 1:
        raise NodeFailed("NodesDisagree")
    return Count(min(mined), max(mined | waiting))


async def _sign(unit: Unit, chain: Chain, purse: ChainWallet, row: ChainTransfer, found: Plan) -> None:
    if chain.secret is None or found.fees is None or purse.next_nonce is None:
        return
    nonce = purse.next_nonce
    await rows.issue(unit, purse, row, nonce)
    unsigned = transfer_of(chain.rules, nonce, rows.moved_of(unit, row), found.gas, found.fees)
    await rows.keep(unit, row, 0, sign(unsigned, chain.secret), found.fees)


async def _ask_to_cancel(unit: Unit, row: ChainTransfer | None) -> Stopping:
    """Cancel what has no nonce; ask for it where there is one, and say whether a cancellation is signed for it."""
    if row is None or row.status in rows.NEVER:
        return Stopping.NEVER
    if row.status == TransferStatus.PREPARED:
        await move(unit, row, TransferStatus.CANCELLED, TRANSFER_ALLOWED, rows.ACTOR)
        return Stopping.NEVER
    if row.status != TransferStatus.ISSUED:
        return Stopping.LATE
    row.cancel_asked = True
    signed = any(one.cancels for one in await rows.transactions(unit, row))
    return Stopping.RACES if signed else Stopping.ASKED


async def _note(unit: Unit, purse: ChainWallet, trouble: Trouble | None) -> None:
    """Note a trouble, or that there is none: tokens that left by themselves are for people, not for that."""
    if trouble is not None or purse.trouble != Trouble.STRAY:
        await rows.in_trouble(unit, purse, trouble)


async def _stuck(
    unit: Unit, chain: Chain, purse: ChainWallet, mined: int = 0
) -> tuple[ChainTransfer, Fees] | None:
    """The wallet's next transfer when it may be signed anew now, and what its newest transaction offers.

    `mined`: how many transactions of the wallet the chain has; none of those waits.
    """
    issued = await rows.with_status(unit, purse, frozenset({TransferStatus.ISSUED}))
    row = next((one for one in issued if one.nonce is not None and one.nonce >= mined), None)
    made = await rows.transactions(unit, row) if row is not None and chain.secret is not None else []
    if row is None or not made or made[0].made_at + timedelta(minutes=chain.rules.stuck_minutes) > unit.now:
        return None
    return row, Fees(made[0].max_fee, made[0].priority_fee)


async def _sign_again(unit: Unit, chain: Chain, row: ChainTransfer, gauge: Gauge, *, cancels: bool) -> bool:
    made = await rows.transactions(unit, row)
    if chain.secret is None or row.nonce is None or not made:
        return False
    last = Fees(made[0].max_fee, made[0].priority_fee)
    try:
        paid = raised(last, fees(gauge.base, gauge.priority, chain.rules), chain.rules)
    except FeeTooHigh:
        return False
    if cancels:
        unsigned = cancellation(chain.rules, row.nonce, chain.wallet, paid)
    else:
        unsigned = transfer_of(chain.rules, row.nonce, rows.moved_of(unit, row), chain.rules.gas_limit, paid)
    await rows.keep(unit, row, made[0].version + 1, sign(unsigned, chain.secret), paid, cancels=cancels)
    return True
