"""Sending: a prepared transfer gets its nonce and a signed transaction, which is committed and only then sent.

    look at the chain (no transaction) -> lock the wallet, take the nonce, sign, commit -> send

Whatever is cut off in between finds the same bytes in the database and sends them again. A transfer that waits too
long is signed anew with the same nonce and a higher fee; one that is to be cancelled, with the same nonce and no
payment. Nothing is ever signed under a nonce that the chain counts differently than this database.

Cap and address are looked at once more in the transaction that gives the nonce: what was signed before is never
touched.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
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
from payments.chain.values import Count, Fees, FeeTooHigh, Gauge, NodeFailed
from payments.screening import State, Subject, SubjectKind, check

OpenUnit = Callable[[], AbstractAsyncContextManager[Unit]]

ROOM: Final = 4
"""A call may use a quarter more gas than was estimated."""


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
    address is listed by now.

    Raises `NodeFailed`; nothing is signed then.
    """
    async with chain.open_unit() as unit:
        row = await rows.transfer(unit, attempt)
        if row is None or row.status != TransferStatus.PREPARED:
            return
        to, tokens = rows.destination_of(unit, row), int(row.tokens)
    look = await look_at(chain, to, tokens)
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        row = await rows.transfer(unit, attempt, lock=True)
        if row is None or row.status != TransferStatus.PREPARED:
            return
        note_gauge(unit, purse, look.gauge)
        if purse.next_nonce is None:
            purse.next_nonce = look.count.mined
        out = await rows.with_status(unit, purse, rows.OUT)
        if look.count.mined < min([one.nonce for one in out if one.nonce is not None], default=purse.next_nonce):
            raise NodeFailed("Lagging")
        found = plan(look, purse, [one for one in out if one.status == TransferStatus.ISSUED], tokens, chain.rules)
        if found.trouble is not None or purse.trouble != Trouble.STRAY:
            await rows.in_trouble(unit, purse, found.trouble)
        if found.error is not None:
            await refuse(unit, row, found.error)
        elif found.fees is not None and await may_go(unit, purse, row, chain.rules):
            await _sign(unit, chain, purse, row, to, found)


async def look_at(chain: Chain, to: str, tokens: int) -> Look:
    """Ask every node for what must not be wrong, and the first one for the rest. Raises `NodeFailed`."""
    count = await count_all(chain)
    node, rules = chain.nodes[0], chain.rules
    if await node.decimals(rules.token) != rules.decimals:
        raise NodeFailed("WrongDecimals")  # a slip in the policy would pay a power of ten too much
    gauge, held = await node.gauge(), await node.tokens(rules.token, chain.wallet)
    coins = await node.coins(chain.wallet)
    gas: int | None = rules.gas_limit
    if held >= tokens and coins >= rules.gas_limit * gauge.base:  # some nodes refuse to estimate for a poor wallet
        gas = await node.gas(chain.wallet, transfer_of(rules, 0, to, tokens, 0, Fees(0, 0)))
    return Look(gauge, count, coins, held, await node.is_contract(to), gas)


