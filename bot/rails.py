"""The rails of a process, from its settings. One that lacks its settings is there and refuses to pay."""

from payments.rails.base import Rail
from payments.rails.registry import built_in


def build_rails() -> dict[str, Rail]:
    """Every rail that the program has, by name."""
    return dict(built_in())
