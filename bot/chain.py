"""What the operator does about the rail to a public chain: keys of hot wallets, batches, wallets in trouble.

A wallet's key goes into the keyring and never comes out again by a command. What is printed names no destination.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Final
from uuid import UUID

from bot.database import Resources
from bot.keys import Ask, ask, change_keyring
from bot.operations import OPERATOR
from bot.problems import Problem
from bot.settings import Settings
from models import audit
from models.chain import TransferStatus
from payments.chain import batch, rows, sending, watching
from payments.chain.sending import Chain, Stopping
from payments.chain.signing import address_of
from payments.chain.values import FeeTooHigh, NodeFailed, StandsStill
from payments.rails.stablecoin import NAME, Stablecoin
from vault.files import create_private
from vault.passwords import STRONG, Argon2Cost
from vault.seal import new_key

HEX_KEY: Final = 64
COIN_DIGITS: Final = 18
"""A coin of the chain has 10^18 wei."""

OPEN: Final = frozenset(TransferStatus) - rows.OVER

STOPPING: Final = {
    Stopping.NEVER: "Cancelled: it will never be paid.",
    Stopping.RACES: "Under way: the chain takes the payment or the cancellation, and will say which.",
    Stopping.ASKED: "Asked for, and nothing is signed against it yet: the node does not answer, or the policy "
    "pays no more for a transaction. It is tried again by itself; until then it may still be paid.",
    Stopping.LATE: "Too late: it is done, or for people to decide. `plecho chain show` says what is out.",
}


def new_wallet(settings: Settings, asking: Ask = ask, cost: Argon2Cost = STRONG) -> str:
    """Make a hot wallet in the keyring and say its address. From the next start on it is the one that pays."""
    return _added(settings, new_key(), asking, cost)


def import_wallet(settings: Settings, asking: Ask = ask, cost: Argon2Cost = STRONG) -> str:
    """Take a hot wallet's key, which is asked for at the terminal, into the keyring. Raises `Problem`."""
    typed = asking("Private key of the wallet (64 hexadecimal digits)").strip().removeprefix("0x")
    try:
        secret = bytes.fromhex(typed) if len(typed) == HEX_KEY else b""
        address_of(secret)
    except ValueError:
        raise Problem("this is no private key: 64 hexadecimal digits are wanted") from None
    return _added(settings, secret, asking, cost)


async def export_batch(resources: Resources, path: Path) -> str:
    """Write the batch for the hardware wallet to a new private file; say how much is in it. Raises `Problem`."""
    chain = (await _chains(resources))[0]
    if chain.secret is not None:
        raise Problem("PLECHO_POLICY: names no cold_wallet: the hot wallet pays by itself")
    try:
        made = await batch.export(chain)
    except FeeTooHigh:
        raise Problem("the chain asks more for a transfer than the policy pays; try later") from None
    except StandsStill as trouble:
        raise Problem(
            f"the wallet stands still ({trouble}): see docs/RUNBOOK.md, then `plecho chain resume`"
        ) from None
    except NodeFailed as failed:
        raise _silent(failed) from None
    try:
        create_private(path, json.dumps(made, indent=1).encode())
    except FileExistsError:
        raise Problem(f"{path}: is there already; a batch is written to a new file") from None
    except OSError as error:
        raise Problem(f"{path}: cannot be written ({error.strerror})") from None
    return f"{path}: {len(made['transactions'])} transactions from {chain.wallet}"


async def show(resources: Resources) -> list[str]:
    """Each wallet with what it holds, and what it has out: ids, states, nonces and times, no destination.

    What was asked for in another token than the policy's is shown with its token.
    """
    lines = []
    for chain in await _chains(resources):
        lines.append(await _wallet_line(resources, chain))
        async with resources.unit() as unit:
            purse = await rows.peek(unit, chain.rules.chain_id, chain.wallet)
            out = await rows.with_status(unit, purse, OPEN) if purse else []
        lines += [
            f"  {row.attempt} {row.status} nonce {'-' if row.nonce is None else row.nonce}"
            f"{f' of {row.token}' if sending.is_former(row, chain.rules) else ''}"
            f" since {row.created_at:%Y-%m-%d %H:%M} {row.error or ''}".rstrip()
            for row in out
        ]
    return lines


async def resume(resources: Resources) -> str:
    """Let the wallet that pays now go on after people have looked at its trouble. Raises `Problem`."""
    chain = (await _chains(resources))[0]
    try:
        await watching.resume(chain)
    except NodeFailed as failed:
        raise _silent(failed) from None
    async with resources.unit() as unit:
        purse = await rows.wallet(unit, chain.rules.chain_id, chain.wallet)
        await audit.record(unit, OPERATOR, "chain_wallet.resumed", audit.about("chain_wallet", purse.id))
    return f"{chain.wallet}: goes on"


async def cancel(resources: Resources, attempt: UUID) -> str:
    """Cancel a transfer that is not done; say whether that is certain already. Raises `Problem`."""
    for chain in await _chains(resources):
        async with resources.unit() as unit:
            purse = await rows.peek(unit, chain.rules.chain_id, chain.wallet)
            row = await rows.transfer(unit, attempt)
        if row is None or purse is None or row.wallet_id != purse.id:
            continue
        stopping = await sending.cancel(chain, attempt)
        if stopping is Stopping.ASKED and chain.secret is None:
            return "Asked for: the next batch has a transaction that uses its number up. Sign that one alone."
        return STOPPING[stopping]
    raise Problem("there is no transfer of this id: `plecho chain show` lists those that are out")


async def _wallet_line(resources: Resources, chain: Chain) -> str:
    try:
        await watching.watch(chain)
        await sending.recheck(chain)
        tokens = await chain.nodes[0].tokens(chain.rules.token, chain.wallet)
        coins = await chain.nodes[0].coins(chain.wallet)
        symbol, decimals = chain.rules.symbol, chain.rules.decimals
        held = f"{Decimal(tokens).scaleb(-decimals):f} {symbol}, {Decimal(coins).scaleb(-COIN_DIGITS):f} coins"
    except NodeFailed as failed:
        held = f"the node does not answer ({failed})"
    async with resources.unit() as unit:
        purse = await rows.peek(unit, chain.rules.chain_id, chain.wallet)
    kind = "hot" if chain.secret else "hardware"
    trouble = f", in trouble: {purse.trouble}" if purse and purse.trouble else ""
    return f"{chain.wallet} ({kind}): {held}{trouble}"


async def _chains(resources: Resources) -> tuple[Chain, ...]:
    rail = resources.rails.get(NAME)
    chains = await rail.chains() if isinstance(rail, Stablecoin) else ()
    if chains:
        return chains
    if resources.policy.stablecoin is None:
        raise Problem("PLECHO_POLICY: has no section [stablecoin]")
    raise Problem("PLECHO_CHAIN_URL is not set, or there is no wallet: `plecho chain key new`")


def _added(settings: Settings, secret: bytes, asking: Ask, cost: Argon2Cost) -> str:
    change_keyring(settings, lambda keyring: keyring.with_wallet(secret), asking, cost)
    return (
        f"{address_of(secret)} is the hot wallet from the next start of every process on. "
        "Its key is in the keyring and nowhere else: renew your copy of the keyring before you send money there."
    )


def _silent(failed: NodeFailed) -> Problem:
    return Problem(f"PLECHO_CHAIN_URL: the node does not answer as it should ({failed})")
