"""Files: rebuilt as bare pixels in a process of their own, sealed on disk, or refused with the reason."""

import asyncio
import contextlib
import io
import os
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlmodel import select

from bot.database import Resources
from models.case import Attachment, AttachmentRequest, CaseStatus, FileStatus
from models.errors import BadInput, NotAllowed, Stale
from sandbox.clock import TravelClock
from services import attachments, rebuild
from services.contact import Address, To
from services.rebuild import NotRebuilt, Verdict, kind_of, pack, unpack
from services.screens import question_screen
from tests.unit.services.asker import ASKER, actor_of, case_of, draft, submitted
from tests.unit.services.pictures import KINDS, SECRET, bomb, form, grey, jpeg, pdf, picture, slow
from vault.errors import CompartmentShredded

OTHER = ASKER + 1

RED, BLUE = (254, 0, 0), (0, 0, 254)


def names(files: Path) -> set[str]:
    """What lies in the directory."""
    return {path.name for path in files.iterdir()}


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
    """Whether JPEG has kept a colour."""
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 12 for a, b in zip(pixel, colour, strict=True))


async def asked_for(resources: Resources, size: int | None = 1000, number: int = ASKER) -> UUID:
    """A file recorded for the actor's case."""
    async with resources.unit() as unit:
        actor = await actor_of(unit, number)
        assert actor.case is not None
        await attachments.request_file(unit, actor, actor.case, "canary-file-id", size)
        rows = await attachments.files_of(unit, actor.case)
        return next(row.id for row in rows if row.status is FileStatus.WAITING)


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_hidden_survives(kind: str) -> None:
    """Of each type that is taken only pixels come back: no EXIF, XMP, profile, comment, text, script or tail."""
    content = KINDS[kind]
    assert kind in {"webp", "heic", "png", "pdf"} or SECRET in content
    pages = await attachments.rebuilt(content)
    assert len(pages) == (2 if kind == "pdf" else 1)
    for page in pages:
        assert SECRET not in page
        with Image.open(io.BytesIO(page)) as image:
            image.load()
            assert image.format == "JPEG"
            assert not image.getexif()
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            if kind != "pdf":
                assert near(image.getpixel((5, 5)), RED)
                assert near(image.getpixel((300, 180)), BLUE)


@pytest.mark.parametrize(
    ("orientation", "size", "corner"),
    [(1, (320, 200), (5, 5)), (3, (320, 200), (315, 195)), (6, (200, 320), (195, 5))],
)
async def test_a_picture_is_turned_the_right_way(
    orientation: int, size: tuple[int, int], corner: tuple[int, int]
) -> None:
    """The orientation is applied before the mark that says it is lost."""
    (page,) = await attachments.rebuilt(jpeg(orientation))
    with Image.open(io.BytesIO(page)) as image:
        assert image.size == size
        assert near(image.getpixel(corner), RED)


async def test_what_was_filled_in_is_drawn() -> None:
    """The words in the fields of a PDF form reach the panel, not an empty form."""
    (page,) = await attachments.rebuilt(form())
    with Image.open(io.BytesIO(page)) as image:
        darkest, _ = image.convert("L").getextrema()
        assert isinstance(darkest, int)
        assert darkest < 60


async def test_a_deep_grey_picture_keeps_its_greys() -> None:
    """Sixteen bits become eight: a scan does not turn white."""
    (page,) = await attachments.rebuilt(grey())
    with Image.open(io.BytesIO(page)) as image:
        assert [near(image.getpixel((x, 4)), (x, x, x)) for x in (4, 64, 128, 192, 250)] == [True] * 5


CHILD = """
import io, resource, runpy, sys
child = runpy.run_path(sys.argv[1])
core = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (core, core))
child["main"].__globals__.update(MEMORY=int(sys.argv[2]), SECONDS=int(sys.argv[3]))
child["main"](sys.stdin.buffer, sys.stdout.buffer)
print(*(resource.getrlimit(each) for each in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_CORE)))
"""
"""The child as it is, with less memory and time, and what bounds it afterwards."""


