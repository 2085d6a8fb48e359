"""Rebuild a document or photo as bare pixels, in a process of its own.

    python -I services/rebuild.py < file > pages

What comes in is hostile until proven otherwise: it is decoded in a child process with a limit on memory and
processor time, which is started for one file and holds no key, no database and no other file.

- The type is found by content, never by name: JPEG, PNG, WebP, HEIC, PDF; anything else is refused.
- Pixels are bounded before anything is decoded, pages are counted before any is drawn.
- What is much longer than broad, as a screenshot of a whole conversation or a till's receipt, is cut into pages:
  Telegram takes no photo that is longer than twenty breadths, and shows a long one too small to be read.
- The orientation is applied, the pixels are copied into a new picture, and that is written as JPEG: EXIF, XMP,
  ICC, comments, thumbnails, layers, scripts and text behind the page have no way across.

The answer is one status byte (a member of `Verdict`) and, for `OK`, each page with its length before it. This file
imports none of the fund's packages, so that it can be run alone.
"""

import io
import math
import resource
import sys
from collections.abc import Iterator
from enum import IntEnum
from importlib import import_module
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

LIMIT: Final = 20 * 1024 * 1024
"""Bytes of a file that a bot may download (Bot API, getFile)."""

MEMORY: Final = 1024 * 1024 * 1024
SECONDS: Final = 20
"""Of processor time; twenty scanned pages take half of it at most."""

PIXELS: Final = 60_000_000
"""The largest telephone cameras make 50 megapixels; a bomb claims more."""

SIDE: Final = 2400
"""Longest side of a rebuilt page, in pixels: small print on A4 stays readable."""

LONG: Final = 2.5
"""Longest page, in its breadths: the screen of a telephone fits on one; Telegram takes 20 (Bot API, sendPhoto)."""

LAP: Final = 1 / 16
"""What a page repeats of the one before, in breadths: a line that is cut in half on one is whole on the other."""

PAGES: Final = 20
QUALITY: Final = 85
LENGTH_BYTES: Final = 4

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of what becomes a page."""


class Verdict(IntEnum):
    """What became of the file."""

    OK = 0
    TYPE = 1
    BROKEN = 2
    PIXELS = 3
    PAGES = 4
    LOCKED = 5
    """A PDF that asks for a password."""


class NotRebuilt(Exception):
    """The file was refused; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.name)
        self.verdict = verdict


def kind_of(data: bytes) -> str:
    """The format in Pillow's words, or `PDF`, by the first bytes. Raises `NotRebuilt`."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"}:
        return "HEIF"
    if b"%PDF-" in data[:1024]:
        return "PDF"
    raise NotRebuilt(Verdict.TYPE)


def rebuild(data: bytes) -> list[bytes]:
    """The pages of a file as bare JPEGs. Raises `NotRebuilt`."""
    kind = kind_of(data)
    return list(_pdf_pages(data) if kind == "PDF" else _picture_pages(data, kind))


def cut(width: float, height: float) -> list[Box]:
    """The pages that a picture of this size makes, as it is read. Raises `NotRebuilt` when they are too many."""
    breadth, length = min(width, height), max(width, height)
    if breadth <= 0:
        raise NotRebuilt(Verdict.BROKEN)
    lap = breadth * LAP
    wanted = (length - lap) / (breadth * LONG - lap)
    if wanted > PAGES:
        raise NotRebuilt(Verdict.PAGES)
    count = math.ceil(wanted)
    step = (length - lap) / count  # all of one length: a last one that is a sliver would be no photo either
    spans = [(number * step, min((number + 1) * step + lap, length)) for number in range(count)]
    return [(0, begin, width, end) if height > width else (begin, 0, end, height) for begin, end in spans]


def pack(verdict: Verdict, pages: list[bytes]) -> bytes:
    """The answer of the child process."""
    return bytes([verdict]) + b"".join(len(page).to_bytes(LENGTH_BYTES, "big") + page for page in pages)


def unpack(answer: bytes) -> list[bytes]:
    """The pages in an answer. Raises `NotRebuilt`, also for an answer that was cut short."""
    if not answer:
        raise NotRebuilt(Verdict.BROKEN)
    if answer[0] != Verdict.OK:
        raise NotRebuilt(Verdict(answer[0]) if answer[0] in set(Verdict) else Verdict.BROKEN)
    pages, start = [], 1
    while start < len(answer):
        end = start + LENGTH_BYTES + int.from_bytes(answer[start : start + LENGTH_BYTES], "big")
        if end > len(answer):
            raise NotRebuilt(Verdict.BROKEN)
        pages.append(answer[start + LENGTH_BYTES : end])
        start = end
    return pages


def main(source: IO[bytes], target: IO[bytes]) -> None:
    """Read one file, write the answer."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no picture of the memory on the disk
    try:
        answer = pack(Verdict.OK, rebuild(source.read(LIMIT + 1)))
    except NotRebuilt as refused:
        answer = pack(refused.verdict, [])
    except MemoryError:
        answer = pack(Verdict.PIXELS, [])
    except Exception:  # noqa: BLE001 - decoders raise anything at all on a broken file, and nothing may be told of it
        answer = pack(Verdict.BROKEN, [])
    target.write(answer)
    target.flush()


