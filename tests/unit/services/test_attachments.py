"""Files of a case: recorded, fetched in turn, sealed on disk, counted, taken back, or refused with the reason."""

import os
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Attachment, AttachmentRequest, CaseStatus, FileStatus
from models.errors import BadInput, NotAllowed, Stale
from sandbox.clock import TravelClock
from services import attachments
from services.contact import Address, To
from services.screens import question_screen
from tests.unit.services.asker import ASKER, actor_of, case_of, draft, submitted
from vault.errors import CompartmentShredded

OTHER = ASKER + 1


def names(files: Path) -> set[str]:
    """What lies in the directory."""
    return {path.name for path in files.iterdir()}


async def asked_for(resources: Resources, size: int | None = 1000, number: int = ASKER) -> UUID:
    """A file recorded for the actor's case."""
    async with resources.unit() as unit:
        actor = await actor_of(unit, number)
        assert actor.case is not None
        await attachments.request_file(unit, actor, actor.case, "canary-file-id", size)
        rows = await attachments.files_of(unit, actor.case)
        return next(row.id for row in rows if row.status is FileStatus.WAITING)


async def test_a_file_is_sealed_on_disk_and_read_back(resources: Resources, files: Path) -> None:
    """No page can be read from the disk; the row is done, and forgets Telegram's name of the file."""
    case_id = await draft(resources)
    request = await asked_for(resources)
    async with resources.unit() as unit:
        assert await attachments.due_requests(unit) == [request]
        assert await attachments.telegram_file(unit, request) == "canary-file-id"
        await attachments.add_pages(unit, request, [b"page one", b"page two"])
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        pages = await attachments.pages_of(unit, case)
        assert [await attachments.read(unit, page.id) for page in pages] == [b"page one", b"page two"]
        (row,) = await attachments.files_of(unit, case)
        assert (row.status, row.pages, row.file) == (FileStatus.ADDED, 2, None)
        assert await attachments.due_requests(unit) == []
        assert await attachments.telegram_file(unit, request) is None
        assert names(files) == {page.id.hex for page in pages}
        assert not any(b"page" in (files / name).read_bytes() for name in names(files))
        with pytest.raises(LookupError):
            await attachments.read(unit, uuid4())


async def test_files_are_fetched_in_turn(resources: Resources, clock: TravelClock) -> None:
    """Who sends many files, each slow to refuse, does not hold up somebody else's only one."""
    await draft(resources, "happened")
    many = [await sent_last(resources, clock) for _ in range(attachments.IN_TURN + 2)]
    await draft(resources, "happened", number=OTHER)
    only = await sent_last(resources, clock, OTHER)
    async with resources.unit() as unit:
        assert await attachments.due_requests(unit) == [many[0], only, *many[1 : attachments.IN_TURN]]


async def sent_last(resources: Resources, clock: TravelClock, number: int = ASKER) -> UUID:
    """The newest of an actor's files, recorded a second after the one before."""
    clock.advance(timedelta(seconds=1))
    async with resources.unit() as unit:
        actor = await actor_of(unit, number)
        assert actor.case is not None
        await attachments.request_file(unit, actor, actor.case, "canary-file-id", 1000)
        return (await attachments.files_of(unit, actor.case))[-1].id


