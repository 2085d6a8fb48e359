"""The fund's wallets: the one that pays now, and those that may still have something out."""

from collections.abc import Sequence

from models.policy import Stablecoin
from models.unit import Unit
from payments.chain import rows
from payments.chain.address import checked
from payments.chain.node import Node
from payments.chain.sending import Chain, OpenUnit
from payments.chain.signing import address_of


def open_chains(unit: Unit, open_unit: OpenUnit, nodes: tuple[Node, ...]) -> tuple[Chain, ...]:
    """Every wallet, on the same nodes: the policy's hardware wallet first if it names one, then the newest key."""
    rules = _rules(unit)
    if rules is None:
        return ()
    hot = [
        Chain(open_unit, nodes, rules, address_of(secret), secret) for secret in reversed(unit.vault.wallet_keys)
    ]
    cold = [Chain(open_unit, nodes, rules, rules.cold_wallet)] if rules.cold_wallet else []
    return (*cold, *hot)


async def open_former(
    unit: Unit, open_unit: OpenUnit, nodes: tuple[Node, ...], chains: Sequence[Chain]
) -> tuple[Chain, ...]:
    """Hardware wallets beside these that have something waiting or out: the policy named them once."""
    rules = _rules(unit)
    if rules is None:
        return ()
    named = {chain.wallet.lower() for chain in chains}
    former = [each for each in await rows.cold_ones(unit, rules.chain_id) if each.lower() not in named]
    return tuple(Chain(open_unit, nodes, rules, each) for each in former)


def _rules(unit: Unit) -> Stablecoin | None:
    """What the policy says, its token with the checksum whatever case it was written in: rows keep it so."""
    rules = unit.policy.stablecoin
    return rules and rules.model_copy(update={"token": checked(rules.token, ())})
