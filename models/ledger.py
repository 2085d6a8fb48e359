"""The books: accounts, journal, postings. Double entry, append-only, defended by the database itself.

- The postings of an entry are inserted first and the entry last. Inserting the entry closes it: a trigger
  refuses it unless there are two postings or more and they sum to zero in each currency, and only then adds
  them to the balances. After that nothing can be posted to it. A posting whose entry never comes cannot
  commit (deferred foreign key) and counts in no balance anyway.
- Entries and postings are never updated, replaced or deleted. A correction is a new entry.
- A balance is changed by an entry being closed and by nothing else; reading it is one row, however many
  entries there are. Where an account says so it never falls below zero.

An amount is signed, in minor units: plus is money that comes to the account, minus is money that leaves it.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Uuid
from sqlmodel import Field, SQLModel

from models.base import UtcTime, enum_column, new_id


class AccountKind(StrEnum):
    """The five kinds of account of double-entry bookkeeping."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"


class LedgerAccount(SQLModel, table=True):
    """One account in one currency."""

    __tablename__ = "ledger_account"
    __table_args__ = (CheckConstraint("balance >= 0 OR NOT floor_zero", name="floor"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(max_length=64, unique=True)
    """Purpose and currency, as `reserved:RUB`."""
    kind: AccountKind = Field(sa_column=enum_column(AccountKind, "account_kind"))
    currency: str = Field(max_length=3)
    floor_zero: bool
    """The database refuses whatever would take the balance below zero."""
    balance: int = Field(default=0, sa_type=BigInteger)
    """Sum of the account's postings of closed entries, kept by the trigger `journal_entry_close`."""
    last_entry: UUID | None = None
    """The entry that changed the balance last."""


class JournalEntry(SQLModel, table=True):
    """One closed entry."""

    __tablename__ = "journal_entry"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=128, unique=True)
    """What happened, by an id of its own: the same thing cannot be entered twice."""
    kind: str = Field(max_length=32)
    """A value of `payments.ledger.EntryKind`."""
    at: datetime = Field(sa_type=UtcTime)
    actor: str = Field(max_length=64)
    """As the audit log names it."""
    grant_number: str | None = Field(default=None, max_length=32, index=True)
    """The only trace of a case in the books."""


class Posting(SQLModel, table=True):
    """One line of an entry."""

    __tablename__ = "posting"
    __table_args__ = (CheckConstraint("amount <> 0", name="not_zero"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    entry_id: UUID = Field(
        sa_column=Column(
            Uuid,
            ForeignKey("journal_entry.id", deferrable=True, initially="DEFERRED"),
            nullable=False,
            index=True,
        )
    )
    account_id: UUID = Field(foreign_key="ledger_account.id", index=True)
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)


_SQLITE = (
    # A replacing INSERT deletes the old row without firing its DELETE trigger, hence the checks for known ids.
    """
    CREATE TRIGGER posting_insert BEFORE INSERT ON posting BEGIN
        SELECT RAISE(ABORT, 'ledger: the entry is closed')
            WHERE EXISTS (SELECT 1 FROM journal_entry WHERE id = NEW.entry_id);
        SELECT RAISE(ABORT, 'ledger: a posting is never replaced')
            WHERE EXISTS (SELECT 1 FROM posting WHERE id = NEW.id);
        SELECT RAISE(ABORT, 'ledger: amounts are integers') WHERE typeof(NEW.amount) <> 'integer';
        SELECT RAISE(ABORT, 'ledger: not the currency of the account')
            WHERE NOT EXISTS (
                SELECT 1 FROM ledger_account WHERE id = NEW.account_id AND currency = NEW.currency);
    END
    """,
    """
    CREATE TRIGGER posting_update BEFORE UPDATE ON posting BEGIN
        SELECT RAISE(ABORT, 'ledger: a posting is never changed');
    END
    """,
    """
    CREATE TRIGGER posting_delete BEFORE DELETE ON posting BEGIN
        SELECT RAISE(ABORT, 'ledger: a posting is never deleted');
    END
    """,
    """
    CREATE TRIGGER journal_entry_insert BEFORE INSERT ON journal_entry BEGIN
        SELECT RAISE(ABORT, 'ledger: an entry is never replaced')
            WHERE EXISTS (SELECT 1 FROM journal_entry WHERE id = NEW.id OR reference = NEW.reference);
        SELECT RAISE(ABORT, 'ledger: an entry has two postings or more')
            WHERE (SELECT count(*) FROM posting WHERE entry_id = NEW.id) < 2;
        SELECT RAISE(ABORT, 'ledger: the postings of an entry sum to zero')
            WHERE EXISTS (
                SELECT 1 FROM posting WHERE entry_id = NEW.id GROUP BY currency HAVING sum(amount) <> 0);
    END
    """,
    """
    CREATE TRIGGER journal_entry_close AFTER INSERT ON journal_entry BEGIN
        UPDATE ledger_account
            SET balance = balance + (
                    SELECT sum(amount) FROM posting WHERE entry_id = NEW.id AND account_id = ledger_account.id),
                last_entry = NEW.id
            WHERE id IN (SELECT account_id FROM posting WHERE entry_id = NEW.id);
    END
    """,
    """
    CREATE TRIGGER journal_entry_update BEFORE UPDATE ON journal_entry BEGIN
        SELECT RAISE(ABORT, 'ledger: an entry is never changed');
    END
    """,
    """
    CREATE TRIGGER journal_entry_delete BEFORE DELETE ON journal_entry BEGIN
        SELECT RAISE(ABORT, 'ledger: an entry is never deleted');
    END
    """,
    """
    CREATE TRIGGER ledger_account_insert BEFORE INSERT ON ledger_account BEGIN
        SELECT RAISE(ABORT, 'ledger: an account begins empty')
            WHERE NEW.balance <> 0 OR NEW.last_entry IS NOT NULL;
        SELECT RAISE(ABORT, 'ledger: an account is never replaced')
            WHERE EXISTS (SELECT 1 FROM ledger_account WHERE id = NEW.id OR name = NEW.name);
    END
    """,
    # The newest entry, once, by exactly what it posted to this account: that is the closing, nothing else is.
    """
    CREATE TRIGGER ledger_account_update BEFORE UPDATE ON ledger_account BEGIN
        SELECT RAISE(ABORT, 'ledger: a balance is kept by its entries')
            WHERE NEW.last_entry IS NULL
                OR NEW.last_entry IS OLD.last_entry
                OR NEW.last_entry IS NOT (SELECT id FROM journal_entry ORDER BY rowid DESC LIMIT 1)
                OR NEW.balance - OLD.balance IS NOT (
                    SELECT sum(amount) FROM posting WHERE entry_id = NEW.last_entry AND account_id = NEW.id);
        SELECT RAISE(ABORT, 'ledger: an account is never changed')
            WHERE NEW.id <> OLD.id OR NEW.name <> OLD.name OR NEW.kind <> OLD.kind
                OR NEW.currency <> OLD.currency OR NEW.floor_zero <> OLD.floor_zero;
    END
    """,
    """
    CREATE TRIGGER ledger_account_delete BEFORE DELETE ON ledger_account BEGIN
        SELECT RAISE(ABORT, 'ledger: an account is never deleted');
    END
    """,
)

_POSTGRESQL = (
    """
    CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'ledger: what stands in the books stays';
    END $$
    """,
    # The lock makes whoever posts to an entry and whoever closes it see each other before either commits.
    """
    CREATE FUNCTION ledger_check_posting() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(CAST(NEW.entry_id AS text), 0));
        IF EXISTS (SELECT 1 FROM journal_entry WHERE id = NEW.entry_id) THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'ledger: the entry is closed';
        END IF;
        IF NOT EXISTS (SELECT 1 FROM ledger_account WHERE id = NEW.account_id AND currency = NEW.currency) THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'ledger: not the currency of the account';
        END IF;
        RETURN NEW;
    END $$
    """,
    # Accounts are locked in one order, so that two entries closing side by side cannot wait for each other.
    """
    CREATE FUNCTION ledger_close_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(CAST(NEW.id AS text), 0));
        IF (SELECT count(*) FROM posting WHERE entry_id = NEW.id) < 2 THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'ledger: an entry has two postings or more';
        END IF;
        IF EXISTS (SELECT 1 FROM posting WHERE entry_id = NEW.id GROUP BY currency HAVING sum(amount) <> 0) THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'ledger: the postings of an entry sum to zero';
        END IF;
        PERFORM 1 FROM ledger_account WHERE id IN (SELECT account_id FROM posting WHERE entry_id = NEW.id)
            ORDER BY name FOR UPDATE;
        UPDATE ledger_account
            SET balance = balance + posted.total, last_entry = NEW.id
            FROM (SELECT account_id, sum(amount) AS total FROM posting WHERE entry_id = NEW.id
                  GROUP BY account_id) AS posted
            WHERE ledger_account.id = posted.account_id;
        RETURN NULL;
    END $$
    """,
    # At depth 1 the change was asked for directly; the closing of an entry changes balances at depth 2.
    """
    CREATE FUNCTION ledger_check_account() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF NEW.balance <> 0 OR NEW.last_entry IS NOT NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                    MESSAGE = 'ledger: an account begins empty';
            END IF;
        ELSIF pg_trigger_depth() < 2 THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'ledger: a balance is kept by its entries';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER posting_insert BEFORE INSERT ON posting
        FOR EACH ROW EXECUTE FUNCTION ledger_check_posting()
    """,
    """
    CREATE TRIGGER posting_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()
    """,
    """
    CREATE TRIGGER journal_entry_close AFTER INSERT ON journal_entry
        FOR EACH ROW EXECUTE FUNCTION ledger_close_entry()
    """,
    """
    CREATE TRIGGER journal_entry_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entry
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()
    """,
    """
    CREATE TRIGGER ledger_account_keep BEFORE DELETE OR TRUNCATE ON ledger_account
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()
    """,
    """
    CREATE TRIGGER ledger_account_check BEFORE INSERT OR UPDATE ON ledger_account
        FOR EACH ROW EXECUTE FUNCTION ledger_check_account()
    """,
)

TRIGGERS: Mapping[str, tuple[str, ...]] = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
"""Statements that make the triggers, by dialect; the migration runs them after the tables."""
