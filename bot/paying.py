"""Errands of money: rails are asked to pay and looked up again, and shut ones are tried whether they work.

They run beside the errands to Telegram, in the process that has the clock.
"""

from typing import Final
from uuid import UUID

from aiogram import Bot

from bot.database import Resources
from bot.errands import Errand
from payments import attempts, breaker, executor
from services import treasury_machine


async def pay(resources: Resources, _: Bot, attempt: UUID) -> None:
    """Ask for one open attempt."""
    await executor.work(resources.unit, attempt, treasury_machine.told)


async def probe(resources: Resources, _: Bot, rail: str) -> None:
    """Try one shut rail."""
    await executor.probe(resources.unit, rail, treasury_machine.tell_open)


ERRANDS: Final = (Errand("payments.pay", attempts.due, pay), Errand("payments.probe", breaker.due, probe))
