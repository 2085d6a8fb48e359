"""The books: entries balance, stay, count once, and the database itself says so."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, func, select

from bot.database import Resources
from models.errors import AlreadyDone, FundShort
from models.ledger import AccountKind, JournalEntry, LedgerAccount, Posting
from payments.ledger import EntryKind, Purpose, post, transfer
from payments.money import CurrencyMixed, Money
from tests.unit.payments.conftest import Balances

RUB = "RUB"


async def _account(resources: Resources, purpose: Purpose) -> UUID:
    async with resources.unit() as unit:
        found = await unit.session.exec(select(LedgerAccount.id).where(LedgerAccount.name == f"{purpose}:RUB"))
        return found.one()


async def _enter(resources: Resources, lines: Sequence[tuple[UUID, int, str]], entry: UUID | None = None) -> None:
    """Write postings and their entry past all code, as somebody with the database's password could."""
    entry = entry or uuid4()
    async with resources.engine.begin() as connection:
        for account, amount, currency in lines:
            row = {"id": uuid4(), "entry_id": entry, "account_id": account, "amount": amount, "currency": currency}
            await connection.execute(insert(Posting).values(row))
        await connection.execute(
            insert(JournalEntry).values(
                id=entry, reference=str(entry), kind="forged", at=datetime(2026, 1, 1, tzinfo=UTC), actor="nobody"
            )
        )


async def test_money_in_stands_on_both_sides(filled: Resources, balances: Balances) -> None:
    """What the fund has is what it was given."""
    assert filled
    assert {purpose: amount for purpose, amount in (await balances()).items() if amount} == {
        Purpose.FUND: 100_000_00,
        Purpose.CONTRIBUTIONS: -100_000_00,
    }


async def test_same_reference_counts_once(filled: Resources, balances: Balances) -> None:
    """A second entry under a reference is the first one."""
    entries = []
    for _ in range(2):
        async with filled.unit() as unit:
            entry = await transfer(
                unit,
                EntryKind.RESERVE,
                "reserve:once",
                Money(500, RUB),
                source=Purpose.FUND,
                target=Purpose.RESERVED,
                actor="system",
            )
            entries.append(entry.id)
    assert len(set(entries)) == 1
    assert (await balances())[Purpose.RESERVED] == 500


async def test_reference_of_something_else_is_refused(filled: Resources) -> None:
    """A reference cannot come to mean another amount."""
    for amount in (500, 501):
        async with filled.unit() as unit:
            changes = {Purpose.FUND: Money(-amount, RUB), Purpose.RESERVED: Money(amount, RUB)}
            if amount == 500:
                await post(unit, EntryKind.RESERVE, "one", changes, actor="system")
            else:
                with pytest.raises(AlreadyDone):
                    await post(unit, EntryKind.RESERVE, "one", changes, actor="system")


async def test_more_than_there_is_is_refused(filled: Resources, balances: Balances) -> None:
    """The fund never promises more than it has, and the transaction goes on after the refusal."""
    async with filled.unit() as unit:
        changes = {Purpose.FUND: Money(-100_000_01, RUB), Purpose.RESERVED: Money(100_000_01, RUB)}
        with pytest.raises(FundShort):
            await post(unit, EntryKind.RESERVE, "much", changes, actor="system")
        assert (await unit.session.exec(select(func.count(col(JournalEntry.id))))).one() == 1
    assert (await balances())[Purpose.FUND] == 100_000_00


async def test_unbalanced_and_mixed_changes_are_a_fault(filled: Resources) -> None:
    """The program itself cannot ask for an entry that does not sum to zero, or in two currencies."""
    async with filled.unit() as unit:
        with pytest.raises(ValueError, match="sum to zero"):
            await post(unit, EntryKind.RESERVE, "a", {Purpose.FUND: Money(-1, RUB)}, actor="system")
        mixed = {Purpose.FUND: Money(-1, RUB), Purpose.RESERVED: Money(1, "USD")}
        with pytest.raises(CurrencyMixed):
            await post(unit, EntryKind.RESERVE, "b", mixed, actor="system")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE posting SET amount = amount + 1",
        "UPDATE posting SET entry_id = account_id",
        "DELETE FROM posting",
        "UPDATE journal_entry SET reference = 'x'",
        "DELETE FROM journal_entry",
        "UPDATE ledger_account SET balance = balance + 1",
        "UPDATE ledger_account SET balance = 1, last_entry = NULL",
        "UPDATE ledger_account SET floor_zero = NOT floor_zero",
        "DELETE FROM ledger_account",
    ],
)
async def test_books_cannot_be_rewritten(filled: Resources, balances: Balances, statement: str) -> None:
    """What stands in the books stays, even for who has the database."""
    before = await balances()
    with pytest.raises(DBAPIError, match="ledger"):
        async with filled.engine.begin() as connection:
            await connection.execute(text(statement))
    assert await balances() == before


