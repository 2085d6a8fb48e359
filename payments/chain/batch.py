"""Batches for a hardware wallet: unsigned transactions go out as a file, and the chain's events come back.

- Each transfer of a batch has its nonce, given at the first export. Exporting again gives the same nonces with
  today's fees, so that of two signed files the chain takes each transfer once.
- Which transfer an event on the chain is, is decided by destination and amount, oldest first, once: an event is
  written down with its transfer under a unique index, however often the chain is scanned.
- Events are read only `confirmations` deep, and only those that all nodes tell alike. Blocks that may still go are
  read again and again.
- What left the wallet without any transfer that asked for it is told to treasurers.

The file is described in docs/RUNBOOK.md ("The batch for a hardware wallet").
"""

from typing import Any, Final

from models.chain import TRANSFER_ALLOWED, ChainTransfer, ChainWallet, TransferStatus, Trouble
from models.states import move
from models.unit import Unit
from payments.chain import rows
from payments.chain.sending import Chain, note_gauge
from payments.chain.signing import cancellation, fees
from payments.chain.signing import transfer as transfer_of
from payments.chain.values import Event, Fees, Moved, NodeFailed

FORMAT: Final = "plecho-chain-batch-1"


async def export(chain: Chain) -> dict[str, Any]:
    """The batch of everything that is to be paid and not seen on the chain yet, in the order of nonces.

    Raises `NodeFailed`, and `FeeTooHigh` when the chain asks more than the policy pays.
    """
    node, rules = chain.nodes[0], chain.rules
    if await node.chain_id() != rules.chain_id:
        raise NodeFailed("WrongChain")
    if await node.decimals(rules.token) != rules.decimals:
        raise NodeFailed("WrongDecimals")
    gauge, count = await node.gauge(), await node.count(chain.wallet)
    paid = fees(gauge.base, gauge.priority, rules)
    await scan(chain)
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, rules.chain_id, chain.wallet)
        note_gauge(unit, purse, gauge)
        await _give_nonces(unit, purse, count)
        due = await rows.with_status(unit, purse, frozenset({TransferStatus.ISSUED}))
        listed = [_entry(unit, chain, row, paid) for row in due]
    return {
        "format": FORMAT,
        "chainId": rules.chain_id,
        "from": chain.wallet,
        "token": rules.token,
        "symbol": rules.symbol,
        "decimals": rules.decimals,
        "total": str(sum(int(row.tokens) for row in due if not row.cancel_asked)),
        "transactions": listed,
    }


async def scan(chain: Chain) -> int:
    """Find the transfers of batches among the chain's events; how many were found anew. Raises `NodeFailed`."""
    async with chain.open_unit() as unit:
        purse = await rows.peek(unit, chain.rules.chain_id, chain.wallet)
    if purse is None:
        return 0
    heads = [await node.head() for node in chain.nodes]
    last = min(heads) - chain.rules.confirmations + 1
    # What the wallet did before it was this fund's is nobody's payout.
    since = max(heads) if purse.scanned_to is None else purse.scanned_to
    events = await _agreed(chain, since + 1, last)
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        found = sum([await _match(unit, purse, event) for event in events])
        purse.scanned_to = max(min(heads) - chain.rules.final + 1, since)
    return found


async def _agreed(chain: Chain, first: int, last: int) -> list[Event]:
    told = [await node.events(chain.rules.token, chain.wallet, first, last) for node in chain.nodes]
    return [event for event in told[0] if all(event in others for others in told[1:])]


async def _match(unit: Unit, purse: ChainWallet, event: Event) -> bool:
    """Give an event to the oldest transfer that asked for it; False when it is known or nobody's."""
    if await rows.by_event(unit, event) is not None:
        return False
    for row in await rows.with_status(unit, purse, frozenset({TransferStatus.ISSUED})):
        if row.event is None and event.moved == Moved(rows.destination_of(unit, row), int(row.tokens)):
            await rows.matched(unit, row, event)
            row.done_at, row.block = unit.now, event.block
            await move(unit, row, TransferStatus.DONE, TRANSFER_ALLOWED, rows.ACTOR)
            return True
    await rows.in_trouble(unit, purse, Trouble.STRAY)
    return False


async def _give_nonces(unit: Unit, purse: ChainWallet, count: int) -> None:
    for row in await rows.with_status(unit, purse, frozenset({TransferStatus.PREPARED})):
        await rows.issue(unit, purse, row, max(count, purse.next_nonce or 0))


def _entry(unit: Unit, chain: Chain, row: ChainTransfer, paid: Fees) -> dict[str, Any]:
    """One transaction as hardware wallets' tools take it: quantities as hexadecimal text."""
    nonce, to = row.nonce or 0, rows.destination_of(unit, row)
    if row.cancel_asked:
        unsigned = cancellation(chain.rules, nonce, chain.wallet, paid)
    else:
        unsigned = transfer_of(chain.rules, nonce, to, int(row.tokens), chain.rules.gas_limit, paid)
    shown = {name: hex(value) if isinstance(value, int) else value for name, value in unsigned.items()}
    return {"to": to, "tokens": row.tokens, "cancels": row.cancel_asked, "unsigned": shown}
