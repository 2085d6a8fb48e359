"""What is read out of a list, whoever publishes it: entries with names, what a human compares, and addresses."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime

from models.policy import ListSource
from models.screening import EntryKind


class ListRefused(Exception):
    """A file is not loaded, and the list that is there stays. The message is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Name:
    """One name as published, in whatever script."""

    text: str
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Public facts by which a human tells people apart. Each is as published, be it a year or a sentence."""

    born: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    """Some of the other names."""

    def packed(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def unpacked(cls, text: str) -> "Facts":
        """What `packed` wrote."""
        return cls(**{key: tuple(values) for key, values in json.loads(text).items()})


@dataclass(frozen=True, slots=True)
class Shown:
    """What a human is shown of an entry, as it was when the question was asked."""

    name: str
    programmes: str
    facts: Facts

    def packed(self) -> str:
        """As JSON."""
        return json.dumps([self.name, self.programmes, self.facts.packed()], ensure_ascii=False)

    @classmethod
    def unpacked(cls, text: str) -> "Shown":
        """What `packed` wrote."""
        name, programmes, facts = json.loads(text)
        return cls(name, programmes, Facts.unpacked(facts))


@dataclass(frozen=True, slots=True)
class Entry:
    """One person, entity, vessel or aircraft."""

    ref: str
    kind: EntryKind
    names: tuple[Name, ...]
    """The primary one first; at least one."""
    facts: Facts = field(default_factory=Facts)
    addresses: tuple[tuple[str, str], ...] = ()
    """The publisher's label of the currency, and the address as published."""
    programmes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of all that tells who or what it is. A programme more or less changes nobody's identity."""
        names = sorted({(name.text, name.weak) for name in self.names})
        facts = asdict(self.facts) | {"also": ()}
        content = [self.ref, self.kind, names, facts, sorted(self.addresses)]
        return hashlib.sha256(json.dumps(content, ensure_ascii=True, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Programmes:
    """Programmes under which an entry is listed, where they are published apart from it."""

    ref: str
    programmes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Whose list it is and the date that it bears: known before the first entry."""

    source: ListSource
    dated: datetime


Item = Head | Entry | Programmes
