"""What every table shares: ids, times in UTC, enums as text, sealed columns, naming of constraints.

A table never stores a naive time, a float of money or a readable word that a person wrote.
"""

from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import BindParameter, Column, DateTime, Dialect, Enum, LargeBinary, MetaData, Table, bindparam
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata: MetaData = SQLModel.metadata
metadata.naming_convention = NAMING


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC; refuses a naive one, so that no clock change can move a due date."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store as UTC; SQLite keeps no zone, so it gets the naive UTC value."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Give back an aware UTC time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


NOW: BindParameter[datetime] = bindparam("now", type_=UtcTime())
"""The present moment in a statement that is built once."""


class Sealed(TypeDecorator[bytes]):
    """Ciphertext of the vault. Only a mark in the schema: an auditor greps for it."""

    impl = LargeBinary
    cache_ok = True


def enum_column(kind: type[StrEnum], name: str, *, nullable: bool = False) -> Column[StrEnum]:
    """A StrEnum stored as its text with a check constraint, the same on SQLite and PostgreSQL.

    `name` names the constraint. The column is 32 wide, so a longer value later needs no type change.
    """
    stored = Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [m.value for m in members],
    )
    return Column(stored, nullable=nullable)


def table_of(model: type[SQLModel]) -> Table:
    """The table of a model, for statements that are built once and run past the session."""
    table: Table = model.__table__  # type: ignore[attr-defined] # SQLModel does not declare it
    return table


def new_id() -> UUID:
    """A random id: it tells neither order nor time, unlike a counter or a version 7 UUID."""
    return uuid4()
