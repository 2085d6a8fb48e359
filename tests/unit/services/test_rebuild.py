"""Files rebuilt as bare pixels, in a process of their own that is bounded, or refused with the reason."""

import asyncio
import contextlib
import io
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services import attachments, rebuild
from services.rebuild import NotRebuilt, Verdict, kind_of, pack, unpack
from tests.unit.services.pictures import KINDS, SECRET, bomb, exif, form, grey, jpeg, pdf, picture, slow

RED, BLUE = (254, 0, 0), (0, 0, 254)


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
    """Whether JPEG has kept a colour."""
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 12 for a, b in zip(pixel, colour, strict=True))


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


@given(st.integers(1000, 60_000), st.integers(1000, 60_000))
def test_every_page_is_one_that_telegram_takes(width: int, height: int) -> None:
    """Whatever its size, a picture makes few pages of a readable form that cover it whole, or is refused."""
    if max(width, height) > 49 * min(width, height):
        with pytest.raises(NotRebuilt):
            rebuild.cut(width, height)
        return
    boxes = rebuild.cut(width, height)
    assert 1 <= len(boxes) <= rebuild.PAGES
    for left, top, right, bottom in boxes:
        sides = sorted((right - left, bottom - top))
        assert sides[1] <= rebuild.LONG * sides[0] * 1.0001
    assert boxes[0][:2] == (0, 0)
    assert boxes[-1][2:] == (width, height)
    for before, after in pairwise(boxes):
        assert after[0] < before[2]
        assert after[1] < before[3]


@pytest.mark.parametrize(
    ("size", "pages"),
    [((1080, 2520), 1), ((1080, 12_000), 5), ((1080, 25_000), 10), ((3000, 19_000), 3), ((20_000, 1000), 9)],
)
async def test_a_long_picture_is_cut_into_pages(size: tuple[int, int], pages: int) -> None:
    """A screenshot of a whole conversation can be read: none of its pages is a thread of a few pixels."""
    content = io.BytesIO()
    Image.new("RGB", size, "white").save(content, "PNG")
    made = await attachments.rebuilt(content.getvalue())
    assert len(made) == pages
    for page in made:
        with Image.open(io.BytesIO(page)) as image:
            assert min(image.size) >= 860
            assert max(image.size) <= rebuild.SIDE


async def test_the_pages_of_a_long_picture_are_in_order() -> None:
    """They are read from top to bottom after the picture was turned, and nothing between two is lost."""
    steps = Image.new("RGB", (1600, 400))  # lies on its side: its left becomes the top
    for step in range(16):
        steps.paste((step * 16, 0, 0), (step * 100, 0, step * 100 + 100, 400))
    content = io.BytesIO()
    steps.save(content, "JPEG", exif=exif(6), quality=95)
    seen: list[object] = []
    for page in await attachments.rebuilt(content.getvalue()):
        with Image.open(io.BytesIO(page)) as image:
            assert image.width == 400
            seen += [image.getpixel((200, y)) for y in range(50, image.height, 100)]
    assert len(seen) == 16
    assert all(near(pixel, (step * 16, 0, 0)) for step, pixel in enumerate(seen))


async def test_a_long_page_of_a_pdf_is_cut_too() -> None:
    """A page of the web that was printed as one endless sheet is read in pieces, and these count as pages."""
    made = await attachments.rebuilt(pdf(pages=1, size=(600, 8000)))
    assert len(made) == 6
    for page in made:
        with Image.open(io.BytesIO(page)) as image:
            assert image.width >= 900
            assert image.height <= rebuild.SIDE


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
        (pdf(pages=4, size=(600, 8000)), Verdict.PAGES),
        (pdf(pages=1, size=(3, 14_000)), Verdict.PAGES),
        (jpeg(size=(100, 6000)), Verdict.PAGES),
        (pdf(password="secret"), Verdict.LOCKED),
    ],
    ids=range(16),
)
async def test_what_cannot_be_taken_says_why(content: bytes, verdict: Verdict) -> None:
    """A wrong type, a broken, locked, too long or exploding file each have their own reason."""
    with pytest.raises(NotRebuilt) as refused:
        await attachments.rebuilt(content)
    assert refused.value.verdict is verdict
    assert attachments.REASONS[verdict]


async def test_a_huge_page_is_drawn_within_bounds() -> None:
    """A PDF page may claim to be kilometres wide; it is drawn no larger than any other."""
    (page,) = await attachments.rebuilt(pdf(pages=1, size=(14_000, 14_000)))
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


async def test_two_files_are_rebuilt_side_by_side() -> None:
    """Children do not share anything that could mix up two people's files."""
    one, two = await asyncio.gather(attachments.rebuilt(KINDS["png"]), attachments.rebuilt(jpeg(3)))
    assert one != two
