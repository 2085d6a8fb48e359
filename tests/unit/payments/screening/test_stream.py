"""A hostile or damaged file is refused with one clear line, soon, and without much memory."""

import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from models.policy import ListSource
from models.screening import EntryKind
from payments.screening import ofac, stream
from payments.screening.entries import Entry, Facts, Head, Item, ListRefused, Name, Programmes
from payments.screening.reading import reading
from payments.screening.stream import Stream, sha256_of
from tests.unit.payments.screening.published import (
    EU_NAMESPACE,
    SDN_NAMESPACE,
    Alias,
    Eu,
    Party,
    Sdn,
    person,
    write,
)

LAUGHS = (
    '<!DOCTYPE Sanctions [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
HEAD = '<?xml version="1.0" encoding="utf-8"?>'
WHOLE = "".join(Sdn([person(1, "PETROV Ivan")]))


def read(path: Path) -> list[Item]:
    """All items of a file."""
    with reading(path, lambda _: None) as found:
        return list(found.items)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not XML"),
        ("PK\x03\x04 no zip", "not XML"),
        ("{}", "not XML"),
        (HEAD, "not XML"),
        (f"{HEAD}<html/>", "neither OFAC's ADVANCED schema nor the EU's"),
        (f'{HEAD}<Sanctions xmlns="http://example.org/"/>', "neither OFAC"),
        (f"{HEAD}<Sanctions/>", "neither OFAC"),
        (f'{HEAD}<export xmlns="{SDN_NAMESPACE}"/>', "neither OFAC"),
        (f'{HEAD}<Sanctions xmlns="{SDN_NAMESPACE}"/>', "it lists nobody"),
        (f'{HEAD}<export xmlns="{EU_NAMESPACE}"/>', "date of generation"),
        (f'{HEAD}<export xmlns="{EU_NAMESPACE}" generationDate="2026-03-01T00:00:00"/>', "it lists nobody"),
        (f'{HEAD}<export xmlns="{EU_NAMESPACE}" generationDate="yesterday"/>', "date of generation"),
        (
            f'{HEAD}<export xmlns="{EU_NAMESPACE}" generationDate="0001-01-01T00:00:00+01:00"/>',
            "date of generation",
        ),
        (WHOLE[:-30], "not well-formed XML, or cut off"),
        (WHOLE[: len(WHOLE) // 2], "not well-formed XML, or cut off"),
        (WHOLE + "<more/>", "not well-formed XML"),
        (WHOLE.replace("<Year>2026</Year>", "<Year>soon</Year>"), "no date"),
        (WHOLE.replace("<Year>2026</Year>", f"<Year>{10**20}</Year>"), "no date"),
        (WHOLE.replace("<Month>3</Month>", "<Month>13</Month>"), "no date"),
        (WHOLE.replace("SDN List", "Consolidated List"), "another of OFAC's lists"),
        (WHOLE.replace("PETROV", "").replace("Ivan", ""), "has no name"),
        (WHOLE.replace(' FixedRef="1"', "", 1), "a party without a number"),
        ("".join(Sdn([], head=HEAD + LAUGHS)), "document type"),
        (
            "".join(Sdn([person(1, "A B")], head=HEAD + LAUGHS)).replace("<Comment/>", "<Comment>&i;</Comment>"),
            "docu",
        ),
        (
            "".join(Eu([person(1, "A B")], head=HEAD + '<!DOCTYPE export SYSTEM "file:///etc/passwd">')),
            "document type",
        ),
        (
            "".join(Sdn([], head=HEAD + '<!DOCTYPE Sanctions PUBLIC "x" "http://127.0.0.1:9/x.dtd">')),
            "document type",
        ),
        (WHOLE.replace("<Comment/>", "<Comment>&undeclared;</Comment>"), "not well-formed"),
        (WHOLE.replace("<Comment/>", "<Comment>" + "<a>" * 300 + "</a>" * 300 + "</Comment>"), "not well-formed"),
        (WHOLE.replace("<Comment/>", "<Comment>" + "<a/>" * 4_300_000 + "</Comment>"), "implausibly large"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: str, said: str) -> None:
    """Each fault has its line, and nothing of the file is said in it beyond its first element."""
    path = tmp_path / "list.xml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ListRefused) as refused:
        read(path)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 250


def test_an_external_entity_is_not_read(tmp_path: Path) -> None:
    """A file of this machine named as an entity stays unread, whatever the encoding of the declaration."""
    secret = tmp_path / "secret"
    secret.write_text("PETROV Ivan", encoding="utf-8")
    content = "".join(
        Sdn([person(1, "&x;")], head=f'{HEAD}<!DOCTYPE Sanctions [<!ENTITY x SYSTEM "{secret.as_uri()}">]>')
    ).replace("&amp;x;", "&x;")
    for encoding in ("utf-8", "utf-16"):
        path = tmp_path / "list.xml"
        path.write_bytes(content.replace("utf-8", encoding).encode(encoding))
        with pytest.raises(ListRefused, match="document type"):
            read(path)


class Endless(io.RawIOBase):
    """A file that goes on with one letter until a gigabyte is full, without ever being in memory."""

    def __init__(self, start: str, end: str) -> None:
        self._pieces = self._go_on(start.encode(), end.encode())
        self.given = 0

    def _go_on(self, start: bytes, end: bytes) -> Iterator[bytes]:
        yield start
        for _ in range(1 << 14):
            yield b"a" * (1 << 16)
        yield end

    def read(self, _: int = -1) -> bytes:
        """The next piece."""
        piece = next(self._pieces, b"")
        self.given += len(piece)
        return piece


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (f'{HEAD}<Sanctions xmlns="{SDN_NAMESPACE}" Version="', '"/>'),
        (f'{HEAD}<Sanctions xmlns="{SDN_NAMESPACE}"><DistinctParties><DistinctParty FixedRef="', '"/>'),
        (f'{HEAD}<Sanctions xmlns="{SDN_NAMESPACE}"><DistinctParties><DistinctParty><Comment>', "</Comment>"),
        (f'{HEAD}<Sanctions xmlns="{SDN_NAMESPACE}"><!--', "-->"),
        (f"{HEAD}<", "/>"),
    ],
    ids=["root attribute", "attribute", "text", "comment", "name"],
)
def test_a_gigabyte_in_one_piece_is_refused_early(start: str, end: str) -> None:
    """An attribute, a text, a comment or a name of a gigabyte stops the reading after a small part of it."""
    file = Endless(start, end)
    tracemalloc.start()
    with pytest.raises(ListRefused):
        list(ofac.read(Stream(file, lambda _: None)))  # type: ignore[arg-type] # only `read` is used of it
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert file.given < 1 << 26
    assert peak < 1 << 26


@pytest.mark.parametrize("names", [[], ["a.xml", "b.xml"], ["a.txt"]])
def test_a_zip_holds_one_list(tmp_path: Path, names: list[str]) -> None:
    """An archive with no XML file, or with two, is not guessed about."""
    path = tmp_path / "list.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, WHOLE)
    with pytest.raises(ListRefused, match="XML files, not one"):
        read(path)


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    """A flipped byte inside an archive is one line, not a traceback."""
    path = write(tmp_path / "list.zip", [WHOLE])
    content = bytearray(path.read_bytes())
    content[80] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ListRefused):
        read(path)


