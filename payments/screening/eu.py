"""The EU's consolidated list of financial sanctions, `xmlFullSanctionsList` 1.1.

The root `export` bears the date of generation; each `sanctionEntity` beneath it is an entry, with names, births
and citizenships in attributes. `strong="false"` marks a weak alias. The list has no kind of its own for
digital-currency addresses; identifications whose number looks like one are taken as such, since missing one is
worse than a match with something that is none.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from models.policy import ListSource
from models.screening import EntryKind
from payments.screening.addresses import BECH32, HEX
from payments.screening.entries import Entry, Facts, Head, Item, ListRefused, Name
from payments.screening.shapes import BASE58
from payments.screening.stream import Stream

NAMESPACE: Final = "http://eu.europa.ec/fpi/fsd/export"
ROOT: Final = "export"
KINDS: Final = {"P": EntryKind.PERSON, "E": EntryKind.ENTITY}
UNKNOWN: Final = "UNKNOWN"
ALSO: Final = 8


def read(stream: Stream) -> Iterator[Item]:
    """The head first, then the entries. Raises `ListRefused`."""
    entries = 0
    for record in stream.records(ROOT, ("sanctionEntity",), check):
        if not entries:
            yield Head(ListSource.EU, _generated(stream.root))
        entries += 1
        yield _entity(record)
    if not entries:
        raise ListRefused("it lists nobody")


def check(root: etree._Element) -> None:
    """Refuse what is no list of this schema."""
    name = etree.QName(root)
    if name.localname != ROOT or name.namespace != NAMESPACE:
        raise ListRefused(f"its first element is {name.text[:120]}, not that of the EU's list")
    _generated(root)


def _generated(root: etree._Element) -> datetime:
    try:
        generated = datetime.fromisoformat(root.get("generationDate", ""))
        return generated.astimezone(UTC) if generated.tzinfo else generated.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ListRefused("its date of generation is no date") from None


def _entity(entity: etree._Element) -> Entry:
    ref = entity.get("logicalId")
    if not ref:
        raise ListRefused("an entry without a number")
    names = _names(entity)
    if not names:
        raise ListRefused(f"the entry {ref[:20]} has no name")
    births = list(entity.iterfind("{*}birthdate"))
    kind = entity.find("{*}subjectType")
    facts = Facts(
        born=_once(birth.get("birthdate") or birth.get("year") for birth in births),
        places=_once(
            ", ".join(part for part in (birth.get("city"), birth.get("place"), _country(birth)) if part)
            for birth in births
        ),
        countries=_once(_country(citizenship) for citizenship in entity.iterfind("{*}citizenship")),
        also=tuple(name.text for name in names[1 : ALSO + 1]),
    )
    return Entry(
        entity.get("euReferenceNumber") or ref,
        KINDS.get(kind.get("classificationCode", "") if kind is not None else "", EntryKind.OTHER),
        names,
        facts,
        tuple(_addresses(entity)),
        _once(regulation.get("programme") for regulation in entity.iterfind("{*}regulation")),
    )


def _names(entity: etree._Element) -> tuple[Name, ...]:
    """All names, strong ones first; the parts by themselves where there is no whole name."""
    found: dict[Name, None] = {}
    for alias in entity.iterfind("{*}nameAlias"):
        parts = " ".join(alias.get(part, "") for part in ("firstName", "middleName", "lastName"))
        text = " ".join((alias.get("wholeName") or parts).split())
        if text:
            found.setdefault(Name(text, alias.get("strong") == "false"))
    return tuple(sorted(found, key=lambda name: name.weak))


def _addresses(entity: etree._Element) -> Iterator[tuple[str, str]]:
    for identification in entity.iterfind("{*}identification"):
        number = (identification.get("number") or "").strip()
        label = identification.get("identificationTypeDescription") or identification.get("identificationTypeCode")
        is_hex = number.lower().startswith("0x") and HEX.fullmatch(number)
        if is_hex or BECH32.fullmatch(number.lower()) or BASE58.fullmatch(number):
            yield (label or "")[:32], number


def _country(element: etree._Element) -> str:
    described = element.get("countryDescription", "")
    return "" if described == UNKNOWN else described


def _once(values: Iterator[str | None]) -> tuple[str, ...]:
    """What is there, each once, in the order in which it stands."""
    return tuple(dict.fromkeys(value.strip() for value in values if value and value.strip()))
