"""OFAC's SDN list in its ADVANCED schema, `sdn_advanced.xml` (the United Nations' sanctions data model).

A file is a date of issue, reference values (what the numbers mean), locations, identity documents, the parties,
how they are related, and the sanctions entries with their programmes, in this order. Numbers are never taken as
known: they are looked up among the file's own reference values. The consolidated non-SDN file has the same schema
and is refused: it must not pass for the SDN list.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from models.policy import ListSource
from models.screening import EntryKind
from payments.screening.entries import Entry, Facts, Head, Item, ListRefused, Name, Programmes
from payments.screening.stream import Stream, local

NAMESPACES: Final = frozenset(
    {
        "https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/ADVANCED_XML",
        "http://www.un.org/sanctions/1.0",
    }
)
"""Since 2024, and before."""

ROOT: Final = "Sanctions"
RECORDS: Final = (
    "DateOfIssue", "CountryValues", "FeatureTypeValues", "ListValues", "PartyTypeValues", "PartySubTypeValues",
    "SanctionsTypeValues", "Location", "IDRegDocument", "DistinctParty", "ProfileRelationship", "SanctionsEntry",
    "SanctionsEntryLink",
)  # fmt: skip
SDN: Final = "SDN List"
CURRENCY: Final = "Digital Currency Address - "
PROGRAMME: Final = "Program"
INDIVIDUAL: Final = "Individual"
ENTITY: Final = "Entity"
COUNTRIES: Final = frozenset({"Nationality Country", "Citizenship Country"})
ALSO: Final = 8
"""Other names that a human is shown."""


@dataclass(slots=True)
class _Values:
    """Reference values by kind and number, and countries by location."""

    named: dict[tuple[str, str], str] = field(default_factory=dict)
    party_types: dict[str, str] = field(default_factory=dict)
    countries: dict[str, str] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    """The party of each profile."""

    def name(self, kind: str, number: str | None) -> str:
        return self.named.get((kind, number or ""), "")


def read(stream: Stream) -> Iterator[Item]:
    """The head first, then the parties, then their programmes. Raises `ListRefused`."""
    values, headed, parties, listed = _Values(), False, 0, False
    for record in stream.records(ROOT, RECORDS, check):
        kind = local(record)
        if kind == "DateOfIssue":
            yield Head(ListSource.OFAC, _issued(record))
            headed = True
        elif kind == "Location":
            _locate(record, values)
        elif kind == "DistinctParty":
            if not headed:
                raise ListRefused("the date of issue is missing")
            parties += 1
            yield _party(record, values)
        elif kind == "SanctionsEntry":
            listed = listed or values.name("List", record.get("ListID")) == SDN
            profile = record.get("ProfileID", "")
            yield Programmes(values.refs.get(profile, profile), _programmes(record, values))
        elif kind.endswith("Values"):
            _learn(record, values)
    if not parties:
        raise ListRefused("it lists nobody")
    if not listed:
        raise ListRefused(f"none of its entries is on the list {SDN!r}: another of OFAC's lists, or cut short")


def check(root: etree._Element) -> None:
    """Refuse what is no list of this schema."""
    name = etree.QName(root)
    if name.localname != ROOT or name.namespace not in NAMESPACES:
        raise ListRefused(f"its first element is {name.text[:120]}, not that of the SDN list's ADVANCED schema")


def _learn(values_of: etree._Element, values: _Values) -> None:
    for value in values_of:
        number = value.get("ID")
        if number is not None:
            values.named[local(value), number] = (value.text or "").strip()
        if number is not None and (party_type := value.get("PartyTypeID")):
            values.party_types[number] = party_type


def _locate(location: etree._Element, values: _Values) -> None:
    for country in location.iterfind("{*}LocationCountry"):
        if name := values.name("Country", country.get("CountryID")):
            values.countries[location.get("ID", "")] = name


def _issued(issued: etree._Element) -> datetime:
    parts = {local(part): part.text or "" for part in issued}
    try:
        return datetime(int(parts["Year"]), int(parts["Month"]), int(parts["Day"]), tzinfo=UTC)
    except (KeyError, ValueError, OverflowError):
        raise ListRefused("its date of issue is no date") from None


def _party(party: etree._Element, values: _Values) -> Entry:
    ref = party.get("FixedRef")
    profile = party.find("{*}Profile")
    if not ref or profile is None:
        raise ListRefused("a party without a number or without a profile")
    values.refs[profile.get("ID", ref)] = ref
    names = _names(profile)
    if not names:
        raise ListRefused(f"the party {ref[:20]} has no name")
    features = list(_features(party, values))
    facts = Facts(
        born=tuple(detail for kind, detail in features if kind == "Birthdate" and detail),
        places=tuple(detail for kind, detail in features if kind == "Place of Birth" and detail),
        countries=tuple(sorted({detail for kind, detail in features if kind in COUNTRIES and detail})),
        also=tuple(name.text for name in names[1 : ALSO + 1]),
    )
    addresses = [(kind.removeprefix(CURRENCY), detail) for kind, detail in features if kind.startswith(CURRENCY)]
    if any(not detail for _, detail in addresses):
        raise ListRefused(f"the party {ref[:20]} has an empty digital-currency address")
    return Entry(ref, _kind(profile, values), names, facts, tuple(addresses))


def _kind(profile: etree._Element, values: _Values) -> EntryKind:
    party_type = values.name("PartyType", values.party_types.get(profile.get("PartySubTypeID", "")))
    kinds: Mapping[str, EntryKind] = {INDIVIDUAL: EntryKind.PERSON, ENTITY: EntryKind.ENTITY}
    return kinds.get(party_type, EntryKind.OTHER)


def _names(profile: etree._Element) -> tuple[Name, ...]:
    """All names, the primary one first: each script's variant is a name of its own."""
    found: dict[Name, bool] = {}
    for alias in profile.iterfind("{*}Identity/{*}Alias"):
        weak, primary = alias.get("LowQuality") == "true", alias.get("Primary") == "true"
        for documented in alias.iterfind("{*}DocumentedName"):
            parts = (part.text or "" for part in documented.iterfind("{*}DocumentedNamePart/{*}NamePartValue"))
            text = " ".join(" ".join(parts).split())
            if text:
                found.setdefault(Name(text, weak), primary)
    return tuple(sorted(found, key=lambda name: not found[name]))