def test_a_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that would unpack to more than any list is not unpacked to its end."""
    monkeypatch.setattr(stream, "LARGEST", 1 << 24)
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("a.xml", "w") as file,
    ):
        for _ in range(5):
            file.write(b" " * (1 << 22))
    assert path.stat().st_size < 1 << 16
    with pytest.raises(ListRefused, match="larger than"):
        sha256_of(path)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """There is no such file: said so."""
    with pytest.raises(ListRefused, match="cannot be read"):
        read(tmp_path / "missing.xml")


def test_all_that_ofac_says_of_a_party_is_read(tmp_path: Path) -> None:
    """Names in each script, the primary one first; weak aliases, birth, citizenship, wallets, programmes."""
    party = Party(
        7,
        [Alias(["PETROV", "Ivan"]), Alias(["Петров", "Иван"], "Cyrillic"), Alias(["Vanya"], low_quality=True)],
        born=date(1970, 1, 2),
        addresses=[
            ("XBT", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
            ("USDT", "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B"),
        ],
        programmes=["RUSSIA-EO14024", "CYBER2"],
    )
    head, entry, programmes = read(write(tmp_path / "sdn.xml", Sdn([party])))
    assert isinstance(head, Head)
    assert (head.source, head.dated.date()) == (ListSource.OFAC, date(2026, 3, 1))
    assert isinstance(entry, Entry)
    assert entry.names == (Name("PETROV Ivan"), Name("Петров Иван"), Name("Vanya", weak=True))
    assert (entry.ref, entry.kind) == ("7", EntryKind.PERSON)
    assert entry.facts == Facts(
        ("1970-01-02",), ("Leningrad, Russia",), ("Russia",), ("Петров Иван", "Vanya"),
    )  # fmt: skip
    assert entry.addresses == tuple(party.addresses)
    assert programmes == Programmes("7", ("RUSSIA-EO14024", "CYBER2"))


@pytest.mark.parametrize("kind", ["sdn", "eu"])
def test_a_longer_list_takes_no_more_memory(tmp_path: Path, kind: str) -> None:
    """However many are listed, no more elements are kept at once than a piece of the file has."""

    def most(parties: int) -> int:
        listed = (person(number, f"PETROV Ivan{number}") for number in range(parties))
        pieces = Sdn(listed) if kind == "sdn" else Eu(listed)
        with reading(write(tmp_path / f"{kind}.xml", pieces), lambda _: None) as found:
            kept = [sum(1 for _ in found.stream.root.iter()) for n, _ in enumerate(found.items) if n % 50 == 1]
        assert len(kept) > parties // 60
        return max(kept)

    assert most(4000) < 1.2 * most(1000)


def test_all_that_the_eu_says_of_an_entity_is_read(tmp_path: Path) -> None:
    """Names, strong ones first, birth, place, citizenship, programme, and the date with its zone."""
    party = Party(
        7,
        [Alias(["Vanya"], low_quality=True), Alias(["Ivan", "PETROV"])],
        born=date(1970, 1, 2),
        programmes=["UKR"],
    )
    head, entry = read(write(tmp_path / "eu.xml", Eu([party])))
    assert isinstance(head, Head)
    assert head.dated.isoformat() == "2026-03-01T16:00:34.049000+00:00"
    assert isinstance(entry, Entry)
    assert entry.names == (Name("Ivan PETROV"), Name("Vanya", weak=True))
    assert entry.facts == Facts(
        ("1970-01-02",), ("Leningrad, RUSSIAN FEDERATION",), ("RUSSIAN FEDERATION",), ("Vanya",)
    )
    assert (entry.ref, entry.programmes) == ("EU.7.1", ("UKR",))


def test_what_looks_like_an_address_among_the_eus_identifications_is_one(tmp_path: Path) -> None:
    """Of every shape, base58 too: a listed wallet of Bitcoin's or Tron's kind is not dropped; passports are."""
    addresses = (
        "0x098B716B8Aaf21512996DC57EB0615e2383E2f96",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
        "TLa2f6VPqDgRE67v1736s7bJ8Ray5wYjU7",
    )
    more = "".join(
        f'<identification identificationTypeCode="other" number=" {number}"/>'
        for number in (*addresses, "75 1234567", "1027700132195", "DE89370400440532013000")
    )
    _, entry = read(write(tmp_path / "eu.xml", Eu([Party(7, [Alias(["Ivan", "PETROV"])], more=more)])))
    assert isinstance(entry, Entry)
    assert [address for _, address in entry.addresses] == list(addresses)


@pytest.mark.parametrize(("kind", "expected"), [("person", "person"), ("entity", "entity"), ("vessel", "other")])
def test_kinds_are_looked_up_among_the_files_own_values(tmp_path: Path, kind: str, expected: str) -> None:
    """What a party is comes from the file's reference values, never from a known number."""
    _, entry, _ = read(write(tmp_path / "sdn.xml", Sdn([Party(1, [Alias(["STAR"])], kind)])))
    assert isinstance(entry, Entry)
    assert entry.kind == EntryKind(expected)


def test_an_older_namespace_and_another_order_of_attributes_are_read(tmp_path: Path) -> None:
    """Files of before 2024 have the United Nations' namespace."""
    found = read(write(tmp_path / "sdn.xml", Sdn([person(1, "A B")], namespace="http://www.un.org/sanctions/1.0")))
    assert len(found) == 3


def test_a_digest_changes_with_who_it_is_and_not_with_programmes() -> None:
    """A decision holds until the entry's identity changes; another sanctions programme changes nobody."""
    entry = Entry("1", EntryKind.PERSON, (Name("A B"), Name("C D")), Facts(born=("1970",), also=("C D",)))
    same = Entry("1", EntryKind.PERSON, (Name("C D"), Name("A B")), Facts(born=("1970",)), programmes=("X",))
    other = Entry("1", EntryKind.PERSON, (Name("A B"), Name("C D")), Facts(born=("1971",)))
    assert entry.digest == same.digest != other.digest
