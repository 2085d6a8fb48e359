"""Watching: every transfer that may be out is looked at until nothing can change it any more.

- What nobody knows is sent again, byte for byte. What waits too long is signed anew.
- Done is taken back when the chain is reorganised and the block is gone; the transfer is then issued again.
- A node that lags behind what was seen before changes nothing.
- What is odd is neither sent nor signed again.
- A transfer is judged by the events of the token that it was asked for in, whatever the policy names by then.
"""

from typing import Final
from uuid import UUID

from models.chain import TRANSFER_ALLOWED, ChainTransfer, TransferStatus, Trouble
from models.states import move
from models.unit import Unit
from payments.chain import rows
from payments.chain.events import scan
from payments.chain.node import Node
from payments.chain.sending import Chain, count_all, replace_stuck, send
from payments.chain.values import NodeFailed, Refused
from payments.chain.verdict import NONCE_TAKEN, Asked, Judgement, Sighting, Verdict, agreed, judge

SPENT: Final = frozenset({TransferStatus.FINAL, TransferStatus.FAILED, TransferStatus.ODD})
"""What a transfer cost is known by then."""


async def tend(chain: Chain, attempt: UUID) -> None:
    """Look at one transfer, write down what has become of it, and do what it needs. Raises `NodeFailed`."""
    judgement = await look(chain, attempt)
    if judgement is None:
        return
    status = await settle(chain, attempt, judgement)
    if status != TransferStatus.ISSUED:
        return
    if judgement.verdict == Verdict.LOST:
        await send(chain, attempt)
    if judgement.verdict in {Verdict.LOST, Verdict.WAIT}:
        await replace_stuck(chain, attempt)


async def look(chain: Chain, attempt: UUID) -> Judgement | None:
    """What all nodes say of a transfer together; None when there is nothing to look for. Raises `NodeFailed`.

    Before its nonce counts as taken, the events are read for a payment like it.
    """
    async with chain.open_unit() as unit:
        row = await rows.transfer(unit, attempt)
        if row is None or row.status not in rows.OUT or row.error in rows.FOR_PEOPLE:
            return None
        made = [(rows.hash_of(unit, one), one.cancels) for one in await rows.transactions(unit, row)]
        cancelled = row.cancel_asked and chain.secret is None
        asked = Asked(rows.moved_of(unit, row), row.nonce, cancelled=cancelled)
        purse = await rows.peek(unit, chain.rules.chain_id, chain.wallet)
        if not made and (row.nonce is None or purse is None or purse.scanned_to is None):
            return None
        # What a hardware wallet signed is known by its nonce and its event: only blocks that were read count.
        read = purse.scanned_to if purse is not None and chain.secret is None else None
    seen = [await _sighting(node, chain, made, asked, read) for node in chain.nodes]
    judgement = agreed([judge(asked, one, chain.rules) for one in seen])
    if judgement.error == NONCE_TAKEN and chain.secret is not None:
        await scan(chain)
    return judgement


async def settle(chain: Chain, attempt: UUID, judgement: Judgement) -> TransferStatus | None:
    """Write down what has become of a transfer; how it stands now, if there is one."""
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        row = await rows.transfer(unit, attempt, lock=True)
        if row is None or row.status not in rows.OUT or row.error in rows.FOR_PEOPLE:
            return row.status if row else None
        verdict, before = judgement.verdict, row.status
        if row.status != TransferStatus.ISSUED and _gone(row, judgement, chain):
            await _take_back(unit, row, cold=chain.secret is None)
        if verdict in {Verdict.DONE, Verdict.FINAL} and row.status == TransferStatus.ISSUED:
            row.done_at, row.block, row.error = unit.now, judgement.block, None
            await move(unit, row, TransferStatus.DONE, TRANSFER_ALLOWED, rows.ACTOR)
        if verdict == Verdict.FINAL and row.status == TransferStatus.DONE:
            await move(unit, row, TransferStatus.FINAL, TRANSFER_ALLOWED, rows.ACTOR)
        if verdict == Verdict.ODD and row.status == TransferStatus.ISSUED:
            like_it = judgement.error == NONCE_TAKEN and row.event is not None
            row.error = rows.PAID_BEFORE if like_it else judgement.error
            row.block, row.told_at = judgement.block, None
            await move(unit, row, TransferStatus.ODD, TRANSFER_ALLOWED, rows.ACTOR)
            await rows.in_trouble(unit, purse, Trouble.ODD)
        if verdict == Verdict.FAILED and row.status == TransferStatus.ISSUED:
            row.error, row.told_at = judgement.error, None
            await move(unit, row, TransferStatus.FAILED, TRANSFER_ALLOWED, rows.ACTOR)
        if row.status != before and row.status in SPENT:
            purse.fees = str(int(purse.fees) + judgement.fee)
        await unit.session.flush()
        await rows.forget(unit, row)
        return row.status


