"""Lists as their publishers write them, made here: no real list is in this project.

`sdn` follows OFAC's ADVANCED schema (the United Nations' sanctions data model) section by section, `eu` the EU's
`xmlFullSanctionsList` 1.1 attribute by attribute. Whoever is named is invented.
"""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape, quoteattr

SDN_NAMESPACE: Final = "https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/ADVANCED_XML"
EU_NAMESPACE: Final = "http://eu.europa.ec/fpi/fsd/export"
CURRENCIES: Final = {
    "XBT": 344,
    "ETH": 345,
    "XMR": 444,
    "LTC": 566,
    "BCH": 726,
    "USDT": 887,
    "TRX": 992,
    "USDC": 998,
}
SCRIPTS: Final = {"Latin": 215, "Cyrillic": 220, "Arabic": 160}
SUBTYPES: Final = {"vessel": 1, "aircraft": 2, "entity": 3, "person": 4}
RUSSIA: Final = 11177


@dataclass(frozen=True)
class Alias:
    """One documented name: its parts with the script that they are in."""

    parts: Sequence[str]
    script: str = "Latin"
    low_quality: bool = False


@dataclass(frozen=True)
class Party:
    """One entry of either list."""

    number: int
    names: Sequence[Alias]
    kind: str = "person"
    born: date | None = None
    addresses: Sequence[tuple[str, str]] = ()
    programmes: Sequence[str] = ("RUSSIA-EO14024",)
    more: str = ""
    """XML put into the profile as it is."""


def person(number: int, *names: str, **more: object) -> Party:
    """A person with these names, the first one primary."""
    aliases = [
        Alias(name.split(), "Cyrillic" if any("а" <= sign <= "я" for sign in name.lower()) else "Latin")
        for name in names
    ]
    return Party(number, aliases, **more)  # type: ignore[arg-type] # fields by keyword


@dataclass
class Sdn:
    """A whole file. `body` replaces the parties, `head` what stands before the root."""

    parties: Iterable[Party]
    issued: date = date(2026, 3, 1)
    namespace: str = SDN_NAMESPACE
    listed: str = "SDN List"
    head: str = '<?xml version="1.0" encoding="utf-8"?>'
    numbers: list[tuple[int, Sequence[str]]] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        """The file in pieces, so that a large one is never whole in memory."""
        yield f'{self.head}<Sanctions xmlns="{self.namespace}" Version="1">'
        yield f'<DateOfIssue CalendarTypeID="1">{_ymd(self.issued)}</DateOfIssue>'
        yield from self._values()
        yield (
            '<Locations><Location ID="25"><LocationAreaCode AreaCodeID="11177"/>'
            f'<LocationCountry CountryID="{RUSSIA}" CountryRelevanceID="1"/></Location></Locations>'
        )
        yield '<IDRegDocuments><IDRegDocument ID="1" IDRegDocTypeID="1571" IdentityID="1">'
        yield "<IDRegistrationNo>X 12</IDRegistrationNo></IDRegDocument></IDRegDocuments><DistinctParties>"
        for party in self.parties:
            self.numbers.append((party.number, party.programmes))
            yield _party(party)
        yield "</DistinctParties><ProfileRelationships/><SanctionsEntries>"
        for number, programmes in self.numbers:
            measures = "".join(
                f'<SanctionsMeasure ID="{number}{n}" SanctionsTypeID="1"><Comment>{escape(programme)}</Comment>'
                '<DatePeriod CalendarTypeID="1" YearFixed="false" MonthFixed="false" DayFixed="false"/>'
                "</SanctionsMeasure>"
                for n, programme in enumerate(programmes)
            )
            yield (
                f'<SanctionsEntry ID="{number}" ProfileID="{number}" ListID="1550">'
                f'<EntryEvent ID="{number}" EntryEventTypeID="1" LegalBasisID="1">'
                f'<Date CalendarTypeID="1">{_ymd(self.issued)}</Date></EntryEvent>'
                f'<SanctionsMeasure ID="{number}" SanctionsTypeID="1705"/>{measures}</SanctionsEntry>'
            )
        yield "</SanctionsEntries><SanctionsEntryLinks/></Sanctions>"

    def _values(self) -> Iterator[str]:
        yield "<ReferenceValueSets>"
        sets: dict[str, Sequence[tuple[int, str]]] = {
            "AliasType": [(1400, "A.K.A."), (1403, "Name")],
            "Country": [(RUSSIA, "Russia")],
            "FeatureType": [
                (8, "Birthdate"), (9, "Place of Birth"), (10, "Nationality Country"), (25, "Location"),
                *((number, f"Digital Currency Address - {ticker}") for ticker, number in CURRENCIES.items()),
            ],
            "List": [(1550, self.listed)],
            "NamePartType": [(1520, "Last Name"), (1521, "First Name"), (1525, "Entity Name")],
            "PartyType": [(1, "Individual"), (2, "Entity"), (3, "Location"), (4, "Transport")],
            "SanctionsType": [(1, "Program"), (1705, "Block")],
            "Script": [(number, script) for script, number in SCRIPTS.items()],
        }  # fmt: skip
        for kind, values in sets.items():
            inside = "".join(f'<{kind} ID="{number}">{escape(text)}</{kind}>' for number, text in values)
            yield f"<{kind}Values>{inside}</{kind}Values>"
        kinds = ((1, 4, "Vessel"), (2, 4, "Aircraft"), (3, 2, "Unknown"), (4, 1, "Unknown"))
        inside = "".join(f'<PartySubType ID="{i}" PartyTypeID="{p}">{text}</PartySubType>' for i, p, text in kinds)
        yield f"<PartySubTypeValues>{inside}</PartySubTypeValues></ReferenceValueSets>"


