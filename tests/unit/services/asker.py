"""An applicant for the tests of services: answers everything, sends, and can be looked at."""

import json
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select

from bot.database import Resources
from models.case import Case
from models.mail import Effect, EffectKind, EffectStatus, SentMessage
from models.unit import Unit
from services import intake, submission
from services.access import Actor, name_actor
from services.contact import Address, lane_of
from services.questions import KEYS, SKIPPED
from services.speak import effect_place
from vault.phrase import hash_phrase, new_phrase
from vault.seal import Place
from vault.types import SealedBytes

ASKER = 4_000_001
"""The Telegram account of who asks."""

ANSWERS: Mapping[str, str] = {
    "happened": "fine",
    "district": SKIPPED,
    "when": "2026-01-05",
    "urgency": "week",
    "deadline": SKIPPED,
    "need": "canary-need",
    "amount": "1500000 RUB",
    "story": "canary-story",
    "confirmation": SKIPPED,
    "documents": SKIPPED,
    "payout": "canary-payout",
    "court": SKIPPED,
    "zone": "Asia/Omsk",
    "hours": "10-21",
    "messages": "yes",
}


async def actor_of(unit: Unit, number: int = ASKER, language: str = "en") -> Actor:
    """The actor behind an account."""
    return await name_actor(unit, number, language)


async def draft(resources: Resources, *keys: str, number: int = ASKER) -> UUID:
    """A draft with these questions answered, all when none is named."""
    async with resources.unit() as unit:
        actor = await actor_of(unit, number)
        case = await intake.begin(unit, actor)
        for key in keys or KEYS:
            await intake.write_answer(unit, case, key, ANSWERS[key])
        return case.id


async def submitted(resources: Resources, number: int = ASKER) -> tuple[UUID, str]:
    """A case that was sent, and its recovery phrase."""
    await draft(resources, number=number)
    async with resources.unit() as unit:
        actor = await actor_of(unit, number)
        case = intake.own(actor)
        await submission.submit(unit, actor, case)
    return case.id, await phrase_of(resources, case.id)


async def phrase_of(resources: Resources, case_id: UUID) -> str:
    """Make the recovery phrase that a case waits for, as the errand does, and return it."""
    async with resources.unit() as unit:
        language = await submission.phrase_language(unit, case_id)
        assert language is not None
        phrase = new_phrase(language)
        assert await submission.set_phrase(unit, case_id, await hash_phrase(phrase)) is not None
    return phrase.reveal()


async def case_of(unit: Unit, case_id: UUID) -> Case:
    """A case that must be there."""
    case = await unit.session.get(Case, case_id)
    assert case is not None
    return case


async def said(unit: Unit, number: int) -> list[str]:
    """The texts that are about to be shown to somebody."""
    lane = lane_of(unit, Address(number))
    found = await unit.session.exec(
        select(Effect)
        .where(Effect.lane == lane, Effect.kind == EffectKind.SHOW, Effect.status == EffectStatus.PENDING)
        .order_by(col(Effect.id))
    )
    return [
        json.loads(unit.vault.open_server(effect.payload, effect_place(effect)))["text"]
        for effect in found.all()
        if effect.payload is not None
    ]


def standing(unit: Unit, number: int, message: int, case: Case | None = None, slot: str = "screen") -> SentMessage:
    """A message of the bot that stands in somebody's chat."""
    row = SentMessage(
        lane=lane_of(unit, Address(number)),
        slot=slot,
        address=SealedBytes(b""),
        case_id=case.id if case else None,
        sent_at=unit.now,
        erase_at=unit.now + timedelta(hours=40),
    )
    row.address = unit.vault.seal_server(
        json.dumps([number, message]).encode(), Place("sent_message", "address", str(row.id))
    )
    unit.session.add(row)
    return row
