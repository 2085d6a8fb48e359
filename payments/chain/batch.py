"""Batches for a hardware wallet: unsigned transactions go out as a file, and the chain's events come back.

- Each transfer of a batch has its nonce, given at the first export. Exporting again gives the same nonces with
  today's fees, so that of two signed files the chain takes each transfer once.
- Before it gets its nonce each is looked at as one that is signed here: what the chain would refuse, or would pay
  to a contract, is in no batch and fails. So does one whose address is listed by now, or that was asked for in
  another token than the policy's; while the sanctions lists are too old, or as much as may has left within a day,
  what has no nonce yet waits. Whose person has withdrawn or erased their case is given no nonce.
- Nothing is exported while the wallet is in trouble, or while the chain knows more of its transactions than this
  database: what waits here may have been signed and paid before a backup was put back.
- The chain's events say which of them were paid (`payments.chain.events`).

The file is described in docs/RUNBOOK.md ("The batch for a hardware wallet").
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from models.chain import ChainTransfer, ChainWallet, TransferStatus, Trouble
from models.unit import Unit
from payments.chain import rows
from payments.chain.events import scan
from payments.chain.sending import Chain, Look, count_all, is_former, look_at, may_go, note_gauge, plan, refuse
from payments.chain.signing import cancellation, fees
from payments.chain.signing import transfer as transfer_of
from payments.chain.values import Fees, NodeFailed, StandsStill

FORMAT: Final = "plecho-chain-batch-1"


async def export(chain: Chain) -> dict[str, Any]:
    """The batch of everything that is to be paid and not seen on the chain yet, in the order of nonces.

    Raises `NodeFailed`, `FeeTooHigh` when the chain asks more than the policy pays, and `StandsStill`.
    """
    node, rules = chain.nodes[0], chain.rules
    if await node.chain_id() != rules.chain_id:
        raise NodeFailed("WrongChain")
    if await node.decimals(rules.token) != rules.decimals:
        raise NodeFailed("WrongDecimals")
    gauge, count = await node.gauge(), await count_all(chain)
    paid = fees(gauge.base, gauge.priority, rules)
    await scan(chain)
    looks = await _looks(chain)
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, rules.chain_id, chain.wallet)
        note_gauge(unit, purse, gauge)
        if purse.next_nonce is None:
            purse.next_nonce = count.mined
        if count.most > purse.next_nonce and purse.trouble not in rows.STANDS_STILL:
            await rows.in_trouble(unit, purse, Trouble.FOREIGN)
        trouble = purse.trouble
        if trouble is None:
            await _give_nonces(unit, chain, purse, looks)
        due = await rows.with_status(unit, purse, frozenset({TransferStatus.ISSUED}))
        listed = [_entry(unit, chain, row, paid) for row in due]
    if trouble is not None:
        raise StandsStill(trouble)
    return {
        "format": FORMAT,
        "chainId": rules.chain_id,
        "from": chain.wallet,
        "token": rules.token,
        "symbol": rules.symbol,
        "decimals": rules.decimals,
        "total": str(sum(int(row.tokens) for row in due if row.token == rules.token and not row.cancel_asked)),
        "transactions": listed,
    }


async def _looks(chain: Chain) -> Mapping[UUID, Look]:
    """What the chain says of each transfer of the policy's token that has no nonce yet, by its attempt."""
    async with chain.open_unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        waiting = [
            (row.attempt, rows.moved_of(unit, row))
            for row in await rows.with_status(unit, purse, frozenset({TransferStatus.PREPARED}))
            if not is_former(row, chain.rules)
        ]
    return {attempt: await look_at(chain, asked) for attempt, asked in waiting}


async def _give_nonces(unit: Unit, chain: Chain, purse: ChainWallet, looks: Mapping[UUID, Look]) -> None:
    """A nonce to each that was looked at and may be paid; what was asked for meanwhile waits for the next."""
    for row in await rows.with_status(unit, purse, frozenset({TransferStatus.PREPARED})):
        look = looks.get(row.attempt)
        if await rows.is_held_back(unit, row):
            continue
        if is_former(row, chain.rules):
            await refuse(unit, row, rows.TOKEN_CHANGED)
        elif look is None:
            continue
        elif (error := plan(look, purse, [], int(row.tokens), chain.rules).error) is not None:
            await refuse(unit, row, error)
        elif await may_go(unit, purse, row, chain.rules):
            await rows.issue(unit, purse, row, purse.next_nonce or 0)


def _entry(unit: Unit, chain: Chain, row: ChainTransfer, paid: Fees) -> dict[str, Any]:
    """One transaction as hardware wallets' tools take it: quantities as hexadecimal text."""
    nonce, asked = row.nonce or 0, rows.moved_of(unit, row)
    if row.cancel_asked:
        unsigned = cancellation(chain.rules, nonce, chain.wallet, paid)
    else:
        unsigned = transfer_of(chain.rules, nonce, asked, chain.rules.gas_limit, paid)
    shown = {name: hex(value) if isinstance(value, int) else value for name, value in unsigned.items()}
    return {
        "to": asked.to,
        "token": row.token,
        "decimals": row.decimals,
        "tokens": row.tokens,
        "cancels": row.cancel_asked,
        "unsigned": shown,
    }
