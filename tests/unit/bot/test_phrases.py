"""The slow hash is never worked on while a transaction is open: one person must not make all others wait."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from sqlmodel import select

import handlers
import services
from bot import phrases
from bot.database import Resources
from handlers import recovery as handler
from handlers.conversation import CHECKING, private_conversation
from models.case import Case
from models.errors import Stale
from services import intake, recovery, submission
from services.contact import Address
from tests.unit.services.asker import ASKER, actor_of, case_of, draft, said, submitted
from vault.types import Secret

NEW = 5_000_002
SLOW = ("hash_phrase", "phrase_matches")


async def write(resources: Resources) -> None:
    """What somebody else does meanwhile: on SQLite it waits for any transaction that is open."""
    async with resources.unit() as unit:
        await intake.begin(unit, await actor_of(unit, 99))


def test_nothing_within_a_transaction_hashes() -> None:
    """Handlers and services leave the slow hash to the errand."""
    for package in (handlers, services):
        for path in Path(str(package.__path__[0])).glob("*.py"):
            assert not any(name in path.read_text(encoding="utf-8") for name in SLOW), path


async def test_others_write_while_a_phrase_is_hashed(resources: Resources) -> None:
    """Between the order of a phrase and its showing stands no transaction."""
    case_id = await draft(resources)
    async with resources.unit() as unit:
        actor = await actor_of(unit)
        await submission.submit(unit, actor, intake.own(actor))

    async def hashing(phrase: Secret) -> str:
        await write(resources)
        return f"hash of {phrase.reveal()}"

    async with resources.unit() as unit:
        assert await submission.waiting_for_phrase(unit) == [case_id]
    await phrases.make(resources, None, case_id, hashing)
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        assert case.recovery_hash is not None
        words = case.recovery_hash.removeprefix("hash of ")
        assert words in (await said(unit, ASKER))[-1]
        assert await submission.waiting_for_phrase(unit) == []
        assert len((await unit.session.exec(select(Case))).all()) == 2


async def test_no_phrase_is_made_twice(resources: Resources) -> None:
    """An errand run again, or for an erased case, shows nothing and changes nothing."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        before = (await case_of(unit, case_id)).recovery_hash
    await phrases.make(resources, None, case_id)
    async with resources.unit() as unit:
        assert (await case_of(unit, case_id)).recovery_hash == before


@pytest.mark.parametrize("left", [False, True])
async def test_others_write_while_a_claim_is_checked(resources: Resources, left: bool) -> None:  # noqa: FBT001 - a parameter
    """A claim is settled after the check, unless its person has gone elsewhere; the phrase is kept in no case."""
    case_id, phrase = await submitted(resources)
    async with resources.unit() as unit:
        code = (await case_of(unit, case_id)).code
        await recovery.begin_guess(unit, await actor_of(unit, NEW))
        state = private_conversation(unit, Address(NEW))
        await state.set_state(CHECKING)
        await state.set_data({"user": NEW, "language": "en", "code": code, "phrase": phrase})

    async def matching(typed: Secret, _: str) -> bool:
        await write(resources)
        if left:
            async with resources.unit() as unit:
                await private_conversation(unit, Address(NEW)).set_state(None)
        return typed.reveal() == phrase

    async with resources.unit() as unit:
        (lane,) = await handler.waiting_claims(unit)
    await phrases.check(resources, None, lane, matching)
    async with resources.unit() as unit:
        moved = (await actor_of(unit, NEW)).case
        assert (moved is not None) is not left
        assert await handler.waiting_claims(unit) == []
        kept = await private_conversation(unit, Address(NEW)).get_data()
    assert kept == {"language": "en"}


async def test_an_account_has_one_request_also_when_one_moves_here_meanwhile(resources: Resources) -> None:
    """Whoever begins a request in the moment in which their old one arrives has one of the two, and is told."""
    _, phrase = await submitted(resources)
    async with resources.unit() as unit:
        claimed = (await actor_of(unit)).case
        assert claimed is not None
        state = private_conversation(unit, Address(NEW))
        await state.set_state(CHECKING)
        await state.set_data({"user": NEW, "language": "en", "code": claimed.code, "phrase": phrase})

    async def begin() -> None:
        with suppress(Stale):
            async with resources.unit() as unit:
                await intake.begin(unit, await actor_of(unit, NEW))

    async def matching(typed: Secret, _: str) -> bool:
        return typed.reveal() == phrase

    async with resources.unit() as unit:
        (lane,) = await handler.waiting_claims(unit)
    await asyncio.gather(phrases.check(resources, None, lane, matching), begin(), begin())
    async with resources.unit() as unit:
        chat = (await actor_of(unit, NEW)).chat
        assert len((await unit.session.exec(select(Case).where(Case.chat == chat))).all()) == 1