def _picture_pages(data: bytes, kind: str) -> Iterator[bytes]:
    from PIL import Image, ImageOps  # noqa: PLC0415 - only the child needs decoders

    if kind == "HEIF":
        import_module("pillow_heif").register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = PIXELS
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as opened:
            if opened.width * opened.height > PIXELS:
                raise NotRebuilt(Verdict.PIXELS)
            opened.draft("RGB", (SIDE, SIDE))
            upright = ImageOps.exif_transpose(opened)
    except Image.DecompressionBombError:
        raise NotRebuilt(Verdict.PIXELS) from None
    boxes = cut(*upright.size)
    for box in boxes:
        yield _bare(upright.crop(box) if len(boxes) > 1 else upright)  # a copy of the whole is memory for nothing


def _pdf_pages(data: bytes) -> Iterator[bytes]:
    pypdfium2 = import_module("pypdfium2")  # only the child needs decoders
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        raise NotRebuilt(Verdict.LOCKED if locked else Verdict.BROKEN) from None
    document.init_forms()  # else what was filled in is not drawn
    if len(document) > PAGES:
        raise NotRebuilt(Verdict.PAGES)
    if len(document) == 0:
        raise NotRebuilt(Verdict.BROKEN)
    layout = [cut(*document.get_page_size(number)) for number in range(len(document))]
    if sum(len(boxes) for boxes in layout) > PAGES:
        raise NotRebuilt(Verdict.PAGES)
    for page, boxes in zip(document, layout, strict=True):
        width, height = page.get_size()
        for left, top, right, bottom in boxes:
            longest = max(right - left, bottom - top)
            scale = min(SIDE / max(longest, 1.0), 200 / 72)  # points are 72 to the inch; 200 dpi is a good scan
            around = (left, height - bottom, width - right, top)
            yield _bare(page.render(scale=scale, crop=around).to_pil())


def _bare(image: "Picture") -> bytes:
    from PIL import Image  # noqa: PLC0415 - only the child needs decoders

    deep = image.mode == "I" or image.mode.startswith("I;16")
    if deep:
        image = image.convert("I")
    image.thumbnail((SIDE, SIDE))
    if deep:  # 16 bits of grey: Pillow's own conversion makes all above 255 white
        image = image.point(lambda level: level * (1 / 256)).convert("L")
    if image.mode in {"RGBA", "LA", "PA", "P"}:
        layered = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered)
    plain = image.convert("RGB")
    copied = Image.frombytes("RGB", plain.size, plain.tobytes())
    written = io.BytesIO()
    copied.save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
