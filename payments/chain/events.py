"""The chain's events beside the transfers: what left the wallet, and which transfer that was.

- Events are read `confirmations` deep, and only those that all nodes tell alike; when they differ, nothing is
  believed and the mark of what was read stays. Blocks that may still go are read again and again.
- A hot wallet's event is a transfer's when its transaction was signed here. A batch's is found by destination and
  amount, oldest first. Either is written down under a unique index, however often the chain is read.
- A hot wallet's payment that was not signed here, to a destination and of an amount that a transfer asks for, may
  be that transfer's, made before a backup was put back: people decide, and nothing is signed for it meanwhile.
  When the transfer is signed already, its nonce decides first (`payments.chain.verdict`).
- Whatever else left the wallet is a stray, and treasurers are told.
- What the wallet must hold is carried along with the mark: strays do not lessen it, so that they show as a
  difference until people have looked (`payments.chain.watching.resume`).
- When the policy names another token, those that the wallet paid in before are read on; what it must hold is
  counted anew, of the new one.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from models.chain import ChainTransfer, ChainWallet, TransferStatus
from models.unit import Unit
from payments.chain import rows
from payments.chain.sending import Chain
from payments.chain.values import Event, Moved, NodeFailed

OPEN: Final = frozenset({TransferStatus.PREPARED, TransferStatus.ISSUED})

SLACK: Final = 2
"""A chain that never was read is read back to its oldest open transfer, as if its blocks came twice as fast."""


async def scan(chain: Chain) -> int:
    """Read the wallet's events; how many strays were found anew. Raises `NodeFailed`."""
    async with chain.open_unit() as unit:
        purse = await rows.peek(unit, chain.rules.chain_id, chain.wallet)
        age = await _age(unit, purse, chain) if purse and purse.scanned_to is None else 0
        tokens = await rows.tokens(unit, purse, chain.rules.token) if purse else []
    if purse is None:
        return 0
    heads = []
    for node in chain.nodes:
        if await node.chain_id() != chain.rules.chain_id:
            raise NodeFailed("WrongChain")
        heads.append(await node.head())
    last = min(heads) - chain.rules.confirmations + 1
    # What the wallet did before it was this fund's is nobody's payout.
    since = max(max(heads) - age, 0) if purse.scanned_to is None else purse.scanned_to
    mark = max(min(heads) - chain.rules.final + 1, since)
    events = [event for token in tokens for event in await _agreed(chain, token, since + 1, last)]
    came, known = await _came(chain, since + 1, mark), must_hold(purse, chain)
    begins, read_to = await held(chain, mark) if known is None else None, purse.scanned_to
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        new = [event for event in events if not await rows.is_known(unit, event)]
        signed = await rows.signed(unit, purse) if new and chain.secret is not None else {}
        strays = sum([await _match(unit, chain, purse, event, signed) for event in new])
        if purse.scanned_to == read_to:
            moved, known = came - await _went(unit, chain, events, mark), must_hold(purse, chain)
            expected = known + moved if known is not None else begins
            purse.expected = None if expected is None else str(expected)
            purse.token, purse.scanned_to = chain.rules.token, mark
    return strays


async def held(chain: Chain, mark: int) -> int:
    """The token that the wallet held at a block, in its smallest units, from what it holds and what moved since.

    A node need not remember the block. Raises `NodeFailed`, also when two nodes disagree.
    """
    found = set()
    for node in chain.nodes:
        head = await node.head()
        token, wallet = chain.rules.token, chain.wallet
        went = sum(event.moved.tokens for event in await node.events(token, wallet, mark + 1, head))
        came = sum(amount for _, amount in await node.arrivals(token, wallet, mark + 1, head))
        found.add(await node.tokens(token, wallet, head) + went - came)
    if len(found) > 1:
        raise NodeFailed("NodesDisagree")
    return found.pop()


def must_hold(purse: ChainWallet, chain: Chain) -> int | None:
    """What the wallet must hold of the policy's token; none when that is not known, or is of another token."""
    told = purse.expected if purse.token == chain.rules.token else None
    return None if told is None else int(told)


async def _went(unit: Unit, chain: Chain, events: Sequence[Event], mark: int) -> int:
    """What transfers have moved of the policy's token up to a block."""
    counted = [event for event in events if event.moved.token == chain.rules.token and event.block <= mark]
    return sum([event.moved.tokens for event in counted if await rows.by_event(unit, event)])


async def _age(unit: Unit, purse: ChainWallet, chain: Chain) -> int:
    """How many blocks ago the oldest open transfer may have been asked for."""
    asked = [row.created_at for row in await rows.with_status(unit, purse, OPEN)]
    seconds = (unit.now - min(asked)).total_seconds() if asked else 0
    return SLACK * -(-int(seconds) // chain.rules.block_seconds)


async def _agreed(chain: Chain, token: str, first: int, last: int) -> list[Event]:
    told = [await node.events(token, chain.wallet, first, last) for node in chain.nodes]
    if any(others != told[0] for others in told[1:]):
        raise NodeFailed("NodesDisagree")
    return told[0]


async def _came(chain: Chain, first: int, last: int) -> int:
    told = [await node.arrivals(chain.rules.token, chain.wallet, first, last) for node in chain.nodes]
    if any(others != told[0] for others in told[1:]):
        raise NodeFailed("NodesDisagree")
    return sum(amount for _, amount in told[0])


async def _match(
    unit: Unit, chain: Chain, purse: ChainWallet, event: Event, signed: Mapping[bytes, ChainTransfer]
) -> bool:
    """Give an event to the transfer that it is; True when it is none's."""
    ours = signed.get(event.hash)
    if ours is not None and ours.token != event.moved.token:
        ours = None  # nothing of this token was asked for in it
    if event.index and ours is not None:
        return False  # more than was asked for: that is odd already
    name = rows.event_index(unit, event)
    found = ours or await _asked(unit, purse, event.moved)
    # Signed anew under its nonce: only one of the two can be in the chain, and the other one was taken back.
    anew = ours is not None and ours.status in rows.OUT
    if found is None or (found.event is not None and not anew):
        await rows.add_stray(unit, purse, event)
        return True
    if ours is not None or (chain.secret is not None and found.status == TransferStatus.ISSUED):
        found.event = name
        await unit.session.flush()
        await rows.forget(unit, found)
    elif found.status in rows.NEVER:
        await rows.paid_before(unit, purse, found, name, rows.PAID_AFTER_ALL)
    elif chain.secret is not None:
        await rows.paid_before(unit, purse, found, name, rows.PAID_BEFORE)
    else:
        await rows.matched(unit, found, event)
    return False


async def _asked(unit: Unit, purse: ChainWallet, moved: Moved) -> ChainTransfer | None:
    """The oldest transfer that asks for a payment and has no event; else one that no longer asks for it."""
    for statuses in (OPEN, rows.NEVER):
        for row in await rows.with_status(unit, purse, statuses):
            if row.event is None and moved == rows.moved_of(unit, row):
                return row
    return None
