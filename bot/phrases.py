"""Makes recovery phrases and checks them, each between two transactions.

Argon2 takes a good part of a second by intent. Within a transaction it would hold SQLite's one writer, and one
person sending a request, or somebody guessing, would make all others wait.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from aiogram import Bot

from bot.database import Resources
from bot.errands import Errand
from handlers import case, recovery
from services import submission
from vault.phrase import hash_phrase, new_phrase, phrase_matches
from vault.types import BlindIndex, Secret

Hashing = Callable[[Secret], Awaitable[str]]
Matching = Callable[[Secret, str], Awaitable[bool]]


async def make(resources: Resources, _: Bot | None, case_id: UUID, hashing: Hashing = hash_phrase) -> None:
    """Make the phrase that a case waits for, and show it once. After a crash another one is made."""
    async with resources.unit() as unit:
        language = await submission.phrase_language(unit, case_id)
    if language is None:
        return
    phrase = new_phrase(language)
    hashed = await hashing(phrase)
    async with resources.unit() as unit:
        waiting = await submission.set_phrase(unit, case_id, hashed)
        if waiting is not None:
            await case.show_phrase(unit, waiting, phrase)


async def check(
    resources: Resources, _: Bot | None, lane: BlindIndex, matching: Matching = phrase_matches
) -> None:
    """Check the code and phrase that somebody has typed, and move their case or say that nothing fits."""
    async with resources.unit() as unit:
        claim = await recovery.read_waiting(unit, lane)
    if claim is None:
        return
    matches = await matching(claim.phrase, claim.hashed)
    async with resources.unit() as unit:
        if await recovery.read_waiting(unit, lane) == claim:
            await recovery.answer_claim(unit, claim, matches=matches)


ERRANDS: Final = (
    Errand("phrases.make", submission.waiting_for_phrase, make),
    Errand("phrases.check", recovery.waiting_claims, check),
)
