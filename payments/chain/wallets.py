"""The fund's wallets: the one that pays now, and those that may still have something out."""

from collections.abc import Sequence

from models.unit import Unit
from payments.chain.node import connect
from payments.chain.sending import Chain, OpenUnit
from payments.chain.signing import address_of


def open_chains(unit: Unit, open_unit: OpenUnit, urls: Sequence[str]) -> tuple[Chain, ...]:
    """Every wallet, on the same nodes: the policy's hardware wallet first if it names one, then the newest key."""
    rules = unit.policy.stablecoin
    if rules is None:
        return ()
    nodes = connect(urls)
    hot = [
        Chain(open_unit, nodes, rules, address_of(secret), secret) for secret in reversed(unit.vault.wallet_keys)
    ]
    cold = [Chain(open_unit, nodes, rules, rules.cold_wallet)] if rules.cold_wallet else []
    return (*cold, *hot)
