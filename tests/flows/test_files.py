"""Photos and documents over the real Bot API protocol: fetched, rebuilt, shown as added or refused."""

import asyncio
import io

import pytest
from PIL import Image
from sqlmodel import select

from models.case import Attachment
from services import attachments
from services.questions import KEYS
from tests.flows.harness import World
from tests.flows.interview import Applicant, applicant
from tests.unit.services.pictures import KINDS, SECRET

BEFORE = KEYS[: KEYS.index("documents")]


async def at_documents(world: World) -> Applicant:
    """Somebody who is asked for files."""
    asker = await applicant(world, language="en")
    await asker.start()
    await asker.answer_all(BEFORE)
    return asker


async def wait_for(asker: Applicant, text: str) -> str:
    """The screen once it says this."""
    view = await asker.person.wait_for(lambda shown: text in shown.text and shown.from_bot)
    await asker.world.settle()
    return view.text


@pytest.mark.parametrize("kind", KINDS)
async def test_each_type_is_taken_and_nothing_hidden_is_kept(world: World, kind: str) -> None:
    """The file leaves the chat, its pages are stored without what was hidden, and the screen says so."""
    asker = await at_documents(world)
    await asker.person.upload_document(KINDS[kind], name=f"{SECRET.decode()}.bin")
    await wait_for(asker, asker.say("intake.file.added", number=1, n=2 if kind == "pdf" else 1))
    assert all(view.from_bot for view in await asker.person.messages())
    async with world.unit() as unit:
        pages = (await unit.session.exec(select(Attachment))).all()
        for page in pages:
            content = await attachments.read(unit, page.id)
            assert SECRET not in content
            with Image.open(io.BytesIO(content)) as image:
                assert image.format == "JPEG"
    shown = await asker.press("intake.button.done")
    assert asker.say("intake.ask.payout") in shown.text


async def test_several_at_once_are_all_taken_and_a_wrong_one_says_why(world: World) -> None:
    """An album comes as several messages; what cannot be taken is refused by itself."""
    asker = await at_documents(world)
    await asyncio.gather(
        asker.person.upload_photo(KINDS["jpeg"]),
        asker.person.upload_photo(KINDS["jpeg"]),
        asker.person.upload_document(b"not a picture", name="a.jpg"),
    )
    reason = asker.say("intake.bad.file-type")
    shown = await wait_for(asker, reason)
    for _ in range(2):
        if shown.count("added") == 2:
            break
        shown = await wait_for(asker, "added")
    await asker.press("intake.button.remove-files")
    async with world.unit() as unit:
        assert (await unit.session.exec(select(Attachment))).all() == []


async def test_a_file_waits_for_a_fund_that_was_killed(world: World) -> None:
    """The request is a row: a crash before the download loses nothing."""
    asker = await at_documents(world)
    await world.town.fault("server_error", method="getFile", times=1)
    await asker.person.upload_photo(KINDS["jpeg"])
    await world.settle()
    await world.kill()
    await world.start()
    await world.jump(minutes=5)
    await wait_for(asker, asker.say("intake.file.added", number=1, n=1))


async def test_a_file_too_large_is_refused_at_once(world: World) -> None:
    """More than 20 MB is refused with both numbers and never downloaded."""
    asker = await at_documents(world)
    await asker.person.upload_document(bytes(attachments.LIMIT + 1), name="big.pdf")
    shown = await asker.screen()
    assert shown.text.startswith(asker.say("intake.bad.file-large", limit=20, size=21))
    assert await world.town.calls("getFile") == []


async def test_files_can_be_added_after_sending(world: World) -> None:
    """A late document reaches the panel as a new version."""
    asker = await applicant(world, language="en")
    await asker.submit()
    await asker.press("case.button.add")
    await asker.person.upload_photo(KINDS["jpeg"])
    await wait_for(asker, asker.say("intake.file.added", number=1, n=1))


async def test_a_file_where_words_are_wanted_is_refused(world: World) -> None:
    """It is erased from the chat, and the question stays."""
    asker = await applicant(world, language="en")
    await asker.start()
    await asker.answer_all(KEYS[:2])
    await asker.person.upload_photo(KINDS["jpeg"])
    shown = await asker.screen()
    assert shown.text.startswith(asker.say("intake.bad.text-wanted"))
    assert all(view.from_bot for view in await asker.person.messages())


@pytest.mark.parametrize(
    ("key", "problem", "content"),
    [
        ("story", "text-wanted", {"voice": {"file_id": "f", "file_unique_id": "u", "duration": 3}}),
        ("story", "text-wanted", {"location": {"latitude": 55.7, "longitude": 37.6}}),
        (
            "documents",
            "file-type",
            {"video_note": {"file_id": "f", "file_unique_id": "u", "length": 9, "duration": 3}},
        ),
        ("documents", "file-type", {"contact": {"phone_number": "+70000000000", "first_name": "A"}}),
    ],
    ids=["voice", "location", "video note", "contact"],
)
async def test_what_is_neither_words_nor_a_file_is_refused(
    world: World, key: str, problem: str, content: dict[str, object]
) -> None:
    """A voice, a place, a contact are not taken, nor fetched: they leave the chat, and the question says why."""
    asker = await applicant(world, language="en")
    await asker.start()
    await asker.answer_all(KEYS[: KEYS.index(key)])
    person = {"id": asker.person.id, "first_name": "Asker"}
    sender, chat = person | {"is_bot": False, "language_code": "en"}, person | {"type": "private"}
    message = {"message_id": 900, "date": int(world.clock.now().timestamp()), "chat": chat, "from": sender}
    await world.town.inject({"message": message | content})
    shown = await asker.screen()
    assert shown.text.startswith(asker.say(f"intake.bad.{problem}"))
    assert asker.say(f"intake.ask.{key}") in shown.text
    (gone, *_) = reversed(await world.town.calls("deleteMessage"))
    assert int(gone["params"]["message_id"]) == 900
    assert await world.town.calls("getFile") == []
