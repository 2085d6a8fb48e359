"""What the operator's commands about outgoing money do, in words for a terminal."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlmodel import col, func, select

from bot.database import Resources
from bot.operations import OPERATOR
from bot.problems import Problem
from models.voucher import Voucher, VoucherKind
from payments import vouchers
from payments.money import parse_amount
from payments.reconcile import Difference, ask_providers, compare, finish_open
from payments.vouchers import RowsRefused
from services import treasury_machine
from texts.catalogue import FALLBACK
from texts.formats import money


@dataclass(frozen=True, slots=True)
class Rows:
    """A file of codes, and what each is."""

    file: Path
    kind: VoucherKind
    amount: str
    currency: str | None
    given: bool


@dataclass(frozen=True, slots=True)
class Mended:
    """What was mended at the providers of gifts: lines to print, differences, and whether everybody answered."""

    lines: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    whole: bool = True


async def load_vouchers(resources: Resources, rows: Rows) -> tuple[list[str], bool]:
    """Load a file; what to print, and whether it was loaded. Raises `Refused` and `Problem`."""
    try:
        lines = rows.file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{rows.file}: cannot be read ({type(error).__name__})") from None
    try:
        async with resources.unit() as unit:
            each = parse_amount(rows.amount, rows.currency.upper() if rows.currency else unit.policy.currency)
            count = await vouchers.load(unit, lines, rows.kind, each, given=rows.given, by=OPERATOR)
    except RowsRefused as refused:
        render = resources.texts.render
        bad = [f"line {row.line}: {render(row.why, FALLBACK)}" for row in refused.rows]
        return [*bad, render(refused.text_key, FALLBACK, n=len(bad))], False
    worth = money(each.amount * count, each.currency, FALLBACK)
    return [f"Loaded {count} codes worth {worth}. Erase the file now: the codes in it are readable."], True


async def write_off_vouchers(resources: Resources, kind: VoucherKind, *, doubted_only: bool) -> str:
    """Take a kind out of the stock; says how many there were."""
    async with resources.unit() as unit:
        return f"Written off: {await vouchers.write_off(unit, kind, OPERATOR, doubted_only=doubted_only)}."


async def trust_vouchers(resources: Resources, kind: VoucherKind) -> str:
    """Put what a restore has put in doubt back into the stock; says how many codes there were."""
    async with resources.unit() as unit:
        return f"In stock again: {await vouchers.trust(unit, kind, OPERATOR)}."


async def count_vouchers(resources: Resources) -> list[str]:
    """One line for each kind, worth and state."""
    lines = []
    async with resources.unit() as unit:
        for kind in VoucherKind:
            rows = await unit.session.exec(
                select(Voucher.amount, Voucher.currency, Voucher.status, func.count(col(Voucher.id)))
                .where(Voucher.kind == kind)
                .group_by(col(Voucher.amount), col(Voucher.currency), col(Voucher.status))
                .order_by(col(Voucher.amount), col(Voucher.status))
            )
            for amount, currency, status, count in rows.all():
                lines.append(f"{kind} {money(amount, currency, FALLBACK)} {status}: {count}")
    return lines or ["There are no codes."]


async def reconcile_now(resources: Resources, days: int, gifts: Mended | None = None) -> tuple[list[str], bool]:
    """Finish what is open, compare; what to print, and whether all agrees. `gifts` were mended before."""
    gifts = gifts or Mended()
    came = await finish_open(resources.unit, treasury_machine.told)
    lines = [*gifts.lines, *(f"looked up again: {now}: {count}" for now, count in sorted(came.items()))]
    async with resources.glance() as unit:
        differences = await compare(unit)
    unheard: set[str] = set()
    differences += [*gifts.differences, *await ask_providers(resources.unit, timedelta(days=days), unheard)]
    render = resources.texts.render
    for difference in differences:
        what = render(f"reconcile.{difference.kind}", FALLBACK)
        lines.append(f"{difference.subject}: {what} (here {difference.ours}, there {difference.theirs})")
    lines += [f"{rail}: the provider did not answer" for rail in sorted(unheard)]
    answered = gifts.whole and not unheard
    lines += [f"{len(differences)} differences."] if differences else []
    lines += [] if answered else ["Not everybody answered: ask again later."]
    whole = answered and not differences
    return [*lines, "Everything agrees."] if whole else lines, whole