SHORTCUTS = {
    "postgresql": ("TRUNCATE posting, journal_entry CASCADE", "TRUNCATE ledger_account CASCADE"),
    "sqlite": (
        """
        INSERT OR REPLACE INTO posting (id, entry_id, account_id, amount, currency)
        SELECT id, lower(hex(randomblob(16))), account_id, 7, currency FROM posting
        """,
        "INSERT OR REPLACE INTO journal_entry SELECT * FROM journal_entry",
        """
        INSERT OR REPLACE INTO ledger_account (id, name, kind, currency, floor_zero, balance)
        SELECT id, name, kind, currency, 0, 0 FROM ledger_account
        """,
        "UPDATE OR REPLACE ledger_account SET id = 'x'",
        "UPDATE ledger_account SET balance = 1, last_entry = (SELECT id FROM journal_entry)",
    ),
}
"""Each engine's own ways around a trigger."""


async def test_emptying_and_replacing_are_refused(filled: Resources, balances: Balances, database: str) -> None:
    """What deletes or changes rows without an UPDATE or DELETE is refused too."""
    before = await balances()
    for statement in SHORTCUTS[database]:
        with pytest.raises(DBAPIError, match="ledger"):
            async with filled.engine.begin() as connection:
                await connection.execute(text(statement))
    assert await balances() == before


async def test_unbalanced_entry_is_refused(filled: Resources, balances: Balances) -> None:
    """The database closes no entry whose postings do not sum to zero, and none with fewer than two."""
    fund, reserved = [await _account(filled, purpose) for purpose in (Purpose.FUND, Purpose.RESERVED)]
    before = await balances()
    for lines in (
        [],
        [(fund, 5, RUB)],
        [(fund, -5, RUB), (reserved, 6, RUB)],
        [(fund, 0, RUB), (reserved, 0, RUB)],
    ):
        with pytest.raises(DBAPIError):
            await _enter(filled, lines)
    assert await balances() == before


async def test_overdraft_past_the_code_is_refused(filled: Resources, balances: Balances) -> None:
    """A balanced entry that takes the fund below zero is refused by the database alone."""
    fund, reserved = [await _account(filled, purpose) for purpose in (Purpose.FUND, Purpose.RESERVED)]
    with pytest.raises(DBAPIError, match="floor"):
        await _enter(filled, [(fund, -100_000_01, RUB), (reserved, 100_000_01, RUB)])
    assert (await balances())[Purpose.FUND] == 100_000_00


async def test_another_currency_on_an_account_is_refused(filled: Resources) -> None:
    """A rouble account takes no dollars."""
    fund, reserved = [await _account(filled, purpose) for purpose in (Purpose.FUND, Purpose.RESERVED)]
    with pytest.raises(DBAPIError, match="currency"):
        await _enter(filled, [(fund, -5, "USD"), (reserved, 5, "USD")])


async def test_closed_entry_takes_no_posting(filled: Resources, balances: Balances) -> None:
    """After an entry is closed nothing joins it."""
    fund, reserved = [await _account(filled, purpose) for purpose in (Purpose.FUND, Purpose.RESERVED)]
    before = await balances()
    async with filled.unit() as unit:
        closed = (await unit.session.exec(select(JournalEntry.id))).one()
    with pytest.raises(DBAPIError, match="closed"):
        await _enter(filled, [(fund, -5, RUB), (reserved, 5, RUB)], closed)
    assert await balances() == before


async def test_posting_without_an_entry_cannot_commit(filled: Resources, balances: Balances) -> None:
    """Postings whose entry never comes are refused at the commit."""
    fund = await _account(filled, Purpose.FUND)
    before = await balances()
    row = {"id": uuid4(), "entry_id": uuid4(), "account_id": fund, "amount": 5, "currency": RUB}
    with pytest.raises(DBAPIError):
        async with filled.engine.begin() as connection:
            await connection.execute(insert(Posting).values(row))
    assert await balances() == before


async def test_account_begins_empty(resources: Resources) -> None:
    """Nobody brings money in by opening an account that has some."""
    row = {
        "id": uuid4(),
        "name": "x",
        "kind": AccountKind.ASSET,
        "currency": RUB,
        "floor_zero": True,
        "balance": 5,
    }
    with pytest.raises(DBAPIError, match="begins empty"):
        async with resources.engine.begin() as connection:
            await connection.execute(insert(LedgerAccount).values(row))


async def test_forged_entry_that_balances_is_counted(filled: Resources, balances: Balances) -> None:
    """Balances follow the postings whoever wrote them: no entry can hide from them."""
    fund, reserved = [await _account(filled, purpose) for purpose in (Purpose.FUND, Purpose.RESERVED)]
    await _enter(filled, [(fund, -5, RUB), (reserved, 5, RUB), (fund, -3, RUB), (reserved, 3, RUB)])
    assert (await balances())[Purpose.FUND] == 100_000_00 - 8
