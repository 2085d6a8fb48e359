"""A case: one person's request, from the first answer to the erasure.

What the person wrote is sealed in the case's compartments (`contact`, `story`, `payout`). In the clear stand
only the facts that the group's card shows anyway, and they are blanked when the case is shredded.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from vault.types import BlindIndex, CaseCode, Compartment, SealedBytes


class CaseStatus(StrEnum):
    """Where a case stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    NEEDS_ANSWER = "needs_answer"
    APPROVED = "approved"
    DECLINED = "declined"
    APPEALED = "appealed"
    PAYING = "paying"
    PAID = "paid"
    FOLLOWED_UP = "followed_up"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    SHREDDED = "shredded"


S = CaseStatus

ALLOWED: dict[CaseStatus, frozenset[CaseStatus]] = {
    S.DRAFT: frozenset({S.SUBMITTED, S.WITHDRAWN, S.SHREDDED}),
    S.SUBMITTED: frozenset({S.IN_REVIEW, S.APPROVED, S.WITHDRAWN}),
    S.IN_REVIEW: frozenset({S.NEEDS_ANSWER, S.APPROVED, S.DECLINED, S.WITHDRAWN}),
    S.NEEDS_ANSWER: frozenset({S.IN_REVIEW, S.APPROVED, S.DECLINED, S.WITHDRAWN}),
    S.APPROVED: frozenset({S.PAYING, S.WITHDRAWN}),
    S.DECLINED: frozenset({S.APPEALED, S.CLOSED, S.WITHDRAWN, S.SHREDDED}),
    S.APPEALED: frozenset({S.IN_REVIEW, S.WITHDRAWN}),
    S.PAYING: frozenset({S.PAID, S.APPROVED, S.WITHDRAWN}),
    S.PAID: frozenset({S.FOLLOWED_UP, S.PAYING, S.APPROVED, S.CLOSED, S.WITHDRAWN}),
    S.FOLLOWED_UP: frozenset({S.APPROVED, S.CLOSED, S.WITHDRAWN}),
    S.CLOSED: frozenset({S.WITHDRAWN, S.SHREDDED}),
    S.WITHDRAWN: frozenset({S.SHREDDED}),
    S.SHREDDED: frozenset(),
}
"""From `PAID` or `FOLLOWED_UP` to `APPROVED`: money came back. Erasing an open case withdraws it first."""

OPEN = frozenset({S.SUBMITTED, S.IN_REVIEW, S.NEEDS_ANSWER, S.APPEALED})
"""Cases that a panel may read and vote on."""

ENDED = frozenset({S.CLOSED, S.WITHDRAWN, S.SHREDDED})
"""Cases after which the person may ask anew."""


class Category(StrEnum):
    """What happened, in the words of the card."""

    FINE = "fine"
    DETENTION = "detention"
    SEARCH = "search"
    CRIMINAL = "criminal"
    PRISON = "prison"
    LAWYER = "lawyer"
    MEDICAL = "medical"
    RELOCATION = "relocation"
    LIVELIHOOD = "livelihood"
    FAMILY = "family"
    OTHER = "other"


class Urgency(StrEnum):
    """How soon help is needed."""

    TODAY = "today"
    WEEK = "week"
    MONTH = "month"
    LATER = "later"


