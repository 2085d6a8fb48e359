"""Watching: every transfer that may be out is looked at until nothing can change it any more.

- What nobody knows is sent again, byte for byte. What waits too long is signed anew.
- Done is taken back when the chain is reorganised and the block is gone; the transfer is then issued again.
- A node that lags behind what was seen before changes nothing.
"""

from uuid import UUID

from models.chain import TRANSFER_ALLOWED, ChainTransfer, TransferStatus, Trouble
from models.states import move
from models.unit import Unit
from payments.chain import rows
from payments.chain.batch import scan
from payments.chain.node import Node
from payments.chain.sending import Chain, replace_stuck, send
from payments.chain.values import Moved, NodeFailed, Refused
from payments.chain.verdict import Asked, Judgement, Sighting, Verdict, agreed, judge


async def tend(chain: Chain, attempt: UUID) -> None:
    """Look at one transfer, write down what has become of it, and do what it needs. Raises `NodeFailed`."""
    judgement = await look(chain, attempt)
    if judgement is None:
        return
    await settle(chain, attempt, judgement)
    if judgement.verdict == Verdict.LOST:
        await send(chain, attempt)
    if judgement.verdict in {Verdict.LOST, Verdict.WAIT}:
        await replace_stuck(chain, attempt)


async def look(chain: Chain, attempt: UUID) -> Judgement | None:
    """What all nodes say of a transfer together; None when there is nothing to look for. Raises `NodeFailed`."""
    async with chain.open_unit() as unit:
        row = await rows.transfer(unit, attempt)
        if row is None or row.status not in rows.OUT:
            return None
        made = [(rows.hash_of(unit, one), one.cancels) for one in await rows.transactions(unit, row)]
        asked = Asked(Moved(rows.destination_of(unit, row), int(row.tokens)), row.nonce)
        purse = await rows.peek(unit, chain.rules.chain_id, chain.wallet)
        if not made and (not row.cancel_asked or purse is None or purse.scanned_to is None):
            return None
        # A hardware wallet's cancellation is known by its nonce alone: only blocks that were read count.
        read = purse.scanned_to if purse is not None and chain.secret is None else None
    seen = [await _sighting(node, chain, made, asked.nonce, read) for node in chain.nodes]
    return agreed([judge(asked, one, chain.rules) for one in seen])


async def settle(chain: Chain, attempt: UUID, judgement: Judgement) -> None:
    """Write down what has become of a transfer."""
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        row = await rows.transfer(unit, attempt, lock=True)
        if row is None or row.status not in rows.OUT:
            return
        verdict = judgement.verdict
        if row.status != TransferStatus.ISSUED and _gone(row, judgement, chain):
            await _take_back(unit, row, cold=chain.secret is None)
        if verdict in {Verdict.DONE, Verdict.FINAL} and row.status == TransferStatus.ISSUED:
            row.done_at, row.block, row.error = unit.now, judgement.block, None
            await move(unit, row, TransferStatus.DONE, TRANSFER_ALLOWED, rows.ACTOR)
        if verdict == Verdict.FINAL and row.status == TransferStatus.DONE:
            await move(unit, row, TransferStatus.FINAL, TRANSFER_ALLOWED, rows.ACTOR)
        if verdict == Verdict.ODD and row.status == TransferStatus.ISSUED:
            row.error, row.block = judgement.error, judgement.block
            await move(unit, row, TransferStatus.ODD, TRANSFER_ALLOWED, rows.ACTOR)
            await rows.in_trouble(unit, purse, Trouble.ODD)
        if verdict == Verdict.FAILED and row.status == TransferStatus.ISSUED:
            row.error, row.told_at = judgement.error, None
            await move(unit, row, TransferStatus.FAILED, TRANSFER_ALLOWED, rows.ACTOR)
        await unit.session.flush()
        await rows.forget(unit, row)


async def watch(chain: Chain) -> int:
    """Tend every transfer of the wallet that may be out; returns how many could not be looked at.

    Raises `NodeFailed` when a batch's events could not be read.
    """
    if chain.secret is None:
        await scan(chain)
    async with chain.open_unit() as unit:
        purse = await rows.peek(unit, chain.rules.chain_id, chain.wallet)
        if purse is None:
            return 0
        due = [row.attempt for row in await rows.with_status(unit, purse, rows.OUT)]
    failed = 0
    for attempt in due:
        try:
            await tend(chain, attempt)
        except NodeFailed:
            failed += 1
    return failed


def _gone(row: ChainTransfer, judgement: Judgement, chain: Chain) -> bool:
    """Whether a node that has seen as much as was seen before no longer finds what was done."""
    if judgement.verdict in {Verdict.DONE, Verdict.FINAL, Verdict.ODD}:
        return (row.status == TransferStatus.ODD) != (judgement.verdict == Verdict.ODD)
    return row.block is not None and judgement.head >= row.block + chain.rules.confirmations - 1


async def _take_back(unit: Unit, row: ChainTransfer, *, cold: bool) -> None:
    await move(unit, row, TransferStatus.ISSUED, TRANSFER_ALLOWED, rows.ACTOR)
    row.taken_back_at, row.told_at, row.done_at, row.block = unit.now, None, None, None
    if cold:
        await rows.unmatched(unit, row)


async def _sighting(
    node: Node, chain: Chain, made: list[tuple[bytes, bool]], nonce: int | None, read: int | None
) -> Sighting:
    """Ask one node about every transaction of a transfer. The head is asked first: nothing seems too deep."""
    if await node.chain_id() != chain.rules.chain_id:
        raise NodeFailed("WrongChain")
    head = await node.head()
    for name, cancels in made:
        receipt = await node.receipt(name, chain.rules.token, chain.wallet)
        if receipt is not None:
            return Sighting(head, receipt, cancels, known=True, spent=0)
    known = False
    for name, _ in made:
        known = known or await node.knows(name)
    final = max(head - chain.rules.final + 1, 0)
    used = await _spent(node, chain.wallet, nonce, final if read is None else read)
    return Sighting(head, None, cancels=False, known=known, spent=used)


async def _spent(node: Node, wallet: str, nonce: int | None, block: int) -> int:
    """How many nonces were used up to a block; 0, which decides nothing, when the node does not remember it."""
    if nonce is None or await node.count(wallet) <= nonce:
        return 0
    try:
        return await node.count(wallet, block)
    except Refused:
        return 0