async def bounded(content: bytes, *, memory: int = rebuild.MEMORY, seconds: int = rebuild.SECONDS) -> bytes:
    """What a child with these limits answers."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", CHILD, rebuild.__file__, str(memory), str(seconds),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={},
    )  # fmt: skip
    answer, _ = await child.communicate(content)
    return answer


async def test_a_child_is_bounded() -> None:
    """It may take no more memory and time than is said, and leaves no picture of its memory."""
    limits = f"({rebuild.MEMORY}, {rebuild.MEMORY}) ({rebuild.SECONDS}, {rebuild.SECONDS}) (0, 0)\n"
    assert await bounded(b"hello") == pack(Verdict.TYPE, []) + limits.encode()


async def test_a_file_that_needs_too_much_memory_is_refused() -> None:
    """The machine of the fund is not a small file's to fill."""
    content = io.BytesIO()
    picture(4000, 3000).save(content, "PNG")
    assert (await bounded(content.getvalue()))[0] == Verdict.OK
    assert (await bounded(content.getvalue(), memory=96 * attachments.MEGABYTE))[0] in {
        Verdict.PIXELS,
        Verdict.BROKEN,
    }


async def test_a_file_that_needs_too_much_time_is_refused_as_broken() -> None:
    """A page that takes for ever to draw ends its child, and an answer that never came is a refusal."""
    with pytest.raises(NotRebuilt) as refused:
        unpack(await bounded(slow(), seconds=1))
    assert refused.value.verdict is Verdict.BROKEN


async def test_a_large_picture_is_made_smaller() -> None:
    """Pages are bounded, so that a case cannot fill the disk."""
    (page,) = await attachments.rebuilt(jpeg(size=(6000, 4000)))
    with Image.open(io.BytesIO(page)) as image:
        assert max(image.size) == rebuild.SIDE


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (b"", Verdict.TYPE),
        (b"hello", Verdict.TYPE),
        (b"PK\x03\x04 a document of an office", Verdict.TYPE),
        (b"GIF89a" + bytes(100), Verdict.TYPE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Verdict.TYPE),
        (b"\xff\xd8\xff\xe0" + bytes(100), Verdict.BROKEN),
        (jpeg()[:400], Verdict.BROKEN),
        (b"%PDF-1.7 broken", Verdict.BROKEN),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", Verdict.BROKEN),
        (b"\x00\x00\x00\x18ftypheic" + bytes(50), Verdict.BROKEN),
        (bomb(), Verdict.PIXELS),
        (pdf(pages=21), Verdict.PAGES),
        (pdf(password="secret"), Verdict.LOCKED),
    ],
    ids=range(13),
)
async def test_what_cannot_be_taken_says_why(content: bytes, verdict: Verdict) -> None:
    """A wrong type, a broken, locked, too long or exploding file each have their own reason."""
    with pytest.raises(NotRebuilt) as refused:
        await attachments.rebuilt(content)
    assert refused.value.verdict is verdict
    assert attachments.REASONS[verdict]


async def test_a_huge_page_is_drawn_within_bounds() -> None:
    """A PDF page may claim to be kilometres wide; it is drawn no larger than any other."""
    (page,) = await attachments.rebuilt(pdf(pages=1, size=14_000))
    with Image.open(io.BytesIO(page)) as image:
        assert max(image.size) <= rebuild.SIDE


async def test_the_type_is_found_by_content_and_not_by_name() -> None:
    """A PNG called anything is a PNG; the decoder of another type never sees it."""
    assert {name: kind_of(content) for name, content in KINDS.items()} == {
        "jpeg": "JPEG",
        "png": "PNG",
        "webp": "WEBP",
        "heic": "HEIF",
        "pdf": "PDF",
    }


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_pages_cross_the_pipe_whole(pages: list[bytes]) -> None:
    """What the child packs the parent unpacks, and an answer cut short is refused."""
    packed = pack(Verdict.OK, pages)
    assert unpack(packed) == pages
    if pages and pages[-1]:
        with pytest.raises(NotRebuilt):
            unpack(packed[:-1])


@given(st.binary(max_size=2000))
def test_no_answer_of_a_broken_child_is_believed(answer: bytes) -> None:
    """Whatever a child that went wrong writes, the parent gets pages or a refusal."""
    with contextlib.suppress(NotRebuilt):
        assert pack(Verdict.OK, unpack(answer)) == answer


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


async def test_two_files_are_rebuilt_side_by_side() -> None:
    """Children do not share anything that could mix up two people's files."""
    one, two = await asyncio.gather(attachments.rebuilt(KINDS["png"]), attachments.rebuilt(jpeg(3)))
    assert one != two


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
