"""The rails of a process, from its settings. One that lacks its settings is there and refuses to pay."""

from collections.abc import Sequence

from models.policy import Policy
from payments.executor import OpenUnit
from payments.rails.base import Rail
from payments.rails.registry import built_in
from payments.rails.stablecoin import NAME, Stablecoin
from payments.rails.stripe_transfer import StripeTransfer, TransferGateway


def build_rails() -> dict[str, Rail]:
    """Every rail that the program has, by name; those that need settings are closed."""
    return {**built_in(), NAME: Stablecoin(), StripeTransfer.name: StripeTransfer()}


def partner_rail(gateway: TransferGateway, policy: Policy) -> StripeTransfer:
    """The rail to the policy's partner through Stripe; closed when the policy names none."""
    partner = policy.partner
    return StripeTransfer(gateway, partner.account, partner.name) if partner else StripeTransfer()


def chain_rail(urls: Sequence[str], open_unit: OpenUnit) -> Stablecoin:
    """The rail to a public chain by these nodes; closed without any. Whoever makes it closes its connections."""
    return Stablecoin(urls, open_unit)
