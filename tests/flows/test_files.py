"""Photos and documents over the real Bot API protocol: fetched, rebuilt, shown as added or refused."""

import asyncio
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image
from sqlmodel import select

from models.case import Attachment, AttachmentRequest
from services import attachments
from services.questions import KEYS
from tests.flows.harness import World
from tests.flows.interview import Applicant, applicant
from tests.unit.services.pictures import KINDS, SECRET, pdf

BEFORE = KEYS[: KEYS.index("documents")]
AFTER = KEYS[KEYS.index("documents") + 1 :]
LOCKED = pdf(password="secret")


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


async def test_a_file_that_telegram_calls_too_big_is_refused(world: World) -> None:
    """Whose size was not known beforehand is refused as too large when its turn comes, and not tried again."""
    asker = await at_documents(world)
    world.server.telegram.limits = replace(world.server.telegram.limits, download_bytes=100)
    await asker.person.upload_photo(KINDS["jpeg"])
    reason = asker.say("intake.bad.file-huge")
    assert asker.say("intake.file.refused", number=1, reason=reason) in await wait_for(asker, reason)


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
    await asker.answer_all(KEYS[: KEYS.index("when")])
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


def counted(asker: Applicant, *counts: str) -> str:
    """The line that says how many files stand how."""
    return asker.say("intake.review.line", title=asker.say("intake.title.documents"), answer=", ".join(counts))


async def late(world: World) -> Applicant:
    """Somebody at the page before sending, whose one file is to be tried again in four minutes, and be refused."""
    asker = await at_documents(world)
    asker.answers["hours"] = "0-24"
    await world.town.fault("server_error", method="getFile", times=1)
    await asker.person.upload_document(LOCKED, name="a.pdf")
    await world.settle()
    async with world.unit() as unit:
        (row,) = (await unit.session.exec(select(AttachmentRequest))).all()
        row.next_try_at = unit.now + timedelta(minutes=4)
    await asker.press("intake.button.done")
    review = await asker.answer_all(AFTER)
    assert counted(asker, asker.say("intake.files.waiting", count=1)) in review.text
    return asker


async def test_a_refused_file_is_not_called_added(world: World) -> None:
    """With nothing but a refused file there is Skip and no Done, and the page before sending says so."""
    asker = await at_documents(world)
    await asker.person.upload_document(LOCKED, name="a.pdf")
    await wait_for(asker, asker.say("intake.bad.file-locked"))
    assert asker.say("intake.button.done") not in (await asker.screen()).labels
    await asker.press("intake.button.skip")
    review = await asker.answer_all(AFTER)
    assert counted(asker, asker.say("intake.files.refused", count=1)) in review.text


async def test_files_taken_back_are_not_called_added(world: World) -> None:
    """What Done once said of files is not believed: the page before sending counts them."""
    asker = await at_documents(world)
    await asker.person.upload_photo(KINDS["jpeg"])
    await wait_for(asker, asker.say("intake.file.added", number=1, n=1))
    await asker.press("intake.button.done")
    review = await asker.answer_all(AFTER)
    assert counted(asker, asker.say("intake.files.added", count=1)) in review.text
    await asker.press("intake.title.documents")
    await asker.press("intake.button.remove-files")
    review = await asker.press("intake.button.unchanged")
    assert counted(asker, asker.say("intake.files.none")) in review.text


async def test_nobody_sends_without_knowing_that_a_file_was_refused(world: World) -> None:
    """A file that fails below the page before sending stops the first press of Send, which shows it."""
    asker = await late(world)
    await world.jump(minutes=5)
    review = await asker.press("intake.button.send")
    assert counted(asker, asker.say("intake.files.refused", count=1)) in review.text
    sent = await asker.press("intake.button.send")
    assert sent.protected


async def test_a_file_refused_after_sending_is_news(world: World) -> None:
    """A neutral line arrives, and behind it stands how many were not taken; the list of answers names none."""
    asker = await late(world)
    await asker.press("intake.button.send")
    await asker.press("case.button.written")
    await asker.press("case.button.later")
    await world.jump(minutes=5)
    await asker.person.wait_for(lambda shown: shown.text == asker.say("relay.notice"))
    shown = await asker.press("relay.notice-open")
    assert counted(asker, asker.say("intake.files.refused", count=1)) in shown.text
    shown = await asker.press("case.button.correct")
    assert asker.say("intake.review.open", title=asker.say("intake.title.documents")) in shown.text


@pytest.mark.parametrize("sent", [False, True], ids=["draft", "sent"])
async def test_words_beside_a_file_are_said_to_be_lost(world: World, *, sent: bool) -> None:
    """A caption leaves the chat with its file, and the person is told where to write such words."""
    if sent:
        asker = await applicant(world, language="en")
        await asker.submit()
        await asker.press("case.button.add")
    else:
        asker = await at_documents(world)
    await world.town.fault("server_error", method="getFile", times=1)
    await asker.person.upload_photo(KINDS["jpeg"], caption="canary-caption")
    shown = await asker.screen()
    assert shown.text.startswith(asker.say("intake.bad.caption"))