def _features(party: etree._Element, values: _Values) -> Iterator[tuple[str, str]]:
    """Kind and content of each version of each feature; a feature may stand in the profile or beside it."""
    for feature in party.iter("{*}Feature"):
        kind = values.name("FeatureType", feature.get("FeatureTypeID"))
        for version in feature.iterfind("{*}FeatureVersion"):
            if kind in COUNTRIES:
                for location in version.iterfind("{*}VersionLocation"):
                    yield kind, values.countries.get(location.get("LocationID", ""), "")
            elif kind == "Birthdate":
                yield kind, _period(version)
            else:
                yield (
                    kind,
                    " ".join(
                        " ".join(detail.text or "" for detail in version.iterfind("{*}VersionDetail")).split()
                    ),
                )


def _period(version: etree._Element) -> str:
    """A date or a span of dates, as `1962-11-23` or `1960-01-01 to 1961-12-31`."""
    start, end = (
        "-".join((part.text or "").zfill(2) for part in version.iterfind(f"{{*}}DatePeriod/{{*}}{way}/*"))
        for way in ("Start/{*}From", "End/{*}To")
    )
    return start if start == end or not end else f"{start} to {end}"


def _programmes(entry: etree._Element, values: _Values) -> tuple[str, ...]:
    return tuple(
        (measure.findtext("{*}Comment") or "").strip()
        for measure in entry.iterfind("{*}SanctionsMeasure")
        if values.name("SanctionsType", measure.get("SanctionsTypeID")) == PROGRAMME
        and measure.findtext("{*}Comment")
    )