@dataclass
class Eu:
    """A whole file of the EU's list."""

    parties: Iterable[Party]
    generated: str = "2026-03-01T17:00:34.049+01:00"
    namespace: str = EU_NAMESPACE
    head: str = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'

    def __iter__(self) -> Iterator[str]:
        """The file in pieces."""
        yield f'{self.head}<export xmlns="{self.namespace}" generationDate="{self.generated}" globalFileId="1">'
        for party in self.parties:
            yield _entity(party)
        yield "</export>"


def write(path: Path, pieces: Iterable[str]) -> Path:
    """Write a file; a name that ends in `.zip` makes an archive with one XML file."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{path.stem}.xml", "".join(pieces))
        return path
    with path.open("w", encoding="utf-8") as file:
        file.writelines(pieces)
    return path


def _party(party: Party) -> str:
    aliases = "".join(_alias(party, n, alias) for n, alias in enumerate(party.names))
    groups = "".join(
        f'<MasterNamePartGroup><NamePartGroup ID="{party.number}{n}" NamePartTypeID="1520"/></MasterNamePartGroup>'
        for n in range(3)
    )
    features = "".join(
        f'<Feature ID="{party.number}{n}" FeatureTypeID="{CURRENCIES[ticker]}">'
        f'<FeatureVersion ID="{n}" ReliabilityID="1560"><Comment/>'
        f'<VersionDetail DetailTypeID="1432">{escape(address)}</VersionDetail></FeatureVersion>'
        f'<IdentityReference IdentityID="{party.number}" IdentityFeatureLinkTypeID="1"/></Feature>'
        for n, (ticker, address) in enumerate(party.addresses)
    )
    if party.born:
        point = f"<From>{_ymd(party.born)}</From><To>{_ymd(party.born)}</To>"
        features += (
            '<Feature ID="8" FeatureTypeID="8"><FeatureVersion ID="8" ReliabilityID="1560"><Comment/>'
            f'<DatePeriod CalendarTypeID="1" YearFixed="false" MonthFixed="false" DayFixed="false">'
            f'<Start Approximate="false" YearFixed="false" MonthFixed="false" DayFixed="false">{point}</Start>'
            f'<End Approximate="false" YearFixed="false" MonthFixed="false" DayFixed="false">{point}</End>'
            "</DatePeriod>"
            '<VersionDetail DetailTypeID="1430"/></FeatureVersion></Feature>'
            '<Feature ID="9" FeatureTypeID="9"><FeatureVersion ID="9" ReliabilityID="1560"><Comment/>'
            '<VersionDetail DetailTypeID="1432">Leningrad, Russia</VersionDetail></FeatureVersion></Feature>'
            '<Feature ID="10" FeatureTypeID="10"><FeatureVersion ID="10" ReliabilityID="1560"><Comment/>'
            '<VersionDetail DetailTypeID="1433"/><VersionLocation LocationID="25"/></FeatureVersion></Feature>'
        )
    return (
        f'<DistinctParty FixedRef="{party.number}"><Comment/>'
        f'<Profile ID="{party.number}" PartySubTypeID="{SUBTYPES[party.kind]}">'
        f'<Identity ID="{party.number}" FixedRef="{party.number}" Primary="true" False="false">{aliases}'
        f"<NamePartGroups>{groups}</NamePartGroups></Identity>{features}{party.more}</Profile></DistinctParty>"
    )


def _alias(party: Party, n: int, alias: Alias) -> str:
    parts = "".join(
        f"<DocumentedNamePart>"
        f'<NamePartValue NamePartGroupID="{party.number}{i}" ScriptID="{SCRIPTS[alias.script]}" '
        f'ScriptStatusID="1" Acronym="false">{escape(part)}</NamePartValue></DocumentedNamePart>'
        for i, part in enumerate(alias.parts)
    )
    primary = "false" if n else "true"
    low = "true" if alias.low_quality else "false"
    return (
        f'<Alias FixedRef="{party.number}" AliasTypeID="{1400 if n else 1403}" '
        f'Primary="{primary}" LowQuality="{low}">'
        f'<DocumentedName ID="{party.number}{n}" FixedRef="{party.number}" '
        f'DocNameStatusID="{min(n, 1) + 1}">{parts}'
        "</DocumentedName></Alias>"
    )


def _entity(party: Party) -> str:
    aliases = "".join(
        f'<nameAlias firstName="" middleName="" lastName="" '
        f'wholeName={quoteattr(" ".join(alias.parts))} function="" '
        f'gender="M" title="" nameLanguage="" strong="{"false" if alias.low_quality else "true"}" '
        f'regulationLanguage="en" logicalId="{party.number}{n}"><regulationSummary regulationType="amendment" '
        'publicationDate="2022-02-25" numberTitle="2022/332 (OJ L53)" publicationUrl="http://eur-lex.europa.eu/"/></nameAlias>'
        for n, alias in enumerate(party.names)
    )
    born = (
        f'<citizenship region="" countryIso2Code="RU" countryDescription="RUSSIAN FEDERATION" '
        f'logicalId="{party.number}"/>'
        f'<birthdate circa="false" calendarType="GREGORIAN" city="Leningrad" zipCode="" birthdate="{party.born}" '
        f'dayOfMonth="{party.born.day}" monthOfYear="{party.born.month}" year="{party.born.year}" '
        'region="" place="" '
        f'countryIso2Code="RU" countryDescription="RUSSIAN FEDERATION" logicalId="{party.number}"/>'
        if party.born
        else ""
    )
    code = {"person": "P", "entity": "E"}[party.kind]
    programme = escape(party.programmes[0]) if party.programmes else ""
    return (
        f'<sanctionEntity designationDetails="" unitedNationId="" euReferenceNumber="EU.{party.number}.1" '
        f'logicalId="{party.number}"><remark>invented</remark><regulation regulationType="amendment" '
        'organisationType="council" publicationDate="2022-02-25" entryIntoForceDate="2022-02-25" '
        f'numberTitle="2022/332 (OJ L53)" programme="{programme}" logicalId="1"><publicationUrl>http://eur-lex.europa.eu/'
        f'</publicationUrl></regulation><subjectType code="{party.kind}" classificationCode="{code}"/>'
        f"{aliases}{born}"
        f"{party.more}</sanctionEntity>"
    )


def _ymd(day: date) -> str:
    return f"<Year>{day.year}</Year><Month>{day.month}</Month><Day>{day.day}</Day>"