class Case(SQLModel, table=True):
    """One request for help."""

    __tablename__ = "fund_case"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    code: CaseCode = Field(sa_type=String, unique=True)
    status: CaseStatus = Field(default=S.DRAFT, sa_column=enum_column(CaseStatus, "case_status"))
    version: int = 1
    """Rises with every change of content; votes are bound to it."""
    language: str = Field(max_length=8)
    chat: BlindIndex | None = Field(default=None, sa_type=String, index=True)
    """Blind index of the applicant's chat; none once cut off or erased."""
    contact: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Sealed in `contact`: JSON of `services.contact.Contact`."""
    category: Category | None = Field(default=None, sa_column=enum_column(Category, "category", nullable=True))
    urgency: Urgency | None = Field(default=None, sa_column=enum_column(Urgency, "urgency", nullable=True))
    amount: int | None = Field(default=None, sa_type=BigInteger)
    """What is asked for, in minor units of the policy's currency."""
    check_phrase: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Sealed in `contact`; shown only to the person who opens the case."""
    recovery_hash: str | None = None
    phrase_wanted: bool = Field(default=False, index=True)
    """A recovery phrase is to be made and shown: hashing it is slow, and done between transactions."""
    appealed: bool = False
    possible_repeat: bool = False
    """Another case of late names the same person, court case or destination (`services.repeats`); never which."""
    restored: bool = False
    """It came back from a backup: whether it was paid since is to be found out before it is paid."""
    policy_version: str | None = Field(default=None, max_length=32)
    created_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcTime, index=True)
    """When a draft is erased."""
    submitted_at: datetime | None = Field(default=None, sa_type=UtcTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcTime)


class Answer(SQLModel, table=True):
    """One answer of the interview; when it was given is not kept. Place of the seal: (`answer`, `text`, id)."""

    __tablename__ = "answer"
    __table_args__ = (UniqueConstraint("case_id", "question"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    case_id: UUID = Field(foreign_key="fund_case.id", index=True)
    question: str = Field(max_length=32)
    """Key of the question in `services.questions`."""
    compartment: Compartment = Field(sa_column=enum_column(Compartment, "compartment"))
    text: SealedBytes = Field(sa_type=Sealed)


class Attachment(SQLModel, table=True):
    """A document or photo, rebuilt without metadata, sealed in `story`, on disk under its id."""

    __tablename__ = "attachment"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    case_id: UUID = Field(foreign_key="fund_case.id", index=True)
    request_id: UUID = Field(index=True)
    """The file it was a page of."""
    page: int = 1
    media_type: str = Field(max_length=32)
    """What the rebuilt file is, always `image/jpeg` (one row a page)."""
    created_at: datetime = Field(sa_type=UtcTime)


class FileStatus(StrEnum):
    """Where a file that somebody sent stands."""

    WAITING = "waiting"
    ADDED = "added"
    REFUSED = "refused"


class AttachmentRequest(SQLModel, table=True):
    """A file that the applicant sent and the fetcher is to download, rebuild and seal, or to refuse.

    The row is the truth: it is tried until it is added or refused, whatever crashes.
    """

    __tablename__ = "attachment_request"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    case_id: UUID = Field(foreign_key="fund_case.id", index=True)
    file: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Telegram's name of it, sealed in `story`; none once done. Place: (`attachment_request`, `file`, id)."""
    status: FileStatus = Field(default=FileStatus.WAITING, sa_column=enum_column(FileStatus, "file_status"))
    pages: int = 0
    reason: str | None = Field(default=None, max_length=64)
    """Key of the text that says why it was refused."""
    attempts: int = 0
    next_try_at: datetime = Field(sa_type=UtcTime, index=True)
    created_at: datetime = Field(sa_type=UtcTime)


class RecoveryGuess(SQLModel, table=True):
    """Failed recoveries from one account, so that one account cannot try many codes."""

    __tablename__ = "recovery_guess"

    person: BlindIndex = Field(sa_type=String, primary_key=True)
    guesses: int = 0
    locked_until: datetime | None = Field(default=None, sa_type=UtcTime)
    changed_at: datetime = Field(sa_type=UtcTime, index=True)


class Question(SQLModel, table=True):
    """A reviewer's question and the applicant's answer, relayed without names; sealed in `story`."""

    __tablename__ = "question"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    case_id: UUID = Field(foreign_key="fund_case.id", index=True)
    volunteer_id: UUID = Field(foreign_key="volunteer.id")
    text: SealedBytes = Field(sa_type=Sealed)
    asked_at: datetime = Field(sa_type=UtcTime)
    reminded_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When the applicant was last reminded of it."""
    answer: SealedBytes | None = Field(default=None, sa_type=Sealed)
    answered_at: datetime | None = Field(default=None, sa_type=UtcTime)