async def watch(chain: Chain) -> int:
    """Tend every transfer of the wallet that may be out; returns how many could not be looked at.

    Raises `NodeFailed` in the end when the wallet's events could not be read.
    """
    unread: NodeFailed | None = None
    try:
        await scan(chain)
    except NodeFailed as failed:
        unread = failed
    async with chain.open_unit() as unit:
        purse = await rows.peek(unit, chain.rules.chain_id, chain.wallet)
        if purse is None:
            return 0
        due = [row.attempt for row in await rows.with_status(unit, purse, rows.OUT)]
    silent = 0
    for attempt in due:
        try:
            await tend(chain, attempt)
        except NodeFailed:
            silent += 1
    if unread is not None:
        raise unread
    return silent


async def resume(chain: Chain) -> None:
    """Start a wallet again after people have looked at its trouble. Raises `NodeFailed`.

    Nonces that somebody else used are left out: from now on the chain's count is ours. Their payments are read
    first, so that none of them is made again (`TooFresh` while they are not deep enough for that).
    """
    count = await count_all(chain)
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        known = purse.next_nonce or 0
    if count.most > known:
        for node in chain.nodes:
            read = max(await node.head() - chain.rules.confirmations + 1, 0)
            if await node.count(chain.wallet, read) < count.most:
                raise NodeFailed("TooFresh")
    strays = await scan(chain)
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        purse.next_nonce = max(count.mined, purse.next_nonce or 0)
        purse.expected = None  # whatever it holds now, people have seen
        await rows.in_trouble(unit, purse, Trouble.STRAY if strays else None)


def _gone(row: ChainTransfer, judgement: Judgement, chain: Chain) -> bool:
    """Whether a node that has seen as much as was seen before no longer finds what was done."""
    if judgement.verdict in {Verdict.DONE, Verdict.FINAL, Verdict.ODD}:
        return (row.status == TransferStatus.ODD) != (judgement.verdict == Verdict.ODD)
    return row.block is not None and judgement.head >= row.block + chain.rules.confirmations - 1


async def _take_back(unit: Unit, row: ChainTransfer, *, cold: bool) -> None:
    again = TransferStatus.PREPARED if row.nonce is None else TransferStatus.ISSUED
    await move(unit, row, again, TRANSFER_ALLOWED, rows.ACTOR)
    row.taken_back_at, row.told_at, row.done_at, row.block = unit.now, None, None, None
    if cold:
        await rows.unmatched(unit, row)


async def _sighting(
    node: Node, chain: Chain, made: list[tuple[bytes, bool]], asked: Asked, read: int | None
) -> Sighting:
    """Ask one node about every transaction of a transfer. The head is asked first: nothing seems too deep."""
    if await node.chain_id() != chain.rules.chain_id:
        raise NodeFailed("WrongChain")
    head = await node.head()
    for name, cancels in made:
        receipt = await node.receipt(name, asked.moved.token, chain.wallet)
        if receipt is not None:
            return Sighting(head, receipt, cancels, known=True, spent=0)
    known = False
    for name, _ in made:
        known = known or await node.knows(name)
    final = max(head - chain.rules.final + 1, 0)
    used = await _spent(node, chain.wallet, asked.nonce, final if read is None else read)
    return Sighting(head, None, cancels=False, known=known, spent=used)


async def _spent(node: Node, wallet: str, nonce: int | None, block: int) -> int:
    """How many nonces were used up to a block; 0, which decides nothing, when the node does not remember it."""
    if nonce is None or await node.count(wallet) <= nonce:
        return 0
    try:
        return await node.count(wallet, block)
    except Refused:
        return 0
