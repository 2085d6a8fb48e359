"""The errand to the chain: what a wallet has out is looked at, block by block, until nothing can change it."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from aiogram import Bot

from bot.database import Resources
from bot.errands import Errand
from models.unit import Unit
from payments.rails.stablecoin import NAME, Stablecoin


async def due(unit: Unit) -> Sequence[UUID]:
    """Wallets that are to be looked at now."""
    rail = unit.rails.get(NAME)
    return await rail.due(unit) if isinstance(rail, Stablecoin) else ()


async def watch(resources: Resources, _: Bot, wallet: UUID) -> None:
    """Look at one wallet."""
    rail = resources.rails.get(NAME)
    if isinstance(rail, Stablecoin):
        await rail.watch(wallet)


ERRANDS: Final = (Errand("chain.watch", due, watch),)
