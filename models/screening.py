"""Sanctions lists as they were published, and what people have decided about possible matches.

- A list is loaded beside the current one and takes its place in one step; rows of the old one go, its head stays.
- Listed names, dates and addresses are public and stand in the clear. Whom we compared them with is sealed.
- A decision holds for one subject and one entry, as long as the entry's content (`digest`) stays the same.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from models.policy import ListSource
from vault.types import BlindIndex, SealedBytes


class ListStatus(StrEnum):
    """Where a version of a list stands."""

    LOADING = "loading"
    """One at a time."""
    CURRENT = "current"
    REPLACED = "replaced"


class EntryKind(StrEnum):
    """What an entry of a list is about."""

    PERSON = "person"
    ENTITY = "entity"
    OTHER = "other"
    """A vessel or an aircraft."""


class SubjectKind(StrEnum):
    """Whom or what is screened. All but the last always are (PRODUCT, "Law")."""

    WALLET = "wallet"
    EXCHANGE = "exchange"
    PARTNER = "partner"
    DONOR = "donor"
    BENEFICIARY = "beneficiary"


class SanctionsList(SQLModel, table=True):
    """One version of one list. Its head is kept for good: compliance records name it."""

    __tablename__ = "sanctions_list"
    __table_args__ = (
        Index("ix_sanctions_list_status", "source", "status"),
        Index(
            "uq_sanctions_list_loading",
            "status",
            unique=True,
            sqlite_where=text("status = 'loading'"),
            postgresql_where=text("status = 'loading'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    source: ListSource = Field(sa_column=enum_column(ListSource, "list_source"))
    status: ListStatus = Field(
        default=ListStatus.LOADING, sa_column=enum_column(ListStatus, "sanctions_list_status")
    )
    dated: datetime = Field(sa_type=UtcTime)
    """The date that the list itself bears."""
    sha256: str = Field(max_length=64)
    """Of the XML, hexadecimal, also when it came in a zip."""
    loaded_at: datetime = Field(sa_type=UtcTime)
    """When it was loaded last, be it unchanged; while it is loading, when its load was last heard of."""
    entries: int = 0
    names: int = 0
    addresses: int = 0


class ListedEntry(SQLModel, table=True):
    """One person, entity, vessel or aircraft of a list."""

    __tablename__ = "listed_entry"
    __table_args__ = (Index("ix_listed_entry_ref", "list_id", "ref"),)

    list_id: int = Field(primary_key=True, foreign_key="sanctions_list.id")
    number: int = Field(primary_key=True)
    """Counted within the list."""
    ref: str = Field(max_length=64)
    """What the publisher calls it."""
    kind: EntryKind = Field(sa_column=enum_column(EntryKind, "entry_kind"))
    name: str
    facts: str
    """JSON of `payments.screening.entries.Facts`: what a human compares."""
    programmes: str = ""
    """Under which programmes it is listed, apart by commas."""
    digest: str = Field(max_length=64)
    """SHA-256 of its names, facts and addresses: a changed entry is asked about anew."""


class ListedName(SQLModel, table=True):
    """One name of an entry, as published and as it sounds."""

    __tablename__ = "listed_name"

    list_id: int = Field(primary_key=True, foreign_key="sanctions_list.id")
    number: int = Field(primary_key=True)
    entry: int
    name: str
    sounds: str
    """`payments.screening.sounds.Sounds` in its stored form."""
    weak: bool = False
    """An alias that its publisher calls weak: it counts only when the whole name is the same."""


class ListedAddress(SQLModel, table=True):
    """A digital-currency address of an entry, in its normal form (`payments.screening.addresses`)."""

    __tablename__ = "listed_address"
    __table_args__ = (Index("ix_listed_address_address", "address"),)

    list_id: int = Field(primary_key=True, foreign_key="sanctions_list.id")
    address: str = Field(primary_key=True, max_length=256)
    entry: int = Field(primary_key=True)
    currency: str = Field(max_length=32)
    """The publisher's label. It does not bound the match: addresses have been listed under a wrong one."""


class QuestionStatus(StrEnum):
    """Where a possible match stands."""

    OPEN = "open"
    NOT_SAME = "not_same"
    SAME = "same"
    LAPSED = "lapsed"
    """The entry was changed or taken off the list before anybody decided."""


Q = QuestionStatus

