"""The rails of a process, from its settings. One that lacks its settings is there and refuses to pay."""

from collections.abc import Sequence

from payments.executor import OpenUnit
from payments.rails.base import Rail
from payments.rails.registry import built_in
from payments.rails.stablecoin import NAME, Stablecoin


def build_rails() -> dict[str, Rail]:
    """Every rail that the program has, by name; those that need settings are closed."""
    return {**built_in(), NAME: Stablecoin()}


def chain_rail(urls: Sequence[str], open_unit: OpenUnit) -> Stablecoin:
    """The rail to a public chain by these nodes; closed without any. Whoever makes it closes its connections."""
    return Stablecoin(urls, open_unit)