async def test_doing_it_twice_adds_it_once(resources: Resources, files: Path) -> None:
    """A crash between writing the files and the commit leaves nothing double when it is tried again."""
    case_id = await draft(resources)
    request = await asked_for(resources)

    async def crash() -> None:
        async with resources.unit() as unit:
            await attachments.add_pages(unit, request, [b"one"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await crash()
    for _ in range(2):
        async with resources.unit() as unit:
            await attachments.add_pages(unit, request, [b"one"])
    async with resources.unit() as unit:
        assert len(await attachments.pages_of(unit, await case_of(unit, case_id))) == 1
    assert len(names(files)) == 1


async def test_a_file_after_sending_asks_for_votes_anew(resources: Resources) -> None:
    """The panel must not decide on less than there is."""
    case_id, _ = await submitted(resources)
    request = await asked_for(resources)
    async with resources.unit() as unit:
        assert (await case_of(unit, case_id)).version == 1
        await attachments.add_pages(unit, request, [b"one"])
        assert (await case_of(unit, case_id)).version == 2


@pytest.mark.parametrize(
    ("size", "key"), [(attachments.LIMIT + 1, "intake.bad.file-large"), (10**12, "intake.bad.file-large")]
)
async def test_a_file_too_large_is_refused_before_it_is_downloaded(
    resources: Resources, size: int, key: str
) -> None:
    """A bot may download 20 MB; the person is told both numbers."""
    await draft(resources)
    with pytest.raises(BadInput) as refused:
        await asked_for(resources, size)
    assert refused.value.text_key == key
    assert int(refused.value.params["size"]) > int(refused.value.params["limit"]) == 20


async def test_a_case_takes_so_many_files(resources: Resources) -> None:
    """One file more than the bound is refused; a refused file does not count."""
    await draft(resources)
    for _ in range(attachments.FILES):
        request = await asked_for(resources, None)
    with pytest.raises(BadInput, match=r"intake\.bad\.files"):
        await asked_for(resources)
    async with resources.unit() as unit:
        await attachments.refuse_file(unit, request, "intake.bad.file-type")
    await asked_for(resources)


async def test_a_download_that_fails_is_tried_again_and_then_given_up(
    resources: Resources, clock: TravelClock
) -> None:
    """Each pause is longer than the one before; after the last try the person is told."""
    case_id = await draft(resources)
    request = await asked_for(resources)
    for last in [False] * (attachments.TRIES - 1) + [True]:
        async with resources.unit() as unit:
            assert await attachments.due_requests(unit) == [request]
            assert (await attachments.try_later(unit, request) is not None) is last
            assert await attachments.due_requests(unit) == []
        clock.advance(timedelta(minutes=5))
    async with resources.unit() as unit:
        (row,) = await attachments.files_of(unit, await case_of(unit, case_id))
        assert (row.status, row.reason) == (FileStatus.REFUSED, "intake.bad.file-gone")


async def test_files_can_be_taken_back(resources: Resources, files: Path) -> None:
    """Rows go at once and files with the commit; somebody else cannot do it, nor is it done after the decision."""
    case_id = await draft(resources)
    request = await asked_for(resources)
    async with resources.unit() as unit:
        await attachments.add_pages(unit, request, [b"one"])
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        with pytest.raises(NotAllowed):
            await attachments.remove_files(unit, await actor_of(unit, 9), case)
        await attachments.remove_files(unit, await actor_of(unit), case)
        assert len(names(files)) == 1
    assert names(files) == set()
    async with resources.unit() as unit:
        assert (await unit.session.exec(select(AttachmentRequest))).all() == []
        case = await case_of(unit, case_id)
        case.status = CaseStatus.PAID
        with pytest.raises(Stale):
            await attachments.remove_files(unit, await actor_of(unit), case)


async def test_a_file_of_an_erased_case_is_not_added(resources: Resources, files: Path) -> None:
    """A download that ends after the erasure leaves nothing behind."""
    case_id = await draft(resources)
    request = await asked_for(resources)
    async with resources.unit() as unit:
        await unit.vault.shred(case_id)
        with pytest.raises(CompartmentShredded):
            await attachments.add_pages(unit, request, [b"one"])
        (await case_of(unit, case_id)).status = CaseStatus.SHREDDED
        await unit.session.flush()
        assert await attachments.add_pages(unit, request, [b"one"]) is None
        assert (await unit.session.exec(select(Attachment))).all() == []
    assert names(files) == set()


async def test_stray_files_are_swept(resources: Resources, files: Path) -> None:
    """A sealed file that no row names goes once it is too old to belong to a transaction under way."""
    (job,) = attachments.JOBS
    stray, young = files / uuid4().hex, files / uuid4().hex
    for path in (stray, young):
        path.write_bytes(b"sealed")
    os.utime(stray, (1, 1))
    async with resources.unit() as unit:
        assert await job.find(unit) == [stray.name]
        await job.handle(unit, stray.name)
    assert names(files) == {young.name}


async def test_refused_files_are_not_taken_without_end(resources: Resources) -> None:
    """Each costs a download and a line on the screen, so those that were refused count towards a limit too."""
    case_id = await draft(resources, "happened")
    async with resources.unit() as unit:
        actor, case = await actor_of(unit), await case_of(unit, case_id)
        for number in range(attachments.SENT):
            await attachments.request_file(unit, actor, case, f"file {number}", 10)
            (request,) = await attachments.due_requests(unit)
            await attachments.refuse_file(unit, request, "intake.bad.file-type")
        with pytest.raises(BadInput, match=r"intake\.bad\.files"):
            await attachments.request_file(unit, actor, case, "one more", 10)
        for language in ("en", "ru"):
            files = await attachments.files_of(unit, case)
            screen = question_screen(unit, To(Address(ASKER), language), "documents", files=files)
            assert len(screen.text) <= 4096