QUESTION_ALLOWED: dict[QuestionStatus, frozenset[QuestionStatus]] = {
    Q.OPEN: frozenset({Q.NOT_SAME, Q.SAME, Q.LAPSED}),
    Q.NOT_SAME: frozenset(),
    Q.SAME: frozenset(),
    Q.LAPSED: frozenset({Q.OPEN}),
}


class ScreeningQuestion(SQLModel, table=True):
    """Is this subject that entry? Asked once, decided by a human, with a reason."""

    __tablename__ = "screening_question"
    __table_args__ = (
        UniqueConstraint("subject", "source", "ref", "digest"),
        CheckConstraint(
            "status NOT IN ('not_same', 'same') OR (decided_by IS NOT NULL AND reason IS NOT NULL)",
            name="reasoned",
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    status: QuestionStatus = Field(
        default=QuestionStatus.OPEN, sa_column=enum_column(QuestionStatus, "question_status")
    )
    kind: SubjectKind = Field(sa_column=enum_column(SubjectKind, "subject_kind"))
    subject: BlindIndex = Field(sa_type=String)
    """Blind index of the subject."""
    words: SealedBytes = Field(sa_type=Sealed)
    """The subject itself: sealed in the case's `payout` compartment, by the server where there is no case."""
    case_id: UUID | None = Field(default=None, foreign_key="fund_case.id", index=True)
    source: ListSource = Field(sa_column=enum_column(ListSource, "question_source"))
    ref: str = Field(max_length=64)
    digest: str = Field(max_length=64)
    listed_as: str
    """The listed name that came nearest."""
    facts: str
    """JSON of `payments.screening.entries.Shown`: the entry's public facts as they were when this was asked."""
    score: int
    """0 to 100."""
    list_version: str = Field(max_length=128)
    asked_at: datetime = Field(sa_type=UtcTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When those who may decide were last told."""
    decided_by: UUID | None = Field(default=None, foreign_key="volunteer.id")
    decided_at: datetime | None = Field(default=None, sa_type=UtcTime)
    reason: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Why, in the decider's words; sealed like `words`."""


class GiverStatus(StrEnum):
    """Where the screening of one gift's giver stands."""

    WAITING = "waiting"
    """A list is missing or too old. The gift counts meanwhile."""
    HELD = "held"
    """A possible match: the gift is not spent before a human has decided."""
    CLEAR = "clear"
    BLOCKED = "blocked"
    """A human decided that it is the listed one: frozen until the operator's counsel has said what to do."""
    UNSCREENED = "unscreened"
    """No list came in time, and the name is kept no longer."""


G = GiverStatus

GIVER_ALLOWED: dict[GiverStatus, frozenset[GiverStatus]] = {
    G.WAITING: frozenset({G.HELD, G.CLEAR, G.BLOCKED, G.UNSCREENED}),
    G.HELD: frozenset({G.CLEAR, G.BLOCKED}),
    G.CLEAR: frozenset(),
    G.BLOCKED: frozenset(),
    G.UNSCREENED: frozenset(),
}


class GiverCheck(SQLModel, table=True):
    """The screening of who gave one gift. The name is here only while it is needed, and nothing of a case ever."""

    __tablename__ = "giver_check"

    id: UUID = Field(primary_key=True)
    """The gift's: of a donation, or of money entered by hand."""
    whose: UUID
    """The monthly gift's where there is one: a decision holds for its later months too."""
    status: GiverStatus = Field(default=GiverStatus.WAITING, sa_column=enum_column(GiverStatus, "giver_status"))
    name: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """While WAITING, HELD or BLOCKED. Place of the seal: (`giver_check`, `name`, id)."""
    subject: BlindIndex = Field(sa_type=String, index=True)
    """Blind index of the subject, as in its questions; empty once the name is forgotten."""
    lists: str = Field(default="", max_length=256)
    """Versions of the lists that were looked at last."""
    asked_at: datetime = Field(sa_type=UtcTime)


class ScreeningBar(SQLModel, table=True):
    """A volunteer who is involved in what a question is about, and so does not decide it."""

    __tablename__ = "screening_bar"

    question_id: UUID = Field(primary_key=True, foreign_key="screening_question.id")
    volunteer_id: UUID = Field(primary_key=True, foreign_key="volunteer.id")


class ScreeningAlarm(SQLModel, table=True):
    """Treasurers were told that screening has stopped: once, then again daily, until it goes on."""

    __tablename__ = "screening_alarm"

    source: str = Field(primary_key=True, max_length=32)
    """A value of `ListSource`."""
    told_at: datetime = Field(sa_type=UtcTime)
