"""Files as people send them, each with something hidden in it that must not survive."""

import io
import struct
import zlib
from collections.abc import Mapping

import pikepdf
import pillow_heif
from PIL import Image, ImageDraw, PngImagePlugin

SECRET = b"canary-metadata"


def picture(width: int = 320, height: int = 200) -> Image.Image:
    """A picture whose top left corner is red and the rest blue."""
    image = Image.new("RGB", (width, height), "blue")
    ImageDraw.Draw(image).rectangle((0, 0, width // 4, height // 4), fill="red")
    return image


def exif(orientation: int = 1) -> bytes:
    """EXIF with an author, a place and an orientation."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x013B] = SECRET.decode()
    tags[0x010E] = SECRET.decode()
    tags.get_ifd(0x8825)[1] = "N"
    tags.get_ifd(0x8825)[2] = (55.0, 45.0, 21.0)
    return tags.tobytes()


def jpeg(orientation: int = 1, size: tuple[int, int] = (320, 200)) -> bytes:
    """A JPEG with EXIF, a comment, a colour profile, and a tail behind its end."""
    out = io.BytesIO()
    picture(*size).save(out, "JPEG", exif=exif(orientation), comment=SECRET, icc_profile=SECRET * 20, quality=95)
    return out.getvalue() + SECRET


def png() -> bytes:
    """A transparent PNG with text chunks, compressed and not, and XMP."""
    hidden = PngImagePlugin.PngInfo()
    hidden.add_text("Author", SECRET.decode())
    hidden.add_itxt("XML:com.adobe.xmp", f"<x>{SECRET.decode()}</x>", zip=True)
    out = io.BytesIO()
    picture().convert("RGBA").save(out, "PNG", pnginfo=hidden, exif=exif())
    return out.getvalue()


def webp() -> bytes:
    """A WebP with EXIF and XMP."""
    out = io.BytesIO()
    picture().save(out, "WEBP", exif=exif(), xmp=SECRET)
    return out.getvalue()


def heic() -> bytes:
    """A HEIC with EXIF, as telephones make them."""
    out = io.BytesIO()
    pillow_heif.from_pillow(picture()).save(out, exif=exif(), quality=90)
    return out.getvalue()


def pdf(pages: int = 2, size: tuple[float, float] = (300, 300), password: str | None = None) -> bytes:
    """A PDF with an author, a script and an attached file."""
    made = pikepdf.new()
    for _ in range(pages):
        made.add_blank_page(page_size=size)
    made.docinfo["/Author"] = SECRET.decode()
    made.attachments["hidden.txt"] = SECRET
    made.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=SECRET.decode())
    out = io.BytesIO()
    locked = pikepdf.Encryption(user=password, owner=password) if password else False
    made.save(out, encryption=locked)
    return out.getvalue()


def form(words: str = "filled in by hand") -> bytes:
    """A PDF page with one field of a form, filled in; how it looks is in the field, not on the page."""
    made = pikepdf.new()
    made.add_blank_page(page_size=(300, 150))
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=made.make_indirect(font)))
    look = made.make_stream(f"/Tx BMC BT /Helv 24 Tf 0 g 5 10 Td ({words}) Tj ET EMC".encode())
    look.Type, look.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
    look.BBox, look.Resources = pikepdf.Array([0, 0, 280, 40]), resources
    field = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T="field", V=words, F=4,
        Rect=pikepdf.Array([10, 30, 290, 70]), DA="/Helv 24 Tf 0 g", AP=pikepdf.Dictionary(N=look),
    )  # fmt: skip
    fields = pikepdf.Array([made.make_indirect(field)])
    made.pages[0].Annots = fields
    made.Root.AcroForm = made.make_indirect(pikepdf.Dictionary(Fields=fields, DR=resources, DA="/Helv 24 Tf 0 g"))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def grey(depth: int = 65_535) -> bytes:
    """A PNG of 16 bits of grey, as scanners make them: from black on the left to white on the right."""
    out = io.BytesIO()
    row = b"".join((level * depth // 255).to_bytes(2, "little") for level in range(256))
    Image.frombytes("I;16", (256, 128), row * 128).save(out, "PNG")
    return out.getvalue()


def slow() -> bytes:
    """A PDF of some kilobytes that takes minutes to draw: thousands of transparent layers over the whole page."""
    made = pikepdf.new()
    made.add_blank_page(page_size=(2000, 2000))
    state = pikepdf.Dictionary(Type=pikepdf.Name.ExtGState, ca=0.5, BM=pikepdf.Name.Luminosity)
    made.pages[0].Resources = pikepdf.Dictionary(ExtGState=pikepdf.Dictionary(G=state))
    made.pages[0].Contents = made.make_stream(b"/G gs " + b"0 0 2000 2000 re 1 0 0 rg f " * 5000)
    out = io.BytesIO()
    made.save(out, compress_streams=True)
    return out.getvalue()


def bomb(side: int = 40_000) -> bytes:
    """A PNG of a few bytes that claims more than a gigapixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


KINDS: Mapping[str, bytes] = {"jpeg": jpeg(), "png": png(), "webp": webp(), "heic": heic(), "pdf": pdf()}