def plan(look: Look, purse: ChainWallet, out: list[ChainTransfer], tokens: int, rules: Stablecoin) -> Plan:
    """Whether a transfer can be signed now. `out`: transfers of the wallet that are not in the chain yet."""
    if look.is_contract:
        return Plan(error="IsContract")
    if purse.trouble in rows.STANDS_STILL:
        return Plan(trouble=purse.trouble)
    if purse.next_nonce is not None and look.count.most > purse.next_nonce:
        return Plan(trouble=Trouble.FOREIGN)
    if look.tokens < tokens + sum(int(one.tokens) for one in out):
        return Plan(trouble=Trouble.TOKEN)
    if look.gas is None or look.gas > rules.gas_limit:
        return Plan(error="WouldRevert" if look.gas is None else "TooMuchGas")
    gas = min(look.gas + look.gas // ROOM, rules.gas_limit)
    return _priced(look, gas, len(out) + 1, rules)


def _priced(look: Look, gas: int, transfers: int, rules: Stablecoin) -> Plan:
    """The fees, when the policy pays them and the wallet has the coins for so many transfers."""
    try:
        paid = fees(look.gauge.base, look.gauge.priority, rules)
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

    False when it is not its turn, or the policy pays no more (the wallet is then in trouble). Raises `NodeFailed`.
    """
    async with chain.open_unit() as unit:
        if await _stuck(unit, chain, attempt) is None:
            return False
    gauge = await chain.nodes[0].gauge()
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        row = await _stuck(unit, chain, attempt)
        if row is None:
            return False
        if not await _sign_again(unit, chain, row, gauge, cancels=row.cancel_asked):
            await rows.in_trouble(unit, purse, Trouble.FEE)
            return False
    return await send(chain, attempt)


async def cancel(chain: Chain, attempt: UUID) -> bool:
    """Cancel a transfer. True when it is certain that it never happens; else a cancellation may be under way.

    A cancellation is a race that the payment may win: the chain says which of both it took.
    """
    async with chain.open_unit() as unit:
        row = await rows.transfer(unit, attempt, lock=True)
        if row is None or row.status in rows.NEVER:
            return True
        if row.status == TransferStatus.PREPARED:
            await move(unit, row, TransferStatus.CANCELLED, TRANSFER_ALLOWED, rows.ACTOR)
            return True
        if row.status != TransferStatus.ISSUED or row.cancel_asked:
            return False
        row.cancel_asked = True
    if chain.secret is None:
        return False
    try:
        gauge = await chain.nodes[0].gauge()
    except NodeFailed:
        return False
    async with chain.open_unit() as unit:
        row = await rows.transfer(unit, attempt, lock=True)
        if row is not None and row.status == TransferStatus.ISSUED:
            await _sign_again(unit, chain, row, gauge, cancels=True)
    await send(chain, attempt)
    return False


async def recheck(chain: Chain) -> None:
    """Note what the chain asks for now, and whether a wallet that was short can pay again. Raises `NodeFailed`."""
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
        if purse.trouble in {Trouble.TOKEN, Trouble.GAS, Trouble.FEE}:
            asked = await rows.with_status(
                unit, purse, frozenset({TransferStatus.PREPARED, TransferStatus.ISSUED})
            )
            look = Look(gauge, Count(0, 0), coins, held, is_contract=False, gas=rules.gas_limit)
            found = plan(look, purse, list(asked), 0, rules)
            await rows.in_trouble(unit, purse, found.trouble)


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


async def _sign(unit: Unit, chain: Chain, purse: ChainWallet, row: ChainTransfer, to: str, found: Plan) -> None:
    if chain.secret is None or found.fees is None or purse.next_nonce is None:
        return
    nonce = purse.next_nonce
    await rows.issue(unit, purse, row, nonce)
    unsigned = transfer_of(chain.rules, nonce, to, int(row.tokens), found.gas, found.fees)
    await rows.keep(unit, row, 0, sign(unsigned, chain.secret), found.fees)


async def _stuck(unit: Unit, chain: Chain, attempt: UUID) -> ChainTransfer | None:
    """The transfer, locked, when it may be signed anew now."""
    purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
    issued = await rows.with_status(unit, purse, frozenset({TransferStatus.ISSUED}))
    if chain.secret is None or not issued or issued[0].attempt != attempt:
        return None
    made = await rows.transactions(unit, issued[0])
    patience = timedelta(minutes=chain.rules.stuck_minutes)
    return issued[0] if made and made[0].made_at + patience <= unit.now else None


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
        to = rows.destination_of(unit, row)
        unsigned = transfer_of(chain.rules, row.nonce, to, int(row.tokens), chain.rules.gas_limit, paid)
    await rows.keep(unit, row, made[0].version + 1, sign(unsigned, chain.secret), paid, cancels=cancels)
    return True
